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

export interface Picture {
  readonly doors: readonly Sense[];
  readonly presence: readonly Sense[];
}

/** Nothing is known; the first value of each sensor is told with `first`. */
export const BLANK_PICTURE: Picture = { doors: [], presence: [] };

export interface Seen {
  readonly picture: Picture;
  readonly events: readonly DeviceEvent[];
  /** Nothing waits for another equal reading. */
  readonly isSettled: boolean;
}

export function look(before: Picture, reading: Reading, debounce: number, device: DeviceId): Seen {
  const events: DeviceEvent[] = [];
  const doors = reading.doors.map((bit, index) => {
    const sense = see(before.doors[index], bit, debounce);
    if (sense.value !== undefined && sense.value !== before.doors[index]?.value) {
      const first = before.doors[index]?.value === undefined;
      const slot = slotNumber(index + 1);
      events.push({ device, kind: 'slot-door', slot, isOpen: sense.value, first });
    }
    return sense;
  });
  const presence = reading.presence.map((bit, index) => {
    const sense = see(before.presence[index], bit, debounce);
    if (sense.value !== undefined && sense.value !== before.presence[index]?.value) {
      const first = before.presence[index]?.value === undefined;
      const slot = slotNumber(index + 1);
      events.push({ device, kind: 'slot-presence', slot, present: sense.value, first });
    }
    return sense;
  });
  const isSettled = [...doors, ...presence].every(({ count }) => count === 0);
  return { picture: { doors, presence }, events, isSettled };
}

const UNKNOWN: Sense = { value: undefined, other: undefined, count: 0 };

function see(before: Sense = UNKNOWN, bit: Bit, debounce: number): Sense {
  if (bit === undefined) return before;
  if (bit === before.value) return { value: bit, other: undefined, count: 0 };
  const count = bit === before.other ? before.count + 1 : 1;
  if (count >= debounce) return { value: bit, other: undefined, count: 0 };
  return { value: before.value, other: bit, count };
}
