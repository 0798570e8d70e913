/** Events, asked for: what the journal tells, in Seam's words. */
import { z } from 'zod';
import { instant } from '../../../drivers/contract/time.ts';
import type { RecordedEntry } from '../../access/entry.ts';
import type { DialectParts } from './dialect-parts.ts';
import { endpoint, limit, listOf, READ, type SeamEndpoint, uuid, uuids } from './endpoint.ts';
import { EVENT_ENTRIES, eventsOf, type SiteEvent } from './events.ts';
import { invalid, notFound, parsed } from './seam-error.ts';

const when = z
  .string()
  .refine((text) => Number.isFinite(Date.parse(text)), { error: 'a date and time' })
  .transform((text) => Date.parse(text));

const listSchema = z.object({
  since: z.string().optional(),
  between: listOf(z.string()).optional(),
  event_type: z.string().optional(),
  event_types: listOf(z.string()).optional(),
  event_ids: uuids.optional(),
  device_id: uuid.optional(),
  device_ids: uuids.optional(),
  access_code_id: uuid.optional(),
  access_code_ids: uuids.optional(),
  access_grant_id: uuid.optional(),
  access_grant_ids: uuids.optional(),
  access_method_id: uuid.optional(),
  access_method_ids: uuids.optional(),
  limit: limit(500),
});
type Asked = z.output<typeof listSchema>;

/** Filters for what this site has none of: nothing fits them. */
const ABSENT = [
  'acs_access_group_id',
  'acs_credential_id',
  'acs_encoder_id',
  'acs_entrance_id',
  'acs_system_id',
  'acs_system_ids',
  'acs_user_id',
  'connect_webview_id',
  'customer_key',
  'space_id',
  'space_ids',
  'user_identity_id',
] as const;

const PAGE = 1000;

export function eventEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  return [
    endpoint('/events/list', READ, listSchema.loose(), (asked, call) => {
      const { after, before } = spanOf(asked);
      const isAbsent = ABSENT.some((name) => asked[name] !== undefined && asked[name] !== null);
      const found: SiteEvent[] = [];
      if (isAbsent) return { events: found };
      for (const entry of entriesOf(parts, after, before)) {
        for (const event of eventsOf(entry, parts, call.isPrivate)) {
          if (found.length < asked.limit && fits(event, asked)) found.push(event);
        }
        if (found.length >= asked.limit) break;
      }
      return { events: found };
    }),
    endpoint(
      '/events/get',
      READ,
      z.object({
        event_id: uuid.optional(),
        device_id: uuid.optional(),
        event_type: z.string().optional(),
      }),
      ({ event_id, device_id, event_type }, call) => {
        if (event_id === undefined && (device_id === undefined || event_type === undefined)) {
          throw invalid('event_id', 'it, or device_id with event_type, is needed');
        }
        for (const entry of entriesOf(parts, undefined, undefined)) {
          const found = eventsOf(entry, parts, call.isPrivate).find((event) =>
            event_id === undefined
              ? event['device_id'] === device_id && event.event_type === event_type
              : event.event_id === event_id.toLowerCase(),
          );
          if (found !== undefined) return { event: found };
        }
        throw notFound('event');
      },
    ),
  ];
}

/** Exclusive on both sides; one of the two forms. */
function spanOf({ since, between }: Asked): { readonly after: number; readonly before?: number } {
  if ((since === undefined) === (between === undefined)) {
    throw invalid('since', 'exactly one of since and between');
  }
  if (since !== undefined) return { after: parsed(z.object({ since: when }), { since }).since };
  const pair = parsed(z.object({ between: z.tuple([when, when]) }), { between }).between;
  return { after: pair[0], before: pair[1] };
}

function* entriesOf(
  { desk }: DialectParts,
  after: number | undefined,
  before: number | undefined,
): Iterable<RecordedEntry> {
  let seq = 0;
  for (;;) {
    const page = desk.journal.read({
      after: seq,
      types: EVENT_ENTRIES,
      ...(after === undefined ? {} : { from: instant(after) }),
      limit: PAGE,
    });
    for (const entry of page) {
      const { at } = entry.stamp;
      if ((after === undefined || at > after) && (before === undefined || at < before)) yield entry;
    }
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined) return;
    seq = last.seq;
  }
}
function fits(event: SiteEvent, asked: Asked): boolean {
  const methods = event['access_grant_ids'];
  const grants = Array.isArray(methods) ? methods : [event['access_grant_id']];
  const among = (
    one: string | undefined,
    many: readonly string[] | undefined,
    has: readonly unknown[],
  ) => {
    const wanted = [...(one === undefined ? [] : [one]), ...(many ?? [])];
    return (
      (one === undefined && many === undefined) ||
      wanted.some((each) => has.includes(each.toLowerCase()))
    );
  };
  const types = asked.event_types ?? [];
  return (
    (asked.event_type === undefined || asked.event_type === event.event_type) &&
    (asked.event_types === undefined || types.includes(event.event_type)) &&
    among(undefined, asked.event_ids, [event.event_id]) &&
    among(asked.device_id, asked.device_ids, [event['device_id']]) &&
    among(asked.access_code_id, asked.access_code_ids, [event['access_code_id']]) &&
    among(asked.access_grant_id, asked.access_grant_ids, grants) &&
    among(asked.access_method_id, asked.access_method_ids, [event['access_method_id']])
  );
}
