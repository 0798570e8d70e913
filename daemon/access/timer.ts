/** To time passing. Everything that waits is in the ledger or in `pending`, so a restart forgets no timer. */
import { FIRE_HOLD } from '../../drivers/contract/device.ts';
import { type Instant, type Millis, type Uptime, uptime } from '../../drivers/contract/time.ts';
import type { Answer } from './answered.ts';
import { plain } from './body.ts';
import { fireAgain, sinceMoment } from './door.ts';
import type { Entry, Stamp } from './entry.ts';
import type { Knowledge, KnownKey } from './knowledge.ts';
import type { Opening } from './ledger.ts';
import { slotRow } from './place.ts';
import type { PendingChange } from './presentation.ts';
import { deadlineOf } from './settle.ts';
import { settle } from './settled.ts';
import { boxEntry } from './slot-entry.ts';

/** A lock that says nothing for so long after its pulse will say nothing any more. */
const NO_RESULT_AFTER: Millis = 30_000;

export function answerToTimePassing(known: Knowledge, stamp: Stamp): Answer {
  return {
    entries: [
      ...known.openings.flatMap((opening) => overdueOpening(opening, known, stamp)),
      ...heldOpen(known),
      ...known.keys.flatMap((key) => reminders(key, stamp.clock.lo)),
    ],
    actuations: fireAgain(known),
    ...expired(known),
  };
}

/** When there is something to do at the earliest; wall times count from the lower bound of the clock. */
export function wakeAfter(known: Knowledge, stamp: Stamp): Uptime | undefined {
  const { now } = known;
  const moments: Uptime[] = [];
  for (const opening of known.openings) {
    const at = endOf(opening, known);
    if (at !== undefined) moments.push(at);
  }
  for (const { openSince, limit } of openDoors(known)) {
    const passed = sinceMoment(openSince, known) ?? 0;
    moments.push(uptime(now.uptime + limit - passed));
  }
  for (const { pending } of known.waiting ?? []) moments.push(pending.until);
  for (const key of known.keys) {
    for (const at of dueMoments(key)) {
      moments.push(uptime(now.uptime + Math.min(at - stamp.clock.lo, LONGEST_SLEEP)));
    }
  }
  if (known.doors.some(({ custody }) => custody?.fire === true)) {
    moments.push(uptime(now.uptime + FIRE_AGAIN));
  }
  // What cannot be stored is tried again, but not in a tight loop.
  const soonest = now.uptime + (known.storageSafe ? 0 : RETRY_UNSAFE);
  return moments.length === 0 ? undefined : uptime(Math.max(soonest, Math.min(...moments)));
}

const RETRY_UNSAFE: Millis = 10_000;

/** Wall times are looked at again at least so often, since the clock may be corrected meanwhile. */
const LONGEST_SLEEP: Millis = 3_600_000;
const FIRE_AGAIN: Millis = FIRE_HOLD - 5_000;

function endOf(opening: Opening, { now }: Knowledge): Uptime | undefined {
  if (opening.boot !== now.boot) return now.uptime;
  if (opening.slot !== undefined) return deadlineOf(opening);
  return uptime((opening.uptime ?? 0) + (opening.hold ?? 0) + NO_RESULT_AFTER);
}

function overdueOpening(opening: Opening, known: Knowledge, stamp: Stamp): readonly Entry[] {
  const at = endOf(opening, known);
  if (at === undefined || at > known.now.uptime) return [];
  const { seq, device, slot, accessPoint, grant, holder, operation } = opening;
  if (slot !== undefined) {
    return settle(opening, slotRow(known, device, slot), true, known, stamp);
  }
  const body = plain({ accessPoint, lock: device, opening: seq, ends: seq, grant, operation });
  const entry: Entry = { type: 'access.unknown_outcome', device, body };
  return [holder === undefined ? entry : { ...entry, sub: holder }];
}

interface OpenDoor {
  readonly entry: Entry;
  readonly openSince: Parameters<typeof sinceMoment>[0];
  readonly limit: Millis;
}

/** Doors and slots that stand open and were not reported yet. */
function openDoors(known: Knowledge): readonly OpenDoor[] {
  const points = known.points ?? [];
  const slots = known.slots.flatMap(({ box, slot, custody }): OpenDoor[] => {
    const point = points.find((each) => each.box?.device === box && each.box.slots.includes(slot));
    if (point === undefined || custody?.doorOpen !== true) return [];
    if (custody.flags.includes('held-open')) return [];
    const fields = { accessPoint: point.id, afterMs: point.heldOpenAfter, alarm: true };
    const entry = boxEntry('access.held_open', { device: box, slot }, known, fields);
    return [{ entry, openSince: custody.openSince, limit: point.heldOpenAfter }];
  });
  const doors = known.doors.flatMap(({ device, custody }): OpenDoor[] => {
    const point = points.find(({ locks }) => locks.includes(device));
    if (point === undefined || custody?.doorOpen !== true) return [];
    if (custody.flags.includes('held-open') || custody.fire === true) return [];
    const afterMs = point.heldOpenAfter;
    const body = plain({ accessPoint: point.id, lock: device, afterMs, alarm: true });
    const entry: Entry = { type: 'access.held_open', device, body };
    return [{ entry, openSince: custody.openSince, limit: afterMs }];
  });
  return [...slots, ...doors];
}

function heldOpen(known: Knowledge): readonly Entry[] {
  return openDoors(known)
    .filter(({ openSince, limit }) => (sinceMoment(openSince, known) ?? 0) >= limit)
    .map(({ entry }) => entry);
}

/** Once a loan: overdue when its end is certainly over, a reminder so many minutes before. */
function reminders(key: KnownKey, lo: Instant): readonly Entry[] {
  const place = key.custody?.place;
  if (place?.kind !== 'holder') return [];
  const flags = key.custody?.flags ?? [];
  const due = key.loan?.due;
  if (due === undefined || flags.includes('overdue')) return [];
  const { holder, grant } = place;
  const entry = (type: Entry['type']): Entry => ({
    type,
    sub: holder,
    body: plain({ key: key.id, grant, due, alarm: type === 'access.overdue' ? true : undefined }),
  });
  if (due <= lo) return [entry('access.overdue')];
  const at = remindAt(key);
  return at !== undefined && at <= lo && !flags.includes('reminded')
    ? [entry('access.reminder')]
    : [];
}

function remindAt({ loan }: KnownKey): number | undefined {
  if (loan?.due === undefined || loan.remindMinutes === undefined) return undefined;
  return loan.due - loan.remindMinutes * 60_000;
}

function dueMoments(key: KnownKey): readonly number[] {
  if (key.custody?.place.kind !== 'holder' || key.custody.flags.includes('overdue')) return [];
  const due = key.loan?.due;
  const reminder = key.custody.flags.includes('reminded') ? undefined : remindAt(key);
  return [due, reminder].filter((at) => at !== undefined);
}

function expired(known: Knowledge): { readonly pending?: readonly PendingChange[] } {
  const over = (known.waiting ?? [])
    .filter(({ pending }) => pending.until <= known.now.uptime)
    .map(({ accessPoint }) => ({ accessPoint, value: undefined }));
  return over.length === 0 ? {} : { pending: over };
}
