/** A piece of a site's life, drawn from a seed: people, faults on every part, restarts; and what must hold throughout. */
import { type Grant, grantId, type Window } from '../../daemon/access/model.ts';
import { deviceId, slotNumber } from '../../drivers/contract/device.ts';
import { instant, type Millis, type Random, randomInteger } from '../../drivers/contract/time.ts';
import { NO_FAULTS } from '../../simulator/lane.ts';
import { seededRandom } from '../../simulator/random.ts';
import { OwnCloud } from '../../simulator/site/own-cloud.ts';
import { Exchange } from '../daemon/cloud/cloud-and-bridge.ts';
import { Cable } from '../scenario/cable.ts';
import {
  FLAT_KEY,
  minutes,
  READ_KEY,
  type SimulatedSite,
  STORE_KEY,
  simulatedSite,
} from '../site.ts';
import { Broken, Watcher } from './watcher.ts';

export interface LifeReport {
  readonly seed: number;
  /** Milliseconds of the site's time. */
  readonly lived: Millis;
  readonly steps: number;
  readonly starts: number;
  readonly entries: number;
  readonly decisions: number;
  readonly granted: number;
  readonly pulses: number;
  /** What happened, newest last. */
  readonly story: readonly string[];
}

export class LifeError extends Error {
  override readonly name = 'LifeError';
  constructor(seed: number, story: readonly string[], cause: unknown) {
    const tail = story.slice(-25).map((line) => `    ${line}`);
    super(`seed ${seed}: ${String(cause)}\n${tail.join('\n')}`, { cause });
  }
}

const KEYS = [FLAT_KEY, READ_KEY, STORE_KEY];
const GRANTS = 6;
const PINS = Array.from({ length: GRANTS }, (_, n) => String(481_900 + n * 1117));

/** @throws LifeError with the seed and what led to it */
export async function live(seed: number, steps: number): Promise<LifeReport> {
  const life = await Life.begin(seed);
  await using _site = life.site;
  try {
    for (let step = 0; step < steps; step += 1) await life.step();
    await life.end();
  } catch (error) {
    throw new LifeError(seed, life.story, error);
  }
  return life.report(steps);
}

class Life {
  readonly site: SimulatedSite;
  readonly story: string[] = [];
  readonly #seed: number;
  readonly #random: Random;
  readonly #cable: Cable;
  readonly #exchange: Exchange;
  readonly #cloud: OwnCloud;
  readonly #watcher: Watcher;
  readonly #revs = new Map<string, number>();
  readonly #dead = new Set<string>();
  readonly #began: number;
  /** How far the wall clock was pushed off. */
  #off = 0;
  #starts = 1;
  #lockdowns = 0;
  #failures = 0;
  /** Keys in people's hands. */
  readonly #hands: string[] = [];

  static async begin(seed: number): Promise<Life> {
    const random = seededRandom(seed);
    const auditFull = random.fraction() < 0.7 ? 'deny' : 'allow_staff';
    const exchange = new Exchange();
    const cable = new Cable(exchange);
    const site = await simulatedSite({
      seed,
      onDisk: true,
      broker: cable,
      at: random.fraction() < 0.5 ? '2026-10-24T23:30:00Z' : '2026-03-29T00:30:00Z',
      change: (config) => ({
        ...config,
        site: { ...config.site, policies: { ...config.site.policies, auditFull } },
      }),
    });
    const [sender] = site.enrolment.senders;
    if (sender === undefined) throw new Error('somebody may send commands');
    const cloud = await site.settling(
      OwnCloud.join({ broker: exchange, key: sender, clock: site.clock, random }),
    );
    return new Life(seed, random, site, cable, exchange, cloud, auditFull !== 'deny');
  }

