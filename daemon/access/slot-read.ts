/** A reader inside a slot saw a fob: the ledger follows the fob, or says why it cannot. */
import type { SlotNumber } from '../../drivers/contract/device.ts';
import { type Answer, entriesOnly } from './answered.ts';
import type { Entry, Stamp } from './entry.ts';
import type { Knowledge, KnownKey } from './knowledge.ts';
import type { Opening } from './ledger.ts';
import type { KeyId } from './model.ts';
import { keyOf, keysIn, slotRow } from './place.ts';
import { sawSlot } from './settled.ts';
import { type At, boxEntry, holderOf, openingAt, slotEntry } from './slot-entry.ts';

/** A reader inside a slot saw a fob. */
export function answerToSlotRead(slot: SlotNumber, known: Knowledge, stamp: Stamp): Answer {
  const box = known.point?.box?.device;
  if (box === undefined) return entriesOnly([]);
  const at = { device: box, slot };
  const opening = openingAt(known, box, slot);
  const key = keyOf(known, known.shown);
  if (key === undefined) return strangerIn(at, opening, known, stamp);
  const entries = isAwaited(opening, key.id) ? [] : readUnasked(at, key, opening, known);
  const settled = opening === undefined ? [] : sawRead(at, key.id, opening, known, stamp).entries;
  return entriesOnly([...entries, ...settled]);
}

/** A fob that was not expected in this slot: the ledger follows it, unless it would then be in two places. */
function readUnasked(
  at: At,
  key: KnownKey,
  opening: Opening | undefined,
  known: Knowledge,
): readonly Entry[] {
  const place = key.custody?.place;
  const inside = keysIn(known, at.device, at.slot).map(({ id }) => id);
  if (inside.includes(key.id)) return provenHere(at, key, known);
  if (place?.kind === 'slot') {
    return [boxEntry('access.fob_doubled', at, known, { key: key.id, alarm: true })];
  }
  if (inside.length > 0) {
    return [boxEntry('access.slot_shared', at, known, { keys: [key.id, ...inside] })];
  }
  if (opening?.operation === 'dropoff' && opening.key === undefined) {
    const { seq, grant } = opening;
    return [
      boxEntry('access.returned', at, known, { key: key.id, opening: seq, grant }, holderOf(key)),
    ];
  }
  const isMisplaced = place?.kind === 'holder' || opening !== undefined;
  const type = isMisplaced ? 'access.misplaced' : 'access.found_moved';
  const fields = { key: key.id, opened: opening?.slot };
  return [boxEntry(type, at, known, fields, holderOf(key))];
}

/** The opening tells what became of its own key, once it is judged. */
function isAwaited(opening: Opening | undefined, key: KeyId): boolean {
  return opening?.key === key;
}

function sawRead(
  at: At,
  key: KeyId | 'foreign',
  opening: Opening,
  known: Knowledge,
  stamp: Stamp,
): Answer {
  // While the slot stands open for a pick-up, its reader still sees the fob that is being taken.
  const isEarly =
    opening.operation !== 'dropoff' && opening.seen.closed !== true && hasContact(at, known);
  return isEarly ? entriesOnly([]) : sawSlot(at, { read: key }, opening, known, stamp);
}

function hasContact({ device, slot }: At, known: Knowledge): boolean {
  return slotRow(known, device, slot)?.doorOpen !== undefined;
}

/** No key's fob: attached where a presentation just allowed it, else foreign. */
function strangerIn(at: At, opening: Opening | undefined, known: Knowledge, stamp: Stamp): Answer {
  const { pending, fob } = known;
  const key = pending?.kind === 'attach-fob' ? keyOf(known, pending.key) : undefined;
  const isAwaited = key !== undefined && !key.hasFob && opening?.key === key.id;
  if (pending !== undefined && isAwaited && fob !== undefined && known.point !== undefined) {
    const attached = boxEntry('access.fob_attached', at, known, { key: key.id, fob });
    const settled = sawRead(at, key.id, opening, known, stamp);
    return {
      entries: [attached, ...settled.entries],
      actuations: settled.actuations,
      pending: [{ accessPoint: known.point.id, value: undefined }],
    };
  }
  const foreign = boxEntry('access.foreign_fob', at, known, {});
  const settled =
    opening === undefined ? [] : sawRead(at, 'foreign', opening, known, stamp).entries;
  return entriesOnly([foreign, ...settled]);
}

/** Read where the ledger has it: what was flagged there is settled. */
function provenHere(at: At, key: KnownKey, known: Knowledge): readonly Entry[] {
  const row = slotRow(known, at.device, at.slot);
  const isFlagged =
    (key.custody?.flags ?? []).length > 0 ||
    (row?.flags ?? []).some((flag) => flag !== 'held-open' && flag !== 'shared');
  return isFlagged ? slotEntry(at, known, { key: key.id, proves: true }).entries : [];
}
