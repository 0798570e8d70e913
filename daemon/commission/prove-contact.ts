/**
 * Watches one bit change when a lock lets go and change back when a person shuts the door. Only both together prove a
 * contact, and the direction of the first tells how it is wired (serial-hardware 2.5 rule 5).
 */
import type { DeviceEvent, DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Millis } from '../../drivers/contract/time.ts';
import type { Heard, Listening } from './field.ts';
import type { Work } from './work.ts';

/** `inverted`: the bit changed the other way round than the config has it. */
export type Sense = 'as-configured' | 'inverted';

export interface Change {
  readonly isOpen: boolean;
  readonly afterMs: Millis;
}

/** Which bit is watched: that of a slot, or with `undefined` the contact of the door. */
export interface Watched {
  readonly device: DeviceId;
  readonly slot: SlotNumber | undefined;
}

/** A change from `before`; one that is told anew after a re-connect is none. */
export async function changeFrom(
  before: boolean,
  { device, slot }: Watched,
  listening: Listening,
  within: Millis,
  { clock, signal }: Pick<Work, 'clock' | 'signal'>,
): Promise<Change | undefined> {
  const began = clock.uptime();
  return listening.until(
    ({ event, at }) => {
      const isOpen = stateIn(event, device, slot);
      if (isOpen === undefined || isOpen === before) return undefined;
      return { isOpen, afterMs: Math.round(Math.max(0, at - began)) };
    },
    within,
    signal,
  );
}

function stateIn(
  event: DeviceEvent,
  device: DeviceId,
  slot: SlotNumber | undefined,
): boolean | undefined {
  if (event.device !== device) return undefined;
  if (slot === undefined) return event.kind === 'door-contact' ? event.isOpen : undefined;
  return event.kind === 'slot-door' && event.slot === slot ? event.isOpen : undefined;
}

/** Other slots of the box whose bit changed meanwhile: crossed wires, or a door that somebody moved. */
export function othersMoved(
  heard: readonly Heard[],
  device: DeviceId,
  slot: SlotNumber,
): readonly number[] {
  const moved = heard.flatMap(({ event }) =>
    event.kind === 'slot-door' && event.device === device && event.slot !== slot && !event.first
      ? [Number(event.slot)]
      : [],
  );
  return [...new Set(moved)].sort((a, b) => a - b);
}