  private constructor(
    seed: number,
    random: Random,
    site: SimulatedSite,
    cable: Cable,
    exchange: Exchange,
    cloud: OwnCloud,
    mayGoUnstored: boolean,
  ) {
    this.#seed = seed;
    this.#random = random;
    this.site = site;
    this.#cable = cable;
    this.#exchange = exchange;
    this.#cloud = cloud;
    this.#began = site.clock.now() - site.clock.uptime();
    this.#watcher = new Watcher(site, {
      mayGoUnstored,
      trueTime: () => this.#began + site.clock.uptime(),
    });
  }

  report(steps: number): LifeReport {
    const { entries, decisions, granted } = this.#watcher;
    return {
      seed: this.#seed,
      lived: this.site.clock.uptime(),
      steps,
      starts: this.#starts,
      entries,
      decisions,
      granted,
      pulses: this.site.pulseCount,
      story: this.story,
    };
  }

  async step(): Promise<void> {
    const total = DEEDS.reduce((sum, [weight]) => sum + weight, 0);
    let left = this.#random.fraction() * total;
    const deed = DEEDS.find(([weight]) => {
      left -= weight;
      return left < 0;
    });
    if (deed === undefined) return;
    await deed[1](this);
    if (!this.site.isRunning) await this.#startAgain();
    this.#watcher.check();
  }

  /** Everything is mended; then all must be as promised, without a hand on the daemon. */
  async end(): Promise<void> {
    this.say('everything is mended');
    const { site } = this;
    for (const bus of site.buses.values()) {
      bus.mend();
      bus.setFaults(NO_FAULTS);
    }
    for (const port of site.ports.values()) await port.plug();
    for (const each of ['box', 'keypad', 'fobs', 'slot-7'])
      [...site.buses.values()]
        .find(({ devices }) => devices.has(each))
        ?.devices.get(each)
        ?.power(true);
    for (const verb of ['mute', 'busy']) site.hand('box', verb, { on: false });
    site.daemon.desk.journal.failWrites('full', 0);
    this.trueClock();
    this.#cable.mend();
    for (const slot of site.openSlots()) this.closeDoor(slot);
    await site.advance(minutes(6));
    this.#watcher.check();

    const { journal } = site.daemon.desk;
    if (!journal.isSafe) throw new Broken('P8', 'the disk is well again, the store is not');
    const told = this.#cloud.events;
    const seqs = told.map(({ seq }) => seq).toSorted((a, b) => a - b);
    // It came when the site was running, and is told everything from there.
    const first = seqs[0] ?? 1;
    const astray = seqs.find((seq, n) => seq !== first + n);
    if (astray !== undefined)
      throw new Broken('P8', `the cloud has no entry before ${astray}, or that one twice`);
    if (this.#cloud.forged > 0) throw new Broken('P8', 'the cloud was told what was not written');
    if ((seqs.at(-1) ?? 0) < journal.lastSeq - 20)
      throw new Broken('P8', `of ${journal.lastSeq} entries the cloud has ${told.length}`);
    await this.#isStillOfUse();
    await site.stop();
    this.#watcher.files();
    if (this.#fault() !== undefined) throw this.#fault();
  }

  /** Whoever is let in now gets in at the first try. */
  async #isStillOfUse(): Promise<void> {
    const { site } = this;
    for (const [, { id }] of [...site.daemon.desk.journal.ledger.all('lockdown')])
      await site.command({ kind: 'release', by: 'end', lockdown: id });
    await site.command({ kind: 'keypad.reset', by: 'end', device: deviceId('keypad') });
    const free = Array.from({ length: 16 }, (_, n) => n + 1).find((slot) => this.#isFree(slot));
    if (free === undefined) return;
    await this.#put({ id: 'last', pin: '905531', slot: free, window: { kind: 'ongoing' } });
    const before = site.pulses(free);
    await site.type('905531#');
    if (site.pulses(free) !== before + 1)
      throw new Broken('P11', `slot ${free} does not open: ${JSON.stringify(site.journal.at(-1))}`);
  }

  #isFree(slot: number): boolean {
    const { ledger } = this.site.daemon.desk.journal;
    const row = ledger.get('slot', `box:${slot}`);
    const isHeld = [...ledger.all('key')].some(
      ([, { place }]) => place.kind === 'slot' && place.slot === slot,
    );
    return !isHeld && row?.doorOpen !== true && row?.flags.includes('shared') !== true;
  }

  #fault(): Broken | undefined {
    try {
      if (this.site.isRunning) this.#watcher.check();
      return undefined;
    } catch (error) {
      if (error instanceof Broken) return error;
      throw error;
    }
  }

  say(what: string): void {
    this.story.push(`${(this.site.clock.uptime() / 1000).toFixed(1)} s  ${what}`);
  }

  chance(of: number): boolean {
    return this.#random.fraction() < of;
  }

  draw(bound: number): number {
    return randomInteger(this.#random, bound);
  }

  one<T>(all: readonly T[]): T {
    const found = all[this.draw(all.length)];
    if (found === undefined) throw new Error('nothing to draw from');
    return found;
  }

  // People

  async typesCode(): Promise<void> {
    const pin = this.chance(0.85) ? this.one(PINS) : String(100_000 + this.draw(900_000));
    this.say(`types ${pin}`);
    this.site.hand('keypad', 'press', { keys: `${pin}#` });
    await this.pass(this.draw(4000));
  }

  async showsFob(): Promise<void> {
    const fob = this.chance(0.7)
      ? (this.#hands.at(-1) ?? this.one(KEYS).fob)
      : this.one(['1F00644BB6', FLAT_KEY.fob, '1F00000001']);
    this.say(`shows ${fob}`);
    this.site.hand('fobs', 'show', { fob });
    await this.pass(400);
    this.site.hand('fobs', 'remove');
    await this.pass(this.draw(3000));
  }

  async usesOpenSlot(): Promise<void> {
    const slots = this.site.openSlots();
    if (slots.length === 0) return this.pass(this.draw(3000));
    const slot = this.one(slots);
    const what = this.draw(3);
    try {
      if (what === 0) {
        const fob = this.site.hand('box', 'take-key', { slot });
        if (typeof fob === 'string') this.#hands.push(fob);
        this.say(`takes ${String(fob)} from ${slot}`);
      } else if (what === 1) {
        const fob = this.#hands.pop();
        if (fob !== undefined) this.site.hand('box', 'put-key', { slot, fob });
        this.say(`puts ${fob} into ${slot}`);
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // an empty slot
    }
    await this.pass(this.draw(2500));
    if (this.chance(0.8)) this.closeDoor(slot);
    await this.pass(this.draw(2500));
  }

  closeDoor(slot: number): void {
    try {
      this.site.hand('box', 'close-door', { slot });
      this.say(`closes ${slot}`);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // the solenoid still holds
    }
  }

  forcesDoor(): void {
    const slot = 1 + this.draw(16);
    this.say(`forces ${slot}`);
    this.site.hand('box', 'force-door', { slot });
  }

  // Managers and cloud

  async putsGrant(): Promise<void> {
    const n = this.draw(GRANTS);
    const id = `g-${n}`;
    if (this.#dead.has(id)) return;
    const now = this.#began + this.site.clock.uptime();
    const edge = () => instant(now + (this.draw(20) - 8) * 30_000);
    const [first, second] = [edge(), edge()];
    const window: Window = this.chance(0.4)
      ? { kind: 'ongoing' }
      : {
          kind: 'instants',
          start: instant(Math.min(first, second)),
          end: instant(Math.max(first, second) + 1),
        };
    await this.#put({
      id,
      pin: this.one(PINS),
      window,
      ...(this.chance(0.3) ? { fob: '1F00644BB6' } : {}),
      ...(this.chance(0.3) ? { slot: 1 + this.draw(16) } : { key: this.one(KEYS).key }),
      ...(this.chance(0.3) ? { uses: 1 + this.draw(3) } : {}),
      ...(this.chance(0.2) ? { staff: true } : {}),
    });
  }

  async #put(wish: {
    readonly id: string;
    readonly pin: string;
    readonly fob?: string;
    readonly key?: string;
    readonly slot?: number;
    readonly uses?: number;
    readonly staff?: boolean;
    readonly window: Window;
  }): Promise<void> {
    const { id, pin, fob, key, slot, uses, staff, window } = wish;
    const rev = (this.#revs.get(id) ?? 0) + 1;
    const more: Partial<Grant> = {
      ...(slot === undefined ? {} : { targets: [{ kind: 'slot', id: `box:${slot}` }] }),
      ...(uses === undefined ? {} : { uses: { max: uses } }),
      ...(staff === undefined ? {} : { options: { staff } }),
    };
    this.say(`grant ${id} rev ${rev}: ${pin} ${JSON.stringify({ key, window, ...more })}`);
    const optional = {
      ...(fob === undefined ? {} : { fob }),
      ...(key === undefined ? {} : { key }),
    };
    await this.site.put({ id, rev, pin, window, more, ...optional });
    this.#revs.set(id, rev);
    const stored = this.site.daemon.desk.grants.grant(grantId(id));
    if (stored !== undefined) this.#watcher.put(stored.grant);
  }

  async revokesGrant(): Promise<void> {
    const id = `g-${this.draw(GRANTS)}`;
    const rev = this.#revs.get(id);
    if (rev === undefined || this.#dead.has(id) || !this.site.daemon.desk.journal.isSafe) return;
    this.say(`revokes ${id}`);
    try {
      await this.site.revoke(id, rev + 1);
    } catch {
      return this.say('  which could not be stored, and is not acknowledged');
    }
    this.#dead.add(id);
    this.#watcher.revoked(id);
  }

  commands(): void {
    const slot = slotNumber(1 + this.draw(16));
    this.say(`the manager opens ${slot}`);
    void this.site.daemon.desk.command(
      { kind: 'slot.open', by: 'anna', device: deviceId('box'), slot },
      [],
    ).outcome;
  }

  async signedCommand(): Promise<void> {
    if (this.#cloud.client.state === undefined) return;
    const slot = 1 + this.draw(16);
    this.say(`the cloud opens ${slot}`);
    this.#cloud.ask('slot.open', { dev: 'box', slot }).catch(() => {}); // no answer is an answer here
    await this.pass(this.draw(1500));
  }

  /** Whoever owns the broker sends again what passed before. */
  async replays(): Promise<void> {
    const old = this.#exchange.passed.filter(({ topic }) => topic.includes('/cmd/'));
    if (old.length === 0) return;
    const { topic, payload } = this.one(old);
    this.say(`the broker replays ${topic}`);
    const end = new AbortController();
    const session = await this.#exchange.connect(
      {
        clientId: 'evil',
        willDelaySeconds: 0,
        subscriptions: [],
        sessionExpirySeconds: 0,
        receiveMaximum: 1,
        keepAliveSeconds: 30,
        connectWithin: 1000,
      },
      { message: async () => {}, closed: () => {} },
      end.signal,
    );
    await session.publish({ topic, payload, qos: 1, retain: false });
    end.abort();
    await this.pass(this.draw(1500));
  }

  async lockdown(): Promise<void> {
    if (this.#lockdowns > 0 && this.chance(0.8)) {
      for (const [, { id }] of [...this.site.daemon.desk.journal.ledger.all('lockdown')])
        void this.site.daemon.desk.command({ kind: 'release', by: 'anna', lockdown: id }, [])
          .outcome;
      this.#lockdowns = 0;
      return this.say('the lockdown is released');
    }
    this.#lockdowns += 1;
    this.say('lockdown');
    void this.site.daemon.desk.command(
      {
        kind: 'lockdown',
        by: 'anna',
        lockdown: `l-${this.draw(1e6)}`,
        scope: 'site',
        allowStaff: this.chance(0.5),
      },
      [],
    ).outcome;
  }

  // Parts that break

  wireTrouble(): void {
    const [name, bus] = this.one([...this.site.buses]);
    const some = () => (this.chance(0.4) ? this.#random.fraction() * 0.3 : 0);
    switch (this.draw(4)) {
      case 0:
        bus.cut();
        this.say(`${name} is cut`);
        return;
      case 1: {
        const faults = {
          lose: some(),
          garble: some(),
          truncate: some(),
          duplicate: some(),
          noise: some(),
          stray: some(),
          delay: this.draw(60),
        };
        bus.setFaults(faults);
        // A request that comes twice would be done twice by any board: no wire does that by itself.
        bus.setFaults({ duplicate: 0 }, { direction: 'to-device' });
        this.say(`${name}: ${JSON.stringify(faults)}`);
        return;
      }
      default:
        bus.mend();
        bus.setFaults(NO_FAULTS);
        this.say(`${name} is mended`);
        return;
    }
  }

  async portTrouble(): Promise<void> {
    const [name, port] = this.one([...this.site.ports]);
    this.say(port.isPlugged ? `${name} is unplugged` : `${name} is plugged in`);
    await (port.isPlugged ? port.unplug() : port.plug());
  }

  boardTrouble(): void {
    const verb = this.one(['mute', 'busy', 'power', 'reply-late', 'jam', 'deaf']);
    const on = this.chance(0.35);
    this.say(`box: ${verb} ${on}`);
    const box = this.site.buses.get('box-bus')?.devices.get('box');
    if (verb === 'power') box?.power(!on);
    else if (verb === 'reply-late')
      this.site.hand('box', verb, { ms: this.draw(900), count: this.draw(5) });
    else if (verb === 'deaf') this.site.hand('box', verb, { ms: on ? this.draw(1500) : 0 });
    else if (verb === 'jam') this.site.hand('box', verb, { slot: 1 + this.draw(16), on });
    else this.site.hand('box', verb, { on });
  }

  brokerTrouble(): void {
    this.say(this.#cable.isUp ? 'the internet goes' : 'the internet is back');
    if (this.#cable.isUp) this.#cable.cut();
    else this.#cable.mend();
  }

  diskTrouble(): void {
    const times = this.chance(0.5) ? 1 + this.draw(8) : 0;
    const as = this.one(['full', 'broken'] as const);
    this.say(`disk: ${as} ${times} times`);
    this.site.daemon.desk.journal.failWrites(as, times);
  }

  /** The very entry that something is to rest on cannot be written. */
  async diskFailsUnderCode(): Promise<void> {
    const slot = Array.from({ length: 16 }, (_, n) => n + 1).find((each) => this.#isFree(each));
    if (slot === undefined) return;
    this.#failures += 1;
    const pin = String(730_000 + this.#failures);
    await this.#put({ id: `d-${this.#failures}`, pin, slot, window: { kind: 'ongoing' } });
    this.say(`the disk fails under ${pin}`);
    this.site.daemon.desk.journal.failWrites(this.one(['full', 'broken'] as const), 2);
    this.site.hand('keypad', 'press', { keys: `${pin}#` });
    await this.pass(2500);
  }

  clockTrouble(): void {
    if (this.#off !== 0 || !this.site.hasTimeServer) {
      this.trueClock();
      this.say('the time server is back');
      return;
    }
    this.site.hasTimeServer = false;
    const by = (this.chance(0.5) ? 1 : -1) * this.draw(this.chance(0.5) ? 200_000 : 90_000_000);
    this.#off += by;
    this.site.clock.shiftWall(by);
    this.say(`no time server, and the wall clock leaps by ${by} ms`);
  }

  trueClock(): void {
    this.site.clock.shiftWall(-this.#off);
    this.#off = 0;
    this.site.hasTimeServer = true;
  }

  // The daemon itself

  killed(): void {
    this.say('killed');
    this.site.cut();
  }

  /** In the moment in which the next entry is on the disk, before anything that rests on it has moved. */
  async killedAtCommit(): Promise<void> {
    this.say('killed with the next commit');
    const stop = this.site.daemon.desk.journal.follow(() => this.site.cut());
    await this.typesCode();
    await this.pass(3000);
    stop();
  }

  async stopped(): Promise<void> {
    this.say('stopped');
    await this.site.stop();
  }

  async #startAgain(): Promise<void> {
    if (this.#watcher !== undefined) this.#watcher.files();
    this.#starts += 1;
    await this.site.restart(this.chance(0.3) ? this.draw(minutes(5)) : 0);
    this.#watcher.follow();
    this.say('started');
  }

  async pass(length: Millis): Promise<void> {
    await this.site.advance(length);
  }
}

type Deed = readonly [weight: number, does: (life: Life) => void | Promise<void>];

const DEEDS: readonly Deed[] = [
  [20, (life) => life.typesCode()],
  [12, (life) => life.showsFob()],
  [22, (life) => life.usesOpenSlot()],
  [1, (life) => life.forcesDoor()],
  [9, (life) => life.putsGrant()],
  [2, (life) => life.revokesGrant()],
  [3, (life) => life.commands()],
  [4, (life) => life.signedCommand()],
  [2, (life) => life.replays()],
  [2, (life) => life.lockdown()],
  [6, (life) => life.wireTrouble()],
  [3, (life) => life.portTrouble()],
  [4, (life) => life.boardTrouble()],
  [3, (life) => life.brokerTrouble()],
  [3, (life) => life.diskTrouble()],
  [5, (life) => life.diskFailsUnderCode()],
  [2, (life) => life.clockTrouble()],
  [2, (life) => life.killed()],
  [2, (life) => life.killedAtCommit()],
  [1, (life) => life.stopped()],
  [12, (life) => life.pass(life.draw(20_000))],
  [2, (life) => life.pass(life.draw(300_000))],
];
