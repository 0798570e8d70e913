/**
 * At start: openings that were under way are reported unknown and never driven again; what can be read is read; and what
 * was held by an input that the config has no more is let go.
 */
import type { Answer, Asked } from './answered.ts';
import { plain } from './body.ts';
import { fireNoLongerRead, isHeldForFire } from './door.ts';
import type { Entry } from './entry.ts';
import type { Knowledge } from './knowledge.ts';
import type { Opening } from './ledger.ts';
import { keyOf } from './place.ts';
import { boxEntry } from './slot-entry.ts';

export function answerToStart(known: Knowledge): Answer {
  const entries = known.openings.map((opening) => interrupted(opening, known));
  // Ending an opening is never a second opening, so it is asked for first (P2).
  const ends = known.openings.flatMap(({ slot, device }, intent): Asked[] =>
    slot === undefined && !isHeldForFire(device, known) ? [{ kind: 'lock', device, intent }] : [],
  );
  const boxes = (known.points ?? []).flatMap(({ box, slotReaders }) => [
    ...(box === undefined ? [] : [box.device]),
    ...slotReaders.map(([, reader]) => reader),
  ]);
  const reads = [...new Set(boxes)].map(
    (device): Asked => ({ kind: 'read-state', device, intent: undefined }),
  );
  return { entries: [...entries, ...fireNoLongerRead(known)], actuations: [...ends, ...reads] };
}

/** Intent without result: the key is unknown until read again, and the use is spent. */
function interrupted(opening: Opening, known: Knowledge): Entry {
  const { seq, device, slot, key, grant, holder, operation, accessPoint } = opening;
  const fields = { opening: seq, ends: seq, grant, operation, final: true };
  if (slot === undefined) {
    const body = plain({ accessPoint, lock: device, ...fields });
    const entry: Entry = { type: 'access.unknown_outcome', device, body };
    return holder === undefined ? entry : { ...entry, sub: holder };
  }
  // A key already seen to leave is with its holder, whatever the door did after.
  const place = keyOf(known, key)?.custody?.place;
  const hasLeft =
    operation !== 'dropoff' &&
    place?.kind === 'holder' &&
    opening.seen.presenceGone === true &&
    opening.seen.presenceBack !== true;
  const lost = hasLeft || key === undefined ? {} : { lost: true };
  return boxEntry(
    'access.unknown_outcome',
    { device, slot },
    known,
    { key, ...fields, ...lost },
    holder,
    opening,
  );
}
