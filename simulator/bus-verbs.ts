/** What can be done to a wire by hand: pull it out, cut it, make it bad. */
import { ArgumentError, type Arguments, numberIn, textIn, yesOrNo } from './arguments.ts';
import type { SimulatedBus } from './bus.ts';
import type { SimJson, Verb } from './device.ts';
import { type LaneFaults, NO_FAULTS } from './lane.ts';
import type { BusPort } from './link.ts';

const WHERE = {
  'device?': 'only on the stub of this device; without it on the whole bus',
  'direction?': 'to-host or to-device; without it both',
};

/** Longest delay, gap or hold-back that makes sense on a wire, in milliseconds. */
const LONGEST_MS = 60_000;

/** As a device's verb; ports come and go in their own time. */
export interface BusVerb extends Omit<Verb, 'run'> {
  run(given: Arguments): SimJson | Promise<SimJson>;
}

export function busVerbs(bus: SimulatedBus, port: BusPort): Readonly<Record<string, BusVerb>> {
  const done = (): null => null;
  const chance = (fault: keyof LaneFaults, what: string): BusVerb => ({
    what,
    arguments: { 'chance?': 'from 0 (never) to 1 (always, the default)', ...WHERE },
    run(given) {
      const value = numberIn(given, 'chance', { from: 0, to: 1, otherwise: 1 });
      bus.setFaults({ [fault]: value }, where(bus, given));
      return null;
    },
  });
  const length = (fault: keyof LaneFaults, off: number | undefined, what: string): BusVerb => ({
    what,
    arguments: { ms: 'milliseconds; 0 ends it', ...WHERE },
    run(given) {
      const ms = numberIn(given, 'ms', { from: 0, to: LONGEST_MS });
      bus.setFaults({ [fault]: ms === 0 ? off : ms }, where(bus, given));
      return null;
    },
  });
  return {
    unplug: {
      what: "pulls the host's adapter out: its port is gone",
      arguments: {},
      run: () => port.unplug().then(done),
    },
    plug: {
      what: 'puts the adapter back under the same name',
      arguments: { 'identity?': 'what it calls itself; another one is another adapter' },
      run: (given) => port.plug(textIn(given, 'identity')).then(done),
    },
    cut: {
      what: 'cuts the pair between port and devices: the port stays, nothing is heard',
      arguments: {},
      run() {
        bus.cut();
        return null;
      },
    },
    mend: {
      what: 'mends the pair',
      arguments: {},
      run() {
        bus.mend();
        return null;
      },
    },
    lose: chance('lose', 'loses what is said'),
    garble: chance('garble', 'changes one bit of what is said'),
    truncate: chance('truncate', 'cuts off the end of what is said'),
    duplicate: chance('duplicate', 'lets it arrive twice'),
    noise: chance('noise', 'puts bytes 00 or FF of an idle line before it'),
    stray: chance('stray', "puts 53 or 02, the beginning of somebody's frame, before it"),
    delay: length('delay', 0, 'delays everything'),
    split: length('split', undefined, 'lets it arrive byte by byte with a gap'),
    merge: length('merge', 0, 'holds it back and hands it on together with what follows'),
    mute: {
      what: 'lets nothing through',
      arguments: { 'on?': 'true (the default) or false', ...WHERE },
      run(given) {
        bus.setFaults({ mute: yesOrNo(given, 'on', true) }, where(bus, given));
        return null;
      },
    },
    echo: {
      what: 'lets the host hear its own bytes, as an adapter whose receiver stays on',
      arguments: { 'on?': 'true (the default) or false' },
      run(given) {
        bus.echo = yesOrNo(given, 'on', true);
        return null;
      },
    },
    heal: {
      what: 'ends every fault on bus and stubs; does not mend or plug',
      arguments: {},
      run() {
        bus.echo = false;
        bus.setFaults(NO_FAULTS);
        for (const device of bus.devices.keys()) bus.setFaults(NO_FAULTS, { device });
        return null;
      },
    },
  };
}

function where(
  bus: SimulatedBus,
  given: Arguments,
): { device?: string; direction?: 'to-host' | 'to-device' } {
  const device = textIn(given, 'device');
  if (device !== undefined && !bus.devices.has(device)) {
    throw new ArgumentError('device', `bus ${bus.name} has no device ${device}`);
  }
  const direction = textIn(given, 'direction');
  if (direction !== undefined && direction !== 'to-host' && direction !== 'to-device') {
    throw new ArgumentError('direction', '"direction" is "to-host" or "to-device"');
  }
  return {
    ...(device === undefined ? {} : { device }),
    ...(direction === undefined ? {} : { direction }),
  };
}
