/** Who holds which key: what doors and sensors of a box say, turned into entries. */
import type { DeviceEvent } from '../../drivers/contract/device.ts';
import { type Answer, entriesOnly } from './answered.ts';
import type { Stamp } from './entry.ts';
import type { Knowledge } from './knowledge.ts';
import type { KeyId } from './model.ts';
import { keysIn, slotRow } from './place.ts';
import { sawSlot } from './settled.ts';
import {
  type At,
  askSlotReader,
  boxEntry,
  hasReader,
  openFor,
  openingAt,
  slotEntry,
} from './slot-entry.ts';

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
