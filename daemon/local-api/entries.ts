/** The journal: read, searched, followed, verified. */
import { z } from 'zod';
import { ENTRY_CLASSES, ENTRY_TYPES, type EntryType, type RecordedEntry } from '../access/entry.ts';
import { holderId } from '../access/model.ts';
import type { EntryLine, JournalQuery } from '../store/ports.ts';
import type { FoundEntries } from '../store/search.ts';
import type { SiteDesk } from './desk.ts';
import { type Endpoint, endpoint, Raw } from './endpoint.ts';
import { entryReply, entrySchema, lineText } from './entry-reply.ts';
import { ApiError } from './errors.ts';
import { entryStream } from './events.ts';
import { deviceName, instantIn, limitField, moment, openId } from './fields.ts';

/** Goes to the alarm channel of the cloud and nowhere else: whoever looks over a shoulder sees a plain opening. */
const SILENT: readonly EntryType[] = ['security.duress'];

/** One word or several, `a,b`. */
const several = <T extends string>(words: readonly [T, ...T[]]) =>
  z
    .string()
    .max(1000)
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(words)));

const [firstClass, ...otherClasses] = ENTRY_CLASSES;
const [firstType, ...otherTypes] = ENTRY_TYPES;

const filter = {
  classes: several([firstClass, ...otherClasses])
    .optional()
    .describe('such as access,security'),
  types: several([firstType, ...otherTypes])
    .optional()
    .describe('such as access.granted,access.denied'),
  holder: openId.optional(),
  device: deviceName.optional(),
  text: z.string().max(100).optional().describe('in type or body'),
};

const verifySchema = z.object({
  ok: z.boolean(),
  entries: z.int(),
  lastSeq: z.int(),
  lastHash: z.string(),
  faults: z.array(z.string()),
});

/** More than a journal holds. */
const ALL = Number.MAX_SAFE_INTEGER;
/** Callers that follow at one time; each reads from the journal for itself. */
const STREAMS_MAX = 32;

export function entryEndpoints(desk: SiteDesk): readonly Endpoint[] {
  const streams = { open: 0 };
  return [
    endpoint({
      method: 'GET',
      path: '/api/v1/journal',
      scope: 'read',
      summary: 'Entries of the journal, newest first unless asked otherwise',
      query: z.strictObject({
        ...filter,
        from: moment.optional(),
        to: moment.optional(),
        after: z.coerce.number().pipe(z.int().min(0)).optional().describe('only above this number'),
        before: z.coerce
          .number()
          .pipe(z.int().min(1))
          .optional()
          .describe('only below this number'),
        order: z.enum(['newest', 'oldest']).default('newest'),
        limit: limitField(1000, 100),
        most: z.coerce
          .number()
          .pipe(z.int().min(1))
          .optional()
          .describe('entries to look through; the page may then be shorter, and `next` goes on'),
      }),
      reply: z.object({
        entries: z.array(entrySchema),
        next: z.int().nullable().describe('`before` (or `after`, oldest first) of the next page'),
        lastSeq: z.int(),
      }),
      async call({ query }) {
        const {
          most = ALL,
          classes,
          types,
          holder,
          device,
          text,
          from,
          to,
          after,
          before,
          order,
          limit,
        } = query;
        const backwards = order === 'newest';
        const asked: JournalQuery = {
          limit,
          backwards,
          ...(classes === undefined ? {} : { classes }),
          ...(types === undefined ? {} : { types }),
          ...(holder === undefined ? {} : { holder: holderId(holder) }),
          ...(device === undefined ? {} : { device }),
          ...(text === undefined ? {} : { text }),
          ...(from === undefined ? {} : { from: instantIn(from) }),
          ...(to === undefined ? {} : { to: instantIn(to) }),
          ...(after === undefined ? {} : { after }),
          ...(before === undefined ? {} : { upTo: before - 1 }),
        };
        const { lines, next } = isIndexed(asked)
          ? pageOf(desk.journal.lines(asked), limit)
          : await desk.search.entries(asked, most);
        const shown = lines.filter(isShown).map(lineText).join(',');
        return new Raw(
          'application/json',
          `{"entries":[${shown}],"next":${next ?? null},"lastSeq":${desk.journal.lastSeq}}`,
        );
      },
    }),
    endpoint({
      method: 'GET',
      path: '/api/v1/journal/{seq}',
      scope: 'read',
      summary: 'One entry',
      params: z.strictObject({ seq: z.coerce.number().pipe(z.int().min(1)) }),
      reply: entrySchema,
      call: ({ params: { seq } }) => entryReply(entryAt(desk, seq)),
    }),
    endpoint({
      method: 'GET',
      path: '/api/v1/events',
      scope: 'read',
      summary:
        'Entries as they are made, as server-sent events; `Last-Event-ID` goes on from there',
      query: z.strictObject({
        ...filter,
        after: z.coerce.number().pipe(z.int().min(0)).optional(),
      }),
      contentType: 'text/event-stream',
      lasts: true,
      call({ query, headers, signal }) {
        const last = Number(headers['last-event-id'] ?? query.after ?? desk.journal.lastSeq);
        if (!Number.isInteger(last) || last < 0) {
          throw new ApiError('bad_request', 'a number of an entry', 'Last-Event-ID');
        }
        if (streams.open >= STREAMS_MAX) {
          throw new ApiError(
            'busy',
            `${STREAMS_MAX} streams of events are open, and there may be no more`,
          );
        }
        const fits = (entry: RecordedEntry) => isShown(entry) && matches(entry, query);
        return new Raw(
          'text/event-stream',
          counted(streams, entryStream(desk, last, fits, signal)),
        );
      },
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/journal/verify',
      scope: 'read',
      summary: 'Walks the chain of hashes, folds the ledger again and compares',
      reply: verifySchema,
      perMinute: 6,
      call: async () => ({ ...(await desk.journal.verify()) }),
    }),
  ];
}

async function* counted(
  streams: { open: number },
  stream: AsyncIterable<string>,
): AsyncIterable<string> {
  streams.open += 1;
  try {
    yield* stream;
  } finally {
    streams.open -= 1;
  }
}

export function entryAt(desk: SiteDesk, seq: number): RecordedEntry {
  const entry = desk.journal.entry(seq);
  if (entry === undefined || !isShown(entry)) {
    throw new ApiError('not_found', `there is no entry ${seq}`, 'seq');
  }
  return entry;
}

function isShown({ type }: { readonly type: string }): boolean {
  return !SILENT.some((silent) => silent === type);
}

interface Filter {
  readonly classes?: readonly string[] | undefined;
  readonly types?: readonly string[] | undefined;
  readonly holder?: string | undefined;
  readonly device?: string | undefined;
  readonly text?: string | undefined;
}

function matches(entry: RecordedEntry, { classes, types, holder, device, text }: Filter): boolean {
  const { type } = entry;
  return (
    (classes === undefined || classes.some((each) => type.startsWith(`${each}.`))) &&
    (types === undefined || types.includes(type)) &&
    (holder === undefined || entry.sub === holder) &&
    (device === undefined || entry.device === device) &&
    (text === undefined ||
      `${type} ${JSON.stringify(entry.body)}`.toLowerCase().includes(text.toLowerCase()))
  );
}

/** What the store finds without passing others. */
function isIndexed({ classes, types, device, text, from, to }: JournalQuery): boolean {
  return [classes, types, device, text, from, to].every((each) => each === undefined);
}

function pageOf(lines: readonly EntryLine[], limit: number): FoundEntries {
  return { lines, next: lines.length < limit ? undefined : lines.at(-1)?.seq };
}
