/** Entries about one slot of a box, and what is asked of the reader in it. */
import type { DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import { type Answer, type Asked, entriesOnly } from './answered.ts';
import { plain } from './body.ts';
import type { Entry, EntryType, Json } from './entry.ts';
import type { Knowledge, KnownKey } from './knowledge.ts';
import type { Opening, SlotCustody } from './ledger.ts';
import type { HolderId } from './model.ts';

export interface At {
  readonly device: DeviceId;
  readonly slot: SlotNumber;
}

export function holderOf(key: KnownKey): HolderId | undefined {
  const place = key.custody?.place;
  return place?.kind === 'holder' ? place.holder : undefined;
}

/** The opening under way at a slot; the newest, if one was opened again. */
export function openingAt(
  known: Knowledge,
  device: DeviceId,
  slot: SlotNumber,
): Opening | undefined {
  return known.openings.findLast((each) => each.device === device && each.slot === slot);
}

export function slotEntry(
  at: At,
  known: Knowledge,
  fields: { readonly [name: string]: Json | undefined },
): Answer {
  return entriesOnly([boxEntry('device.slot', at, known, fields)]);
}

export function boxEntry(
  type: EntryType,
  { device, slot }: At,
  known: Knowledge,
  fields: { readonly [name: string]: Json | undefined },
  sub?: HolderId,
  opening?: Opening,
): Entry {
  const accessPoint = opening?.accessPoint ?? known.point?.id;
  const body = plain({ accessPoint, slot, ...fields });
  return sub === undefined ? { type, device, body } : { type, device, sub, body };
}

function slotReaderAt(known: Knowledge, slot: SlotNumber, opening?: Opening): DeviceId | undefined {
  const point = known.point ?? known.points?.find(({ id }) => id === opening?.accessPoint);
  return point?.slotReaders.find(([each]) => each === slot)?.[1];
}

export function hasReader(known: Knowledge, slot: SlotNumber, opening?: Opening): boolean {
  return slotReaderAt(known, slot, opening) !== undefined;
}

export function askSlotReader(known: Knowledge, slot: SlotNumber): readonly Asked[] {
  const device = slotReaderAt(known, slot);
  return device === undefined ? [] : [{ kind: 'read-state', device, intent: undefined }];
}

export function openFor({ openSince }: SlotCustody, { now }: Knowledge): number | undefined {
  if (openSince === undefined) return undefined;
  return now.uptime - (openSince.boot === now.boot ? openSince.uptime : now.startedAt);
}
