/** The journal as Seam's events. Those about a grant carry ids only (vendor-apis.md 3.7). Pure. */
import { isSet, numberIn, textIn } from '../../access/body.ts';
import type { EntryType, RecordedEntry } from '../../access/entry.ts';
import { uuidOf } from '../uuid.ts';
import { type DialectParts, KINDS } from './dialect-parts.ts';
import { uuid } from './endpoint.ts';
import { changesAt, type GrantChange } from './grant-changes.ts';

export interface SiteEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly workspace_id: string;
  readonly created_at: string;
  readonly occurred_at: string;
  readonly [name: string]: unknown;
}

export const EVENT_ENTRIES: readonly EntryType[] = [
  'grant.put',
  'grant.revoked',
  'access.opened',
  'access.denied',
  'access.open_failed',
  'access.jammed',
  'access.unknown_outcome',
  'access.withdrawn',
  'device.online',
  'device.offline',
  'device.tamper',
  'device.battery',
  'device.lock_state',
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

/** @param isPrivate codes may be told to who reads it (P10); events that Seam never sends without are left out */
export function eventsOf(
  entry: RecordedEntry,
  parts: DialectParts,
  isPrivate: boolean,
): readonly SiteEvent[] {
  const { devices } = parts;
  const at = new Date(entry.stamp.at).toISOString();
  const event = (event_type: string, fields: Readonly<Record<string, unknown>>): SiteEvent => ({
    event_id: uuidOf('event', entry.id, event_type, aboutOf(fields)),
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
      return grantEvents(entry, parts, event, isPrivate);
    case 'access.opened':
      return openedEvents(entry, parts, event);
    case 'access.open_failed':
    case 'access.jammed':
    case 'access.unknown_outcome':
    case 'access.withdrawn':
      return attemptEvents(intentOf(entry, parts), 'failed', ofDevice, event);
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
    case 'device.battery': {
      const battery_level = (numberIn(body, 'percent') ?? 0) / 100;
      const battery_status = statusOf(battery_level, isSet(body, 'critical'));
      const status = event('device.battery_status_changed', {
        ...ofDevice,
        battery_status,
        battery_level,
      });
      const isLow = battery_status === 'low' || battery_status === 'critical';
      return isLow
        ? [status, event('device.low_battery', { ...ofDevice, battery_level })]
        : [status];
    }
    case 'device.lock_state':
      return textIn(body, 'state') === 'locked'
        ? [event('lock.locked', { ...ofDevice, method: 'unknown' })]
        : [];
    default:
      return [];
  }
}

type MakeEvent = (type: string, fields: Readonly<Record<string, unknown>>) => SiteEvent;

function grantEvents(
  entry: RecordedEntry,
  parts: DialectParts,
  event: MakeEvent,
  isPrivate: boolean,
): readonly SiteEvent[] {
  const { shelves } = parts;
  const id = textIn(entry.body, 'grant') ?? '';
  const rev = numberIn(entry.body, 'rev') ?? 0;
  const isGone = entry.type === 'grant.revoked';
  const grant = shelves.grants.at(id);
  if (grant === undefined) return codeEvents(id, rev, isGone, parts, event, isPrivate);
  const { access_grant_id, access_grant_key, methods, starts_at, ends_at } = grant.fields;
  const keys = access_grant_key === undefined ? {} : { access_grant_key };
  const ofMethod = (access_method_id: string) => ({
    access_method_id,
    access_grant_ids: [access_grant_id],
    ...(access_grant_key === undefined ? {} : { access_grant_keys: [access_grant_key] }),
  });
  const told = (change: GrantChange): readonly SiteEvent[] => {
    if (change.what === 'times') {
      const times = { starts_at: change.starts_at, ends_at: change.ends_at };
      return [
        event('access_grant.access_times_changed', timed({ access_grant_id, ...keys }, times)),
      ];
    }
    if (change.what === 'lost') {
      const acs_entrance_id = change.door;
      return [event('access_grant.access_to_door_lost', { access_grant_id, acs_entrance_id })];
    }
    const of = methods.find((each) => each.access_method_id === change.method);
    const told = event(`access_method.${change.what}`, ofMethod(change.method));
    // Its own app issues it, which needs the vendor: pending work, told as such.
    const waits = change.what === 'created' && of?.mode === 'mobile_key' && of.issued_at === null;
    return waits
      ? [told, event('access_method.delay_in_issuing', ofMethod(change.method))]
      : [told];
  };
  if (isGone) {
    return [
      event('access_grant.deleted', { access_grant_id }),
      ...methods.map((each) => event('access_method.deleted', ofMethod(each.access_method_id))),
    ];
  }
  if (rev === 1) {
    const first = changesAt(grant.record, 1);
    const made: readonly GrantChange[] =
      first ??
      methods.flatMap(({ access_method_id: method, issued_at }) => [
        { what: 'created', method },
        ...(issued_at === null ? [] : [{ what: 'issued', method } as const]),
      ]);
    return [event('access_grant.created', { access_grant_id }), ...made.flatMap(told)];
  }
  const changes = changesAt(grant.record, rev) ?? [{ what: 'times', starts_at, ends_at } as const];
  return changes.flatMap(told);
}

function timed(
  fields: Readonly<Record<string, unknown>>,
  { starts_at, ends_at }: { readonly starts_at: string; readonly ends_at: string | null },
) {
  return { ...fields, starts_at, ...(ends_at === null ? {} : { ends_at }) };
}

function codeEvents(
  id: string,
  rev: number,
  isGone: boolean,
  { shelves, devices }: DialectParts,
  event: MakeEvent,
  isPrivate: boolean,
): readonly SiteEvent[] {
  const found = shelves.codes.at(id)?.fields;
  if (found === undefined) return [];
  const { access_code_id, device_id, code, starts_at, created_at } = found;
  const fields = { access_code_id, device_id, connected_account_id: devices.account };
  if (isGone) {
    return [
      event(`${KINDS.code}.deleted`, { ...fields, code: null }),
      event(`${KINDS.code}.removed_from_device`, fields),
    ];
  }
  if (rev !== 1) return [event(`${KINDS.code}.changed`, fields)];
  const made = event(`${KINDS.code}.created`, fields);
  // Here it is on its device at once; one that begins later is loaded ahead (vendor-apis.md 3.6).
  const isAhead = starts_at !== null && Date.parse(starts_at) > Date.parse(created_at);
  const word = isAhead ? 'scheduled_on_device' : 'set_on_device';
  return isPrivate && code !== ''
    ? [made, event(`${KINDS.code}.${word}`, { ...fields, code })]
    : [made];
}

function openedEvents(
  entry: RecordedEntry,
  parts: DialectParts,
  event: MakeEvent,
): readonly SiteEvent[] {
  const { devices, shelves } = parts;
  const { body, device } = entry;
  const intent = intentOf(entry, parts);
  const key = textIn(body, 'key');
  const device_id = key === undefined ? devices.uuidOfLock(device ?? '') : devices.uuidOfKey(key);
  const method = methodOf(textIn(intent?.body ?? {}, 'method'), isSet(body, 'byFob'));
  const id = textIn(body, 'grant') ?? '';
  const access_code_id = shelves.codes.at(id)?.fields.access_code_id;
  const user_identity_id = shelves.grants.at(id)?.fields.user_identity_id;
  const attempt = attemptOf(intent);
  const of = { device_id, connected_account_id: devices.account };
  return [
    event('lock.unlocked', {
      device_id,
      connected_account_id: devices.account,
      method,
      ...(access_code_id === undefined ? {} : { access_code_id, access_code_is_managed: true }),
      ...(user_identity_id === undefined ? {} : { user_identity_id }),
      ...(attempt === undefined ? {} : { action_attempt_id: attempt }),
    }),
    ...attemptEvents(intent, 'succeeded', of, event),
  ];
}

/** The entry by which it was asked for. */
function intentOf({ body }: RecordedEntry, { desk }: DialectParts): RecordedEntry | undefined {
  const opening = numberIn(body, 'opening') ?? numberIn(body, 'ends');
  return opening === undefined ? undefined : desk.journal.entry(opening);
}

/** Only commands of this dialect go by such an id. */
function attemptOf(intent: RecordedEntry | undefined): string | undefined {
  const id = textIn(intent?.body ?? {}, 'command');
  return id !== undefined && uuid.safeParse(id).success ? id : undefined;
}

function attemptEvents(
  intent: RecordedEntry | undefined,
  how: 'succeeded' | 'failed',
  fields: Readonly<Record<string, unknown>>,
  event: MakeEvent,
): readonly SiteEvent[] {
  const action_attempt_id = attemptOf(intent);
  if (action_attempt_id === undefined) return [];
  const isLock = textIn(intent?.body ?? {}, 'operation') === 'lock';
  const verb = isLock ? 'lock_door' : 'unlock_door';
  const action_type = verb.toUpperCase();
  const status = how === 'succeeded' ? 'success' : 'error';
  const about = { ...fields, action_attempt_id, action_type, status };
  return [event(`action_attempt.${verb}.${how}`, about)];
}

/** Apart from the others of its type that one entry brings. */
function aboutOf(fields: Readonly<Record<string, unknown>>): string {
  return String(fields['access_method_id'] ?? fields['acs_entrance_id'] ?? '');
}

function statusOf(level: number, isCritical: boolean): 'critical' | 'low' | 'good' | 'full' {
  if (isCritical) return 'critical';
  if (level < 0.25) return 'low';
  return level < 0.75 ? 'good' : 'full';
}

function methodOf(method: string | undefined, byFob: boolean): string {
  if (method === 'command') return 'remote';
  if (method === 'pin' || method === 'code') return 'keycode';
  if (byFob || method === 'card' || method === 'fob' || method === 'key-fob') return 'card';
  return 'unknown';
}
