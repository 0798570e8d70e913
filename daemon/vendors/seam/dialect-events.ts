/** The journal as Seam's events. Those about a grant carry ids only (vendor-apis.md 3.7). */
import { z } from 'zod';
import { isSet, textIn } from '../../access/body.ts';
import type { EntryType, RecordedEntry } from '../../access/entry.ts';
import { type DialectParts, KINDS } from './dialect-parts.ts';
import { endpoint, limit, listOf, READ, type SeamEndpoint, uuid, uuids } from './endpoint.ts';
import { uuidOf } from './ids.ts';
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

interface SeamEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly workspace_id: string;
  readonly created_at: string;
  readonly occurred_at: string;
  readonly [name: string]: unknown;
}

const TYPES: readonly EntryType[] = [
  'grant.put',
  'grant.revoked',
  'access.opened',
  'access.granted',
  'access.denied',
  'device.online',
  'device.offline',
  'device.tamper',
];

/** Seam's closed list has no word for the others; it is left out then. */
const REASON_CODES: ReadonlyMap<string, string> = new Map([
  ['unknown-credential', 'unknown_code'],
  ['expired', 'expired_code'],
  ['revoked', 'blocklisted_code'],
  ['credential-disabled', 'blocklisted_code'],
  ['locked-out', 'too_many_attempts'],
  ['lockdown', 'blocked_by_privacy_mode'],
  ['malformed', 'credential_error'],
]);

const PAGE = 1000;

