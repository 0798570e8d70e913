/**
 * Whether the journal holds an entry about something that stands in the file of grants: the daemon may have ended, or
 * the disk been full, between the two. Asked only where a command comes again and finds everything as it wants it.
 */
import type { Entry } from '../access/entry.ts';
import type { Journal } from './ports.ts';

/** Entries of nobody are looked for among so many of the last: one may be told of twice, never not at all. */
const LOOK_BACK = 10_000;

/** The same type and holder, and the same in these fields of the body; the first narrows the search as text. */
export function isRecorded(
  journal: Pick<Journal, 'read' | 'lastSeq'>,
  { type, sub, body }: Entry,
  fields: readonly [string, ...string[]],
): boolean {
  const found = journal.read({
    types: [type],
    // Those of one holder are found in an index, however long ago they were written.
    ...(sub === undefined ? { after: Math.max(0, journal.lastSeq - LOOK_BACK) } : { holder: sub }),
    text: String(body[fields[0]]),
    backwards: true,
    limit: 100,
  });
  return found.some((each) => fields.every((field) => each.body[field] === body[field]));
}
