/** Who holds which key: what doors, sensors and slot readers of a box say, turned into entries. */
import type { DeviceEvent, DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Answer, Asked } from './answer.ts';
import { plain } from './body.ts';
import type { Entry, EntryType, Json, Stamp } from './entry.ts';
import { seenAfter } from './fold-sensor.ts';
import type { Knowledge, KnownKey } from './knowledge.ts';
import type { Opening, SlotCustody } from './ledger.ts';
import type { HolderId, KeyId } from './model.ts';
import { keyOf, keysIn, slotRow } from './place.ts';
import { type Outcome, outcomeOf } from './settle.ts';

type DoorEvent = Extract<DeviceEvent, { kind: 'slot-door' }>;
type PresenceEvent = Extract<DeviceEvent, { kind: 'slot-presence' }>;

export function answerToDoor(event: DoorEvent, known: Knowledge, stamp: Stamp): Answer {
  const { device, slot, isOpen, first } = event;
  const row = slotRow(known, device, slot);
  const opening = openingAt(known, device, slot);
  if (row?.doorOpen === isOpen) return entriesOnly([]);
  const keys = keysIn(known, device, slot).map(({ id }) => id);
  if (opening !== undefined) {
    return sawSlot(event, { open: isOpen }, opening, known, stamp);
  }
  if (first) {
    if (row?.doorOpen === undefined && !isOpen) return slotEntry(event, known, { open: isOpen });
    return foundMoved(event, known, { open: isOpen }, isOpen ? keys : []);
  }
  if (isOpen) {
    return entriesOnly([
      boxEntry('access.forced_open', event, known, { open: true, keys, alarm: true }),
    ]);
  }
  const closed = slotEntry(event, known, { open: false });
  const late = row?.flags.includes('held-open')
    ? [boxEntry('access.closed_late', event, known, { openMs: openFor(row, known) })]
    : [];
  return {
    entries: [...closed.entries, ...late],
    actuations: askSlotReader(known, slot),
  };
}

export function answerToPresence(event: PresenceEvent, known: Knowledge, stamp: Stamp): Answer {
  const { device, slot, present, first } = event;
  const row = slotRow(known, device, slot);
  if (row?.present === present) return entriesOnly([]);
  const opening = openingAt(known, device, slot);
  if (opening !== undefined) return sawSlot(event, { present }, opening, known, stamp);
  const keys = keysIn(known, device, slot).map(({ id }) => id);
  if (first) {
    const isExpected = row?.present === undefined && (present || keys.length === 0);
    if (isExpected) return slotEntry(event, known, { present });
    return foundMoved(event, known, { present }, present ? [] : keys);
  }
  if (!present) {
    if (keys.length === 0) return slotEntry(event, known, { present });
    const gone = boxEntry('access.content_unknown', event, known, {
      keys,
      lost: true,
      alarm: true,
    });
    return entriesOnly([...slotEntry(event, known, { present }).entries, gone]);
  }
  return appeared(event, known);
}

/** Something lies in a slot that was not opened for it. */
function appeared(event: PresenceEvent, known: Knowledge): Answer {
  const { device, slot } = event;
  const returning = known.openings.filter(
    (each) => each.device === device && each.operation === 'dropoff' && each.key !== undefined,
  );
  const [only, another] = returning;
  const seen = slotEntry(event, known, { present: true, unexplained: true });
  const read = askSlotReader(known, slot);
  if (only?.key === undefined || another !== undefined || hasReader(known, slot)) {
    return { entries: seen.entries, actuations: read };
  }
  const misplaced = boxEntry('access.misplaced', event, known, {
    key: only.key,
    opened: only.slot,
    opening: only.seq,
    ends: only.seq,
  });
  const unread = boxEntry('access.content_unknown', event, known, { key: only.key });
  return { entries: [...seen.entries, misplaced, unread], actuations: read };
}

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

interface At {
  readonly device: DeviceId;
  readonly slot: SlotNumber;
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

/** Records what was seen at a slot that was opened, and judges the opening anew. */
function sawSlot(
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

function foundMoved(
  at: At,
  known: Knowledge,
  now: { readonly open?: boolean; readonly present?: boolean },
  keys: readonly KeyId[],
): Answer {
  const unexplained = now.present === true ? { unexplained: true } : {};
  const moved = boxEntry('access.found_moved', at, known, {
    ...now,
    ...unexplained,
    ...(keys.length === 0 ? {} : { keys, lost: true }),
  });
  return { entries: [moved], actuations: askSlotReader(known, at.slot) };
}

function slotEntry(
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

export function entriesOnly(entries: readonly Entry[]): Answer {
  return { entries, actuations: [] };
}

function slotReaderAt(known: Knowledge, slot: SlotNumber, opening?: Opening): DeviceId | undefined {
  const point = known.point ?? known.points?.find(({ id }) => id === opening?.accessPoint);
  return point?.slotReaders.find(([each]) => each === slot)?.[1];
}

function hasReader(known: Knowledge, slot: SlotNumber, opening?: Opening): boolean {
  return slotReaderAt(known, slot, opening) !== undefined;
}

function askSlotReader(known: Knowledge, slot: SlotNumber): readonly Asked[] {
  const device = slotReaderAt(known, slot);
  return device === undefined ? [] : [{ kind: 'read-state', device, intent: undefined }];
}

function openFor({ openSince }: SlotCustody, { now }: Knowledge): number | undefined {
  if (openSince === undefined) return undefined;
  return now.uptime - (openSince.boot === now.boot ? openSince.uptime : now.startedAt);
}
