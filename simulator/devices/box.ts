/** A key box as a thing: doors with hooks and solenoids, slots with keys, and hands that open, take and put. */
import { type Clock, type Millis, type Timer, uptime } from '../../drivers/contract/time.ts';
import { ArgumentError, type Arguments, numberIn, textIn, yesOrNo } from '../arguments.ts';
import type { SimJson, Verb } from '../device.ts';

/** From the beginning of a pulse until the hook lets go. */
const RELEASE: Millis = 20;

export type Sensor = 'door' | 'presence';

interface Slot {
  /** The hook holds the door. */
  isLatched: boolean;
  /** Fobs of the keys that lie in it; two if somebody put one to another. */
  readonly fobs: string[];
  isJammed: boolean;
  /** Sensors that say the opposite of what is. */
  readonly lies: Set<Sensor>;
  /** Its presence sensor says something else at every reading. */
  isFlapping: boolean;
  pulses: number;
  pulse: Timer | undefined;
  release: Timer | undefined;
}

export class SimulatedBox {
  readonly #clock: Clock;
  readonly #slots: readonly Slot[];
  readonly #watchers = new Set<() => void>();
  #pulsing = 0;
  #mostPulsing = 0;

  constructor(clock: Clock, slots: number) {
    this.#clock = clock;
    this.#slots = Array.from({ length: slots }, () => ({
      isLatched: true,
      fobs: [],
      isJammed: false,
      lies: new Set<Sensor>(),
      isFlapping: false,
      pulses: 0,
      pulse: undefined,
      release: undefined,
    }));
  }

  get size(): number {
    return this.#slots.length;
  }

  /** Calls `changed` whenever a hand or a solenoid has changed something. */
  watch(changed: () => void): void {
    this.#watchers.add(changed);
  }

  /** What the solenoid does when the board powers it. */
  pulse(number: number, length: Millis): void {
    const slot = this.#slots[number - 1];
    if (slot === undefined) return;
    slot.pulses += 1;
    if (slot.pulse === undefined) this.#pulsing += 1;
    this.#mostPulsing = Math.max(this.#mostPulsing, this.#pulsing);
    slot.pulse?.cancel();
    slot.pulse = this.#after(length, () => this.#endPulse(slot));
    slot.release ??= this.#after(RELEASE, () => {
      slot.release = undefined;
      if (slot.isJammed) return;
      slot.isLatched = false;
      this.#changed();
    });
  }

  /** What the solenoid does when its power is taken away before its time. */
  release(number: number): void {
    const slot = this.#slots[number - 1];
    if (slot?.pulse === undefined) return;
    slot.release?.cancel();
    slot.release = undefined;
    this.#endPulse(slot);
  }

  /** The supply is gone: no solenoid is powered any more. Doors and keys stay as they are. */
  losePower(): void {
    for (const index of this.#slots.keys()) this.release(index + 1);
  }

  isLatched(number: number): boolean {
    return this.#slots[number - 1]?.isLatched ?? false;
  }

  pulsesOf(number: number): number {
    return this.#slots[number - 1]?.pulses ?? 0;
  }

  isPulsing(number: number): boolean {
    return this.#slots[number - 1]?.pulse !== undefined;
  }

  fobsIn(number: number): readonly string[] {
    return this.#slots[number - 1]?.fobs ?? [];
  }

  /** As the hook's switch says it. */
  readHook(number: number): boolean {
    const slot = this.#slots[number - 1];
    return slot !== undefined && slot.isLatched !== slot.lies.has('door');
  }

  /** As the slot's light barrier says it. */
  readPresence(number: number): boolean {
    const slot = this.#slots[number - 1];
    if (slot === undefined) return false;
    if (slot.isFlapping) {
      if (slot.lies.has('presence')) slot.lies.delete('presence');
      else slot.lies.add('presence');
    }
    return slot.fobs.length > 0 !== slot.lies.has('presence');
  }

  look(): SimJson {
    return {
      slots: Object.fromEntries(
        this.#slots.map((slot, index) => [
          index + 1,
          {
            door: slot.isLatched ? 'shut' : 'open',
            fobs: [...slot.fobs],
            pulses: slot.pulses,
            isPulsing: slot.pulse !== undefined,
            isJammed: slot.isJammed,
            lies: [...slot.lies],
          },
        ]),
      ),
      mostPulsingAtOnce: this.#mostPulsing,
    };
  }

  readonly verbs: Readonly<Record<string, Verb>> = {
    'take-key': {
      what: 'takes the key out of an open slot; answers with its fob',
      arguments: { slot: 'number on the door', 'fob?': 'which one, where two lie in it' },
      run: (given) => {
        const slot = this.#openSlot(given);
        const fob = textIn(given, 'fob') ?? slot.fobs.at(-1);
        const place = fob === undefined ? -1 : slot.fobs.indexOf(fob);
        if (fob === undefined || place < 0)
          throw new ArgumentError('slot', 'no such key lies there');
        slot.fobs.splice(place, 1);
        this.#changed();
        return { fob };
      },
    },
    'put-key': {
      what: 'puts a key into an open slot',
      arguments: { slot: 'number on the door', 'fob?': 'ten hex digits of its fob' },
      run: (given) => {
        const slot = this.#openSlot(given);
        slot.fobs.push(fobIn(given));
        return this.#changed();
      },
    },
    stock: {
      what: 'lets a key lie in a slot from before, without the door being opened',
      arguments: { slot: 'number on the door', 'fob?': 'ten hex digits of its fob' },
      run: (given) => {
        this.#slot(given).fobs.push(fobIn(given));
        return this.#changed();
      },
    },
    'open-door': {
      what: 'pulls at a door; it opens only where the hook has let go',
      arguments: { slot: 'number on the door' },
      run: (given) => {
        this.#openSlot(given);
        return null;
      },
    },
    'close-door': {
      what: 'pushes a door shut until the hook holds it',
      arguments: { slot: 'number on the door' },
      run: (given) => {
        const slot = this.#slot(given);
        if (slot.pulse !== undefined && !slot.isJammed) {
          throw new ArgumentError('slot', 'the solenoid still holds the hook open');
        }
        slot.isLatched = true;
        return this.#changed();
      },
    },
    'force-door': {
      what: 'breaks a door open without its solenoid',
      arguments: { slot: 'number on the door' },
      run: (given) => {
        this.#slot(given).isLatched = false;
        return this.#changed();
      },
    },
    jam: {
      what: 'lets the hook stick: a pulse does not open the door',
      arguments: { slot: 'number on the door', 'on?': 'true (the default) or false' },
      run: (given) => {
        this.#slot(given).isJammed = yesOrNo(given, 'on', true);
        return null;
      },
    },
    lie: {
      what: 'lets a sensor say the opposite of what is',
      arguments: {
        slot: 'number on the door',
        'sensor?': 'door (the default) or presence',
        'on?': 'true (the default) or false',
      },
      run: (given) => {
        const { lies } = this.#slot(given);
        const sensor = sensorIn(given);
        if (yesOrNo(given, 'on', true)) lies.add(sensor);
        else lies.delete(sensor);
        return this.#changed();
      },
    },
    flap: {
      what: 'lets the presence sensor change its mind at every reading',
      arguments: { slot: 'number on the door', 'on?': 'true (the default) or false' },
      run: (given) => {
        const slot = this.#slot(given);
        slot.isFlapping = yesOrNo(given, 'on', true);
        if (!slot.isFlapping) slot.lies.delete('presence');
        return null;
      },
    },
  };

  #slot(given: Arguments): Slot {
    const number = numberIn(given, 'slot', { from: 1, to: this.#slots.length });
    const slot = this.#slots[number - 1];
    if (slot === undefined) throw new ArgumentError('slot', 'there is no such slot');
    return slot;
  }

  #openSlot(given: Arguments): Slot {
    const slot = this.#slot(given);
    if (slot.isLatched) throw new ArgumentError('slot', 'its door is locked');
    return slot;
  }

  #endPulse(slot: Slot): void {
    slot.pulse?.cancel();
    slot.pulse = undefined;
    this.#pulsing -= 1;
  }

  #after(length: Millis, run: () => void): Timer {
    return this.#clock.wakeAt(uptime(this.#clock.uptime() + length), run);
  }

  #changed(): null {
    for (const watcher of this.#watchers) watcher();
    return null;
  }
}

/** A fob that nobody named. */
const SOME_FOB = '0F00012ABC';

/** An EM4100 number of ten hex digits. */
export function fobIn(given: Arguments): string {
  const fob = (textIn(given, 'fob') ?? SOME_FOB).toUpperCase();
  if (!/^[0-9A-F]{10}$/.test(fob)) throw new ArgumentError('fob', 'a fob is ten hex digits');
  return fob;
}

function sensorIn(given: Arguments): Sensor {
  const sensor = textIn(given, 'sensor') ?? 'door';
  if (sensor !== 'door' && sensor !== 'presence') {
    throw new ArgumentError('sensor', '"sensor" is "door" or "presence"');
  }
  return sensor;
}
