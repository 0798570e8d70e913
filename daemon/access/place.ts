/** Where keys are and where one may be put: the rules about slots that decisions and custody share. */
import type { DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Knowledge, KnownKey, KnownSlot } from './knowledge.ts';
import type { SlotCustody } from './ledger.ts';
import type { KeyId, Target } from './model.ts';

export function slotRow(
  known: Knowledge,
  box: DeviceId,
  slot: SlotNumber,
): SlotCustody | undefined {
  return known.slots.find((each) => each.box === box && each.slot === slot)?.custody;
}

/** Keys that the ledger has in that slot. */
export function keysIn(known: Knowledge, box: DeviceId, slot: SlotNumber): readonly KnownKey[] {
  return known.keys.filter(({ custody }) => {
    const place = custody?.place;
    return place?.kind === 'slot' && place.box === box && place.slot === slot;
  });
}

export function keyOf(known: Knowledge, id: KeyId | undefined): KnownKey | undefined {
  return id === undefined ? undefined : known.keys.find((key) => key.id === id);
}

/**
 * A slot of this access point's box where a key may be put: in use, not reserved, nothing in it as far as ledger and
 * sensor know, not already standing open or about to. The key's last slot comes first, then the lowest number; where
 * none is left, the one that stands open for this key.
 */
export function freeSlot(known: Knowledge, key: KnownKey | undefined): SlotNumber | undefined {
  const box = known.point?.box;
  if (box === undefined) return undefined;
  const free = known.slots
    .filter((each) => each.box === box.device && box.slots.includes(each.slot))
    .filter((each) => isFree(known, each))
    .map((each) => each.slot)
    .filter((slot) => !box.disabledSlots.includes(slot))
    .sort((a, b) => a - b);
  const last = key?.custody?.lastSlot;
  if (last?.box === box.device && free.includes(last.slot)) return last.slot;
  return free[0] ?? openedFor(known, key);
}

/** The slot that was opened for this key already: who missed its door shows the fob again. */
function openedFor(known: Knowledge, key: KnownKey | undefined): SlotNumber | undefined {
  return known.openings.findLast(
    (each) =>
      each.operation === 'dropoff' &&
      each.key !== undefined &&
      each.key === key?.id &&
      each.device === known.point?.box?.device,
  )?.slot;
}

function isFree(known: Knowledge, { box, slot, custody, reserved }: KnownSlot): boolean {
  if (reserved || custody?.present === true || custody?.doorOpen === true) return false;
  if (custody?.flags.includes('shared')) return false;
  if (known.openings.some((opening) => opening.device === box && opening.slot === slot)) {
    return false;
  }
  return !known.keys.some((key) => mayLieIn(key, box, slot, custody));
}

/** A key nobody knows the place of may still lie where it was last known, unless a sensor says that it is empty. */
function mayLieIn(
  { custody }: KnownKey,
  box: DeviceId,
  slot: SlotNumber,
  row: SlotCustody | undefined,
): boolean {
  const place = custody?.place;
  if (place?.kind === 'slot') return place.box === box && place.slot === slot;
  if (place?.kind !== 'unknown' || row?.present === false) return false;
  return custody?.lastSlot?.box === box && custody.lastSlot.slot === slot;
}

/** A grant's targets with access levels put in place; levels may name levels, but not themselves. */
export function targetsOf(
  targets: readonly Target[],
  levels: { readonly [name: string]: readonly Target[] },
  within: readonly string[] = [],
): readonly Target[] {
  if (!targets.some(({ kind }) => kind === 'access_level')) return targets;
  return targets.flatMap((target) => {
    if (target.kind !== 'access_level') return [target];
    if (within.includes(target.id)) return [];
    const level = Object.hasOwn(levels, target.id) ? levels[target.id] : undefined;
    return targetsOf(level ?? [], levels, [...within, target.id]);
  });
}