export function eventEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  return [
    endpoint('/events/list', READ, listSchema.loose(), (asked) => {
      const { after, before } = spanOf(asked);
      const isAbsent = ABSENT.some((name) => asked[name] !== undefined && asked[name] !== null);
      const found: SeamEvent[] = [];
      if (isAbsent) return { events: found };
      for (const entry of entriesOf(parts, after, before)) {
        for (const event of eventsOf(entry, parts)) {
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
      ({ event_id, device_id, event_type }) => {
        if (event_id === undefined && (device_id === undefined || event_type === undefined)) {
          throw invalid('event_id', 'it, or device_id with event_type, is needed');
        }
        for (const entry of entriesOf(parts, undefined, undefined)) {
          const found = eventsOf(entry, parts).find((event) =>
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
    const page = desk.journal.read({ after: seq, types: TYPES, limit: PAGE });
    for (const entry of page) {
      const { at } = entry.stamp;
      if ((after === undefined || at > after) && (before === undefined || at < before)) yield entry;
    }
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined) return;
    seq = last.seq;
  }
}

function eventsOf(entry: RecordedEntry, parts: DialectParts): readonly SeamEvent[] {
  const { devices } = parts;
  const at = new Date(entry.stamp.at).toISOString();
  const event = (event_type: string, fields: Readonly<Record<string, unknown>>): SeamEvent => ({
    event_id: uuidOf('event', entry.id, event_type, JSON.stringify(fields)),
    event_type,
    workspace_id: devices.workspace,
    created_at: at,
    occurred_at: at,
    ...fields,
  });
  const { type, body, device } = entry;
  const connected_account_id = devices.account;
  const ofDevice = { device_id: devices.uuidOfLock(device ?? ''), connected_account_id };
  switch (type) {
    case 'grant.put':
    case 'grant.revoked':
      return grantEvents(entry, parts, event);
    case 'access.opened':
      return openedEvents(entry, parts, event);
    case 'access.granted':
      // A key box opens a slot; that it opened is told by the entry that follows.
      return [];
    case 'access.denied': {
      const word = textIn(body, 'reason') ?? '';
      const reason_code = REASON_CODES.get(word);
      const reason = reason_code === undefined ? {} : { reason: { reason_code, message: word } };
      return [event('lock.access_denied', { ...ofDevice, ...reason })];
    }
    case 'device.online':
      return [event('device.connected', ofDevice)];
    case 'device.offline': {
      const empty = {
        device_errors: [],
        device_warnings: [],
        connected_account_errors: [],
        connected_account_warnings: [],
      };
      return [
        event('device.disconnected', { ...ofDevice, ...empty, error_code: 'device_disconnected' }),
      ];
    }
    case 'device.tamper':
      return [event('device.tampered', ofDevice)];
    default:
      return [];
  }
}

type MakeEvent = (type: string, fields: Readonly<Record<string, unknown>>) => SeamEvent;

function grantEvents(entry: RecordedEntry, parts: DialectParts, event: MakeEvent) {
  const { shelves, devices } = parts;
  const { body, type } = entry;
  const id = textIn(body, 'grant') ?? '';
  const isNew = body['rev'] === 1;
  const grant = shelves.grants.at(id)?.fields;
  if (grant !== undefined) {
    const { access_grant_id, access_grant_key, methods, starts_at, ends_at } = grant;
    const keys = access_grant_key === undefined ? {} : { access_grant_key };
    const ofMethod = (access_method_id: string) => ({
      access_method_id,
      access_grant_ids: [access_grant_id],
      ...(access_grant_key === undefined ? {} : { access_grant_keys: [access_grant_key] }),
    });
    if (type === 'grant.revoked') {
      return [
        event('access_grant.deleted', { access_grant_id }),
        ...methods.map((each) => event('access_method.deleted', ofMethod(each.access_method_id))),
      ];
    }
    if (!isNew) {
      const times = { starts_at, ...(ends_at === null ? {} : { ends_at }) };
      return [event('access_grant.access_times_changed', { access_grant_id, ...keys, ...times })];
    }
    return [
      event('access_grant.created', { access_grant_id }),
      ...methods.flatMap((each) => [
        event('access_method.created', ofMethod(each.access_method_id)),
        ...(each.issued_at === null
          ? []
          : [event('access_method.issued', ofMethod(each.access_method_id))]),
      ]),
    ];
  }
  const code = shelves.codes.at(id)?.fields;
  if (code === undefined) return [];
  const { access_code_id, device_id } = code;
  const fields = { access_code_id, device_id, connected_account_id: devices.account };
  if (type === 'grant.revoked') return [event(`${KINDS.code}.deleted`, { ...fields, code: null })];
  return [event(`${KINDS.code}.${isNew ? 'created' : 'changed'}`, fields)];
}

function openedEvents(
  entry: RecordedEntry,
  { desk, devices, shelves }: DialectParts,
  event: MakeEvent,
) {
  const { body, device } = entry;
  const opening = body['opening'];
  const intent = typeof opening === 'number' ? desk.journal.entry(opening) : undefined;
  const key = textIn(body, 'key');
  const device_id = key === undefined ? devices.uuidOfLock(device ?? '') : devices.uuidOfKey(key);
  const method = methodOf(textIn(intent?.body ?? {}, 'method'), isSet(body, 'byFob'));
  const id = textIn(body, 'grant') ?? '';
  const access_code_id = shelves.codes.at(id)?.fields.access_code_id;
  const user_identity_id = shelves.grants.at(id)?.fields.user_identity_id;
  const attempt = textIn(intent?.body ?? {}, 'command');
  return [
    event('lock.unlocked', {
      device_id,
      connected_account_id: devices.account,
      method,
      ...(access_code_id === undefined ? {} : { access_code_id, access_code_is_managed: true }),
      ...(user_identity_id === undefined ? {} : { user_identity_id }),
      ...(attempt !== undefined && uuid.safeParse(attempt).success
        ? { action_attempt_id: attempt }
        : {}),
    }),
  ];
}

function methodOf(method: string | undefined, byFob: boolean): string {
  if (method === 'command') return 'remote';
  if (method === 'pin' || method === 'code') return 'keycode';
  if (byFob || method === 'card' || method === 'fob' || method === 'key-fob') return 'card';
  return 'unknown';
}

function fits(event: SeamEvent, asked: Asked): boolean {
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
