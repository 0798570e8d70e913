/** What became of an opened slot, told in entries. */

import type { Answer } from './answered.ts';
import { plain } from './body.ts';
import type { Entry, EntryType, Json, Stamp } from './entry.ts';
import { seenAfter } from './fold-sensor.ts';
import type { Knowledge } from './knowledge.ts';
import type { Opening, SlotCustody } from './ledger.ts';
import type { KeyId } from './model.ts';
import { keyOf, keysIn, slotRow } from './place.ts';
import { type Outcome, outcomeOf } from './settle.ts';
import {
  type At,
  askSlotReader,
  boxEntry,
  hasReader,
  holderOf,
  openFor,
  slotEntry,
} from './slot-entry.ts';

/** Records what was seen at a slot that was opened, and judges the opening anew. */
export function sawSlot(
  at: At,
  what: { readonly open?: boolean; readonly present?: boolean; readonly read?: KeyId | 'foreign' },
  opening: Opening,
  known: Knowledge,
  stamp: Stamp,
): Answer {
  const fields = { ...what, opening: opening.seq };
  const seen = slotEntry(at, known, fields).entries;
  const row = slotRow(known, at.device, at.slot) ?? { flags: [] };
  const after: SlotCustody = {
    ...row,
    ...(what.open === undefined ? {} : { doorOpen: what.open }),
    ...(what.present === undefined ? {} : { present: what.present }),
  };
  const judged = { ...opening, seen: seenAfter(opening, plain(fields), stamp.uptime) };
  const late =
    what.open === false && row.flags.includes('held-open')
      ? [boxEntry('access.closed_late', at, known, { openMs: openFor(row, known) })]
      : [];
  const entries = settle(judged, after, false, known, stamp);
  const asks = what.open === false && judged.seen.read === undefined;
  return {
    entries: [...seen, ...late, ...entries],
    actuations: asks ? askSlotReader(known, at.slot) : [],
  };
}

/** Entries that say what became of an opening; none while more may be seen. */
export function settle(
  opening: Opening,
  row: SlotCustody | undefined,
  isOver: boolean,
  known: Knowledge,
  stamp: Stamp,
): readonly Entry[] {
  if (opening.slot === undefined) return [];
  const reader = hasReader(known, opening.slot, opening);
  const outcome = outcomeOf({ opening, row, hasReader: reader, isOver });
  return entriesFor(outcome, opening, row, known, stamp);
}

function entriesFor(
  outcome: Outcome,
  opening: Opening,
  row: SlotCustody | undefined,
  known: Knowledge,
  stamp: Stamp,
): readonly Entry[] {
  const { seq, device, slot, key, grant, holder, operation } = opening;
  if (slot === undefined || outcome === 'wait') return [];
  const at = { device, slot };
  const isShut = opening.seen.closed === true || row?.doorOpen !== true;
  const ends = isShut ? { ends: seq } : {};
  const entry = (type: EntryType, fields: { readonly [name: string]: Json | undefined }) =>
    boxEntry(type, at, known, { opening: seq, key, grant, operation, ...fields }, holder, opening);
  switch (outcome) {
    case 'taken': {
      const lies = keysIn(known, device, slot).some(({ id }) => id === key);
      if (lies) return [entry('access.taken', { due: opening.due, ...ends })];
      return isShut ? [entry('device.slot', { ends: seq })] : [];
    }
    case 'not-taken':
      return [entry('access.not_taken', { ends: seq, givesBack: true })];
    case 'content-unknown':
      return [entry('access.content_unknown', { ends: seq })];
    case 'jammed':
      return [entry('access.jammed', { ends: seq, givesBack: true, alarm: true })];
    case 'unknown':
      return [entry('access.unknown_outcome', { ends: seq, final: true, lost: true })];
    case 'returned':
    case 'returned-unread':
      return returned(outcome, opening, known, stamp);
    case 'not-returned':
      return [entry('access.not_returned', { ends: seq })];
    case 'shut':
      return [entry('device.slot', { ends: seq })];
    default:
      return outcome satisfies never;
  }
}

/** The key is back, late or not; whoever had it is who returned it. */
function returned(
  outcome: 'returned' | 'returned-unread',
  opening: Opening,
  known: Knowledge,
  { clock }: Stamp,
): readonly Entry[] {
  const { seq, device, slot, key } = opening;
  if (slot === undefined || key === undefined) return [];
  const found = keyOf(known, key);
  const place = found?.custody?.place;
  const loan = found?.loan;
  const due = loan?.due;
  const isLate = loan !== undefined && (loan.over || (due !== undefined && due <= clock.lo));
  const who = found === undefined ? undefined : holderOf(found);
  const grant = place?.kind === 'holder' ? place.grant : undefined;
  const fields = { opening: seq, key, grant: grant ?? opening.grant, due };
  const at = { device, slot };
  const back = boxEntry(
    'access.returned',
    at,
    known,
    { ...fields, ends: seq, late: isLate ? true : undefined },
    who ?? opening.holder,
    opening,
  );
  const late = boxEntry('access.late_return', at, known, fields, who ?? opening.holder, opening);
  const unread = boxEntry('access.content_unknown', at, known, { key }, undefined, opening);
  return [back, ...(isLate ? [late] : []), ...(outcome === 'returned-unread' ? [unread] : [])];
}
