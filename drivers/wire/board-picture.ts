/** What is known of a board's doors and slots: only what several equal readings have said. */
import type { DeviceEvent, DeviceId } from '../contract/device.ts';
import { slotNumber } from '../contract/device.ts';
import type { Bit, Reading } from './board.ts';

interface Sense {
  readonly value: Bit;
  /** What the last readings said instead, and how many of them in a row. */
  readonly other: Bit;
  readonly count: number;
}

/** Of each kind of sensor, number 1 first. */
export interface Picture {
  readonly doors: readonly Sense[];
  readonly presence: readonly Sense[];
  readonly inputs: readonly Sense[];
  readonly contact: readonly Sense[];
}

/** Nothing is known; the first value of each sensor is told with `first`. */
export const BLANK_PICTURE: Picture = { doors: [], presence: [], inputs: [], contact: [] };

export interface Seen {
  readonly picture: Picture;
  readonly events: readonly DeviceEvent[];
  /** Nothing waits for another equal reading. */
  readonly isSettled: boolean;
}

/**
 * What changed within one reading is told as hands do it: doors that open, what left or came, then doors that shut.
 * Somebody quick takes a key and shuts the door between two polls.
 */
export function look(before: Picture, reading: Reading, debounce: number, device: DeviceId): Seen {
  const { doors, presence, inputs = [], contact } = reading;
  const events: DeviceEvent[] = [];
  const next = (
    senses: readonly Sense[],
    bits: readonly Bit[],
    tell: (number: number, value: boolean, first: boolean) => DeviceEvent,
  ) =>
    bits.map((bit, index) => {
      const sense = see(senses[index], bit, debounce);
      const was = senses[index]?.value;
      if (sense.value !== undefined && sense.value !== was) {
        events.push(tell(index + 1, sense.value, was === undefined));
      }
      return sense;
    });
  const picture: Picture = {
    doors: next(before.doors, doors, (number, isOpen, first) => {
      return { device, kind: 'slot-door', slot: slotNumber(number), isOpen, first };
    }),
    presence: next(before.presence, presence, (number, present, first) => {
      return { device, kind: 'slot-presence', slot: slotNumber(number), present, first };
    }),
    inputs: next(before.inputs, inputs, (input, active, first) => {
      return { device, kind: 'input', input, active, first };
    }),
    contact: next(before.contact, contact === undefined ? [] : [contact], (_, isOpen, first) => {
      return { device, kind: 'door-contact', isOpen, first };
    }),
  };
  const senses = [picture.doors, picture.presence, picture.inputs, picture.contact].flat();
  const shuts = (event: DeviceEvent) => event.kind === 'slot-door' && !event.isOpen && !event.first;
  const opens = (event: DeviceEvent) => event.kind === 'slot-door' && !shuts(event);
  const rest = events.filter((event) => event.kind !== 'slot-door');
  const inOrder = [...events.filter(opens), ...rest, ...events.filter(shuts)];
  return { picture, events: inOrder, isSettled: senses.every(({ count }) => count === 0) };
}

/** Most readings by far say what is known already. */
export function isAsSeen(before: Picture, reading: Reading): boolean {
  return (
    areAsSeen(before.doors, reading.doors) &&
    areAsSeen(before.presence, reading.presence) &&
    areAsSeen(before.inputs, reading.inputs ?? NO_BITS) &&
    (reading.contact === undefined
      ? before.contact.length === 0
      : isOneAsSeen(before.contact[0], reading.contact))
  );
}

const NO_BITS: readonly Bit[] = [];

function areAsSeen(senses: readonly Sense[], bits: readonly Bit[]): boolean {
  return senses.length === bits.length && bits.every((bit, n) => isOneAsSeen(senses[n], bit));
}

function isOneAsSeen(sense: Sense | undefined, bit: Bit): boolean {
  return sense !== undefined && sense.count === 0 && (bit === undefined || bit === sense.value);
}

const UNKNOWN: Sense = { value: undefined, other: undefined, count: 0 };

function see(before: Sense = UNKNOWN, bit: Bit, debounce: number): Sense {
  if (bit === undefined) return before;
  if (bit === before.value) return { value: bit, other: undefined, count: 0 };
  const count = bit === before.other ? before.count + 1 : 1;
  if (count >= debounce) return { value: bit, other: undefined, count: 0 };
  return { value: before.value, other: bit, count };
}
