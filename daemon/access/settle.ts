/** What became of an opened slot, as far as contact, presence sensor and slot reader tell. Pure table, no entries. */
import { type Millis, type Uptime, uptime as uptimeOf } from '../../drivers/contract/time.ts';
import type { Opening, SlotCustody } from './ledger.ts';

/** A slot that was not opened this long after its lock has locked again will not be. */
const NEVER_OPENED_AFTER: Millis = 30_000;
/** A slot reader says within this time after the door was shut what lies in the slot. */
const SLOT_READ_WAIT: Millis = 5_000;

export type Outcome =
  | 'wait' // more will be seen
  | 'taken'
  | 'not-taken'
  | 'content-unknown'
  | 'jammed'
  | 'unknown' // its box was away: nobody can tell whether it was opened
  | 'returned'
  | 'returned-unread' // something came back; nobody saw which fob
  | 'not-returned'
  | 'shut'; // nothing was to leave or come, and it is closed again

export interface SlotSeen {
  readonly opening: Opening;
  readonly row: SlotCustody | undefined;
  /** The slot has a reader of its own. */
  readonly hasReader: boolean;
  /** The waiting time is over: judge by what there is. */
  readonly isOver: boolean;
}

export function outcomeOf(slot: SlotSeen): Outcome {
  const { operation, key } = slot.opening;
  if (key === undefined) return outcomeWithoutKey(slot);
  return operation === 'dropoff' ? outcomeOfReturn(slot) : outcomeOfPickUp(slot);
}

function outcomeOfPickUp({ opening, row, hasReader, isOver }: SlotSeen): Outcome {
  const { seen, key } = opening;
  const hasContact = row?.doorOpen !== undefined;
  if (hasContact && seen.opened !== true) {
    if (!isOver) return 'wait';
    // Opened and shut between two polls: what is gone has not gone through a shut door.
    if (wentThrough(opening, row)) return 'taken';
    if (seen.unwatched === true) return row?.present === true ? 'content-unknown' : 'unknown';
    return 'jammed';
  }
  if (row?.present === false) return 'taken';
  if (hasContact && seen.closed !== true) return 'wait';
  if (hasReader && seen.read === key) return 'not-taken';
  if (hasReader && seen.read !== undefined) return 'taken';
  if (hasReader && !isOver) return 'wait';
  if (!hasContact && !isOver) return 'wait';
  return row?.present === true ? 'content-unknown' : 'taken';
}

function outcomeOfReturn({ opening, row, hasReader, isOver }: SlotSeen): Outcome {
  const { seen, key, byFob } = opening;
  const hasContact = row?.doorOpen !== undefined;
  const isUnseen = hasContact && seen.opened !== true;
  if (isUnseen && !isOver) return 'wait';
  if (isUnseen && !wentThrough(opening, row)) {
    return seen.unwatched === true && row?.present === undefined ? 'unknown' : 'not-returned';
  }
  if (hasContact && !isUnseen && seen.closed !== true) return 'wait';
  if (row?.present === false) return hasContact || isOver ? 'not-returned' : 'wait';
  if (hasReader) {
    if (seen.read !== undefined) return seen.read === key ? 'returned' : 'not-returned';
    if (!isOver) return 'wait';
    return row?.present === true ? 'returned-unread' : 'not-returned';
  }
  if (row?.present === true) return byFob === true ? 'returned' : 'returned-unread';
  return hasContact || isOver ? 'returned-unread' : 'wait';
}

/**
 * A key that left the slot since, or came into it, went through its door, whatever the contact says: a hand is quicker
 * than a busy bus is read, and contacts break. It was opened then, and a use of it is spent.
 */
export function wentThrough({ operation, seen }: Opening, row: SlotCustody | undefined): boolean {
  return operation === 'dropoff'
    ? seen.presenceBack === true && row?.present === true
    : seen.presenceGone === true && row?.present === false;
}

function outcomeWithoutKey({ opening, row, isOver }: SlotSeen): Outcome {
  const hasContact = row?.doorOpen !== undefined;
  if (hasContact && opening.seen.opened !== true) {
    if (!isOver) return 'wait';
    if (opening.operation === 'dropoff') return 'not-returned';
    return opening.seen.unwatched === true ? 'shut' : 'jammed';
  }
  return opening.seen.closed === true || (!hasContact && isOver) ? 'shut' : 'wait';
}

/** When the waiting for an opening is over, on the uptime of its own boot. */
export function deadlineOf({ seen, uptime, hold }: Opening): Uptime | undefined {
  if (seen.closedAt !== undefined) return add(seen.closedAt, SLOT_READ_WAIT);
  if (uptime === undefined || seen.opened === true) return undefined;
  return add(uptime, (hold ?? 0) + NEVER_OPENED_AFTER);
}

function add(at: Uptime, length: Millis): Uptime {
  return uptimeOf(at + length);
}
