/** An access point as decisions know it: its slots, keypads and doors, joined with the ledger. */
import type { DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Stamp } from './entry.ts';
import type { Knowledge, KnownKeypad, KnownPoint, KnownSlot } from './knowledge.ts';
import { doorId, slotId } from './ledger.ts';
import type { AccessPoint } from './model.ts';
import type { KnowledgePorts } from './site-facts.ts';

/** Configured points do not change, so that each is made plain once. */
const plainPoints = new WeakMap<AccessPoint, KnownPoint>();

export function plainPoint(point: AccessPoint): KnownPoint {
  const held = plainPoints.get(point);
  if (held !== undefined) return held;
  const { slotReaders, ...others } = point;
  const plain = { ...others, slotReaders: [...slotReaders] };
  plainPoints.set(point, plain);
  return plain;
}

export function slotsOf(
  { box }: AccessPoint,
  { grants, ledger }: KnowledgePorts,
  stamp: Stamp,
): readonly KnownSlot[] {
  if (box === undefined) return [];
  const reserved = grants.reservedSlots(box.device, stamp.clock.lo);
  return box.slots.map((slot: SlotNumber) => {
    const custody = ledger.get('slot', slotId(box.device, slot));
    return {
      box: box.device,
      slot,
      reserved: reserved.includes(slot),
      ...(custody === undefined ? {} : { custody }),
    };
  });
}

export function keypadsOf(
  { readers }: AccessPoint,
  { site, state, ledger }: KnowledgePorts,
): readonly KnownKeypad[] {
  return readers
    .filter((reader) => site.keypads.has(reader))
    .map((device) => {
      const lockout = ledger.get('keypad', device);
      const isOnline = state.online.has(device);
      return lockout === undefined ? { device, isOnline } : { device, isOnline, lockout };
    });
}

export function isAreaOnline({ area }: AccessPoint, { site, state }: KnowledgePorts): boolean {
  if (area === undefined) return false;
  return site.accessPoints
    .filter((each) => each.area?.enters === area.enters || each.area?.leaves === area.enters)
    .every(({ readers }) => readers.every((reader) => state.online.has(reader)));
}

export function doorsOf(
  locks: readonly DeviceId[],
  { ledger }: KnowledgePorts,
): Knowledge['doors'] {
  const once = locks.length < 2 ? locks : [...new Set(locks)];
  return once.map((device) => {
    const custody = ledger.get('slot', doorId(device));
    return custody === undefined ? { device } : { device, custody };
  });
}
