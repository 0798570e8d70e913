/** Parts that break and are mended: wires, ports, boards, broker, disk, clock. */
import { NO_FAULTS } from '../../simulator/lane.ts';
import { minutes } from '../site.ts';
import type { Life } from './life.ts';
import { put } from './managers.ts';

export function wireTrouble(life: Life): void {
  const [name, bus] = life.one([...life.site.buses]);
  life.troubled.add(name);
  const some = () => (life.chance(0.4) ? life.random.fraction() * 0.3 : 0);
  switch (life.draw(4)) {
    case 0:
      bus.cut();
      life.say(`${name} is cut`);
      return;
    case 1: {
      const faults = {
        lose: some(),
        garble: some(),
        truncate: some(),
        duplicate: some(),
        noise: some(),
        stray: some(),
        delay: life.draw(60),
      };
      bus.setFaults(faults);
      // A request that comes twice would be done twice by any board: no wire does that by itself.
      bus.setFaults({ duplicate: 0 }, { direction: 'to-device' });
      life.say(`${name}: ${JSON.stringify(faults)}`);
      return;
    }
    default:
      bus.mend();
      bus.setFaults(NO_FAULTS);
      life.say(`${name} is mended`);
      return;
  }
}

export async function portTrouble(life: Life): Promise<void> {
  const [name, port] = life.one([...life.site.ports]);
  life.troubled.add(name);
  life.say(port.isPlugged ? `${name} is unplugged` : `${name} is plugged in`);
  await (port.isPlugged ? port.unplug() : port.plug());
}

export function boardTrouble(life: Life): void {
  const verb = life.one(['mute', 'busy', 'power', 'reply-late', 'jam', 'deaf']);
  const on = life.chance(0.35);
  life.say(`box: ${verb} ${on}`);
  const box = life.site.buses.get('box-bus')?.devices.get('box');
  if (verb === 'power') box?.power(!on);
  else if (verb === 'reply-late')
    life.site.hand('box', verb, { ms: life.draw(900), count: life.draw(5) });
  else if (verb === 'deaf') life.site.hand('box', verb, { ms: on ? life.draw(1500) : 0 });
  else if (verb === 'jam') life.site.hand('box', verb, { slot: 1 + life.draw(16), on });
  else life.site.hand('box', verb, { on });
}

export function brokerTrouble(life: Life): void {
  life.say(life.cable.isUp ? 'the internet goes' : 'the internet is back');
  if (life.cable.isUp) life.cable.cut();
  else life.cable.mend();
}

export function diskTrouble(life: Life): void {
  const times = life.chance(0.5) ? 1 + life.draw(8) : 0;
  const as = life.one(['full', 'broken'] as const);
  life.say(`disk: ${as} ${times} times`);
  life.site.daemon.desk.journal.failWrites(as, times);
}

/** The very entry that something is to rest on cannot be written. */
export async function diskFailsUnderCode(life: Life): Promise<void> {
  const slot = Array.from({ length: 16 }, (_, n) => n + 1).find((each) => life.isFree(each));
  if (slot === undefined) return;
  life.failures += 1;
  const pin = String(730_000 + life.failures);
  await put(life, { id: `d-${life.failures}`, pin, slot, window: { kind: 'ongoing' } });
  life.say(`the disk fails under ${pin}`);
  life.site.daemon.desk.journal.failWrites(life.one(['full', 'broken'] as const), 2);
  life.site.hand('keypad', 'press', { keys: `${pin}#` });
  await life.pass(2500);
}

export function clockTrouble(life: Life): void {
  if (life.off !== 0 || !life.site.hasTimeServer) {
    trueClock(life);
    life.say('the time server is back');
    return;
  }
  life.site.hasTimeServer = false;
  const by = (life.chance(0.5) ? 1 : -1) * life.draw(life.chance(0.5) ? 200_000 : 90_000_000);
  life.off += by;
  life.site.clock.shiftWall(by);
  life.say(`no time server, and the wall clock leaps by ${by} ms`);
}

export function trueClock(life: Life): void {
  life.site.clock.shiftWall(-life.off);
  life.off = 0;
  life.site.hasTimeServer = true;
}

/** The fire alarm, mostly while something else is broken, too (P14). */
export async function fire(life: Life): Promise<void> {
  const { site } = life;
  if (life.troubled.has('gate-bus')) {
    await mendWire(life, 'gate-bus');
    await life.pass(TRIED_AGAIN_WITHIN_MS);
  }
  if (!site.isRunning) return;
  life.say('fire');
  if (life.chance(0.5)) site.daemon.desk.journal.failWrites('broken', 1 + life.draw(20));
  site.hand('gate', 'set-input', { input: ALARM_INPUT });
  await life.pass(RELEASED_WITHIN_MS);
  // Killed with a commit of its own meanwhile, it cannot.
  if (site.isRunning && !site.isReleased('gate'))
    life.watcher.fail('P14', `fire, and the gate is locked after ${RELEASED_WITHIN_MS} ms`);
  await life.pass(life.draw(60_000));
  site.hand('gate', 'set-input', { input: ALARM_INPUT, active: false });
  life.say('the fire is out');
  await life.pass(2000);
}

async function mendWire({ site, troubled }: Life, name: string): Promise<void> {
  const bus = site.buses.get(name);
  bus?.mend();
  bus?.setFaults(NO_FAULTS);
  await site.ports.get(name)?.plug();
  troubled.delete(name);
}

/** Longer than the longest wait between two tries at a wire, or at a disk. */
const TRIED_AGAIN_WITHIN_MS = minutes(3);
const ALARM_INPUT = 8;
const RELEASED_WITHIN_MS = 2500;

/** P11: what is broken elsewhere keeps nobody from a key whose own way is whole. */
export async function wayOfOneCodeIsMended(life: Life): Promise<void> {
  const { site } = life;
  life.say('the way of one code is mended, and nothing else');
  for (const name of ['box-bus', 'pad-bus']) await mendWire(life, name);
  mendBoard(life);
  site.daemon.desk.journal.failWrites('full', 0);
  trueClock(life);
  await life.pass(TRIED_AGAIN_WITHIN_MS);
  await life.isStillOfUse('P11');
}

export function mendBoard({ site }: Life): void {
  site.buses.get('box-bus')?.devices.get('box')?.power(true);
  for (const verb of ['mute', 'busy']) site.hand('box', verb, { on: false });
  site.hand('box', 'deaf', { ms: 0 });
  site.hand('box', 'reply-late', { ms: 0, count: 0 });
  for (let slot = 1; slot <= 16; slot += 1) site.hand('box', 'jam', { slot, on: false });
}
