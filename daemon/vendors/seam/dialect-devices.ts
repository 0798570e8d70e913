/** Devices, locks and what they are asked to do at once. */
import { z } from 'zod';
import type { VendorDesk } from '../desk.ts';
import { BY, type DialectParts } from './dialect-parts.ts';
import {
  count,
  endpoint,
  limit,
  listOf,
  READ,
  type SeamEndpoint,
  uuid,
  uuids,
  WRITE,
} from './endpoint.ts';
import { pageOf } from './page.ts';
import { notFound } from './seam-error.ts';
import type { SiteDevice } from './site-devices.ts';

/** Lengths of a code that the box reads; `domain.md` PINs. */
const CODE_LENGTHS = [4, 5, 6, 7, 8, 9, 10, 11, 12];

const paging = { page_cursor: z.string().nullish() };
const listSchema = z.object({
  device_ids: uuids.optional(),
  device_type: z.string().optional(),
  device_types: listOf(z.string()).optional(),
  manufacturer: z.string().optional(),
  connected_account_id: uuid.optional(),
  connected_account_ids: uuids.optional(),
  connect_webview_id: uuid.optional(),
  space_id: uuid.optional(),
  unstable_location_id: uuid.nullish(),
  customer_key: z.string().optional(),
  user_identifier_key: z.string().optional(),
  custom_metadata_has: z.record(z.string(), z.unknown()).optional(),
  created_before: z.string().optional(),
  search: z.string().min(1).optional(),
  include_if: listOf(z.string()).optional(),
  exclude_if: listOf(z.string()).optional(),
  limit: limit(500),
  ...paging,
});
const oneSchema = z.object({ device_id: uuid.optional(), name: z.string().optional() });
const askSchema = z.strictObject({ device_id: uuid, sync: z.unknown().optional() });

export function deviceEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  const { devices, attempts, limits, desk } = parts;
  const bodyOf = (device: SiteDevice) => deviceBody(device, parts);
  const find = (id: string) => {
    const device = devices.find(id);
    if (device === undefined) throw notFound('device');
    return device;
  };
  const one = ({ device_id, name }: z.output<typeof oneSchema>) => {
    if (device_id !== undefined) return find(device_id);
    const named = devices.all().find((each) => nameOf(each) === name);
    if (named === undefined) throw notFound('device');
    return named;
  };
  const listed = (asked: z.output<typeof listSchema>, found: readonly SiteDevice[]) =>
    found.map(bodyOf).filter((body) => fits(body, asked, parts));

  return [
    endpoint('/devices/list', READ, listSchema, (asked, call) => {
      const cursor = { limit: asked.limit, cursor: asked.page_cursor };
      const found = listed(asked, devices.all());
      const page = pageOf(found, ({ device_id }) => device_id, cursor, call);
      return { devices: page.items, pagination: page.pagination };
    }),
    endpoint('/devices/get', READ, oneSchema, (asked) => ({ device: bodyOf(one(asked)) })),
    endpoint('/locks/list', READ, listSchema, (asked, call) => {
      const cursor = { limit: asked.limit, cursor: asked.page_cursor };
      const found = listed(asked, devices.all());
      const page = pageOf(found, ({ device_id }) => device_id, cursor, call);
      return { locks: page.items, devices: page.items, pagination: page.pagination };
    }),
    endpoint('/locks/get', READ, oneSchema, (asked) => {
      const device = bodyOf(one(asked));
      return { lock: device, device };
    }),
    endpoint('/locks/unlock_door', WRITE, askSchema, async ({ device_id }) => {
      const device = find(device_id);
      limits.take('unlock', device.uuid);
      return { action_attempt: await unlock(device, parts) };
    }),
    endpoint('/locks/lock_door', WRITE, askSchema, async ({ device_id }) => {
      const device = find(device_id);
      limits.take('lock', device.uuid);
      const attempt =
        device.kind === 'lock'
          ? await attempts.command(
              'LOCK_DOOR',
              device.uuid,
              { kind: 'lock', device: device.device },
              BY,
            )
          : await attempts.failed('LOCK_DOOR', device.uuid, 'unsupported', 'a key is no lock');
      return { action_attempt: attempt };
    }),
    endpoint('/action_attempts/get', READ, z.object({ action_attempt_id: uuid }), (asked) => ({
      action_attempt: attempts.get(asked.action_attempt_id),
    })),
    endpoint(
      '/action_attempts/list',
      READ,
      z.object({
        action_attempt_ids: uuids.optional(),
        device_id: uuid.optional(),
        limit: limit(500),
        ...paging,
      }),
      ({ action_attempt_ids, device_id, limit: most, page_cursor }, call) => {
        const found =
          action_attempt_ids === undefined
            ? attempts.recent(device_id)
            : action_attempt_ids.map((id) => attempts.get(id));
        const cursor = { limit: most, cursor: page_cursor };
        const page = pageOf(found, (each) => each.action_attempt_id, cursor, call);
        return { action_attempts: page.items, pagination: page.pagination };
      },
    ),
    endpoint('/acs/entrances/list', READ, z.object({ limit: count.optional() }).loose(), () => ({
      acs_entrances: devices.entrances().map(({ uuid: acs_entrance_id, point }) => ({
        acs_entrance_id,
        acs_system_id: devices.system,
        connected_account_id: devices.account,
        space_ids: [],
        display_name: point.id,
        created_at: since(desk),
        errors: [],
        warnings: [],
      })),
      pagination: { has_next_page: false, next_page_cursor: null, next_page_url: null },
    })),
    endpoint('/spaces/list', READ, z.object({ limit: count.optional() }).loose(), () => ({
      spaces: devices.spaces().map(({ uuid: space_id, name, targets }) => ({
        space_id,
        space_key: name,
        workspace_id: devices.workspace,
        name,
        display_name: name,
        created_at: since(desk),
        device_count: targets.filter(({ kind }) => kind === 'lock' || kind === 'key').length,
        acs_entrance_count: 0,
      })),
      pagination: { has_next_page: false, next_page_cursor: null, next_page_url: null },
    })),
  ];
}

/** A lock is opened, or the slot in which the key lies. */
async function unlock(device: SiteDevice, { attempts, desk }: DialectParts) {
  if (device.kind === 'lock') {
    const command = { kind: 'unlock', device: device.device } as const;
    return attempts.command('UNLOCK_DOOR', device.uuid, command, BY);
  }
  const place = desk.ports().ledger.get('key', device.key.id)?.place;
  if (place?.kind !== 'slot') {
    return attempts.failed('UNLOCK_DOOR', device.uuid, 'key_not_here', 'the key is in no slot');
  }
  const command = { kind: 'slot.open', device: place.box, slot: place.slot } as const;
  return attempts.command('UNLOCK_DOOR', device.uuid, command, BY);
}

function nameOf(device: SiteDevice): string {
  return device.kind === 'lock' ? device.device : device.key.name;
}

/** The site is as old as its first entry; nothing here was made before it. */
function since({ journal }: VendorDesk): string {
  const first = journal.read({ limit: 1 })[0];
  return new Date(first?.stamp.at ?? 0).toISOString();
}

export function isOnline(device: SiteDevice, { ledger, state }: ReturnType<VendorDesk['ports']>) {
  if (device.kind === 'lock') return state.online.has(device.device);
  const place = ledger.get('key', device.key.id)?.place;
  return place?.kind !== 'slot' || state.online.has(place.box);
}

function deviceBody(device: SiteDevice, { devices, desk }: DialectParts) {
  const ports = desk.ports();
  const online = isOnline(device, ports);
  const created_at = since(desk);
  const door =
    device.kind === 'lock' ? ports.ledger.get('slot', `${device.device}:door`) : undefined;
  return {
    device_id: device.uuid,
    workspace_id: devices.workspace,
    connected_account_id: devices.account,
    device_type: device.kind === 'lock' ? 'controlbyweb_device' : 'keynest_key',
    display_name: nameOf(device),
    capabilities_supported: ['access_code', 'lock'],
    space_ids: [],
    is_managed: true,
    custom_metadata: {},
    created_at,
    errors: online
      ? []
      : [
          {
            error_code: 'device_offline',
            is_device_error: true,
            message: 'the device does not answer',
            created_at,
          },
        ],
    warnings: [],
    location: { location_name: desk.about.site, time_zone: desk.about.zone },
    can_remotely_unlock: true,
    can_remotely_lock: device.kind === 'lock',
    can_program_online_access_codes: true,
    can_program_offline_access_codes: false,
    can_unlock_with_code: true,
    properties: {
      online,
      name: nameOf(device),
      appearance: { name: nameOf(device) },
      model: {
        display_name: device.kind === 'lock' ? 'Lock' : 'Key in a box',
        manufacturer_display_name: 'Latchkey',
      },
      manufacturer: 'latchkey',
      online_access_codes_enabled: true,
      offline_access_codes_enabled: false,
      supported_code_lengths: CODE_LENGTHS,
      supports_backup_access_code_pool: false,
      has_native_entry_events: true,
      ...(device.kind === 'lock'
        ? { locked: door?.unlocked !== true }
        : { keynest_metadata: keyMetadata(device.key.id, device.key.name, ports) }),
    },
  };
}

function keyMetadata(id: string, name: string, { ledger }: ReturnType<VendorDesk['ports']>) {
  const place = ledger.get('key', id)?.place;
  return {
    key_id: id,
    device_name: name,
    current_status:
      place?.kind === 'slot' ? 'In Store' : place?.kind === 'holder' ? 'In Use' : null,
    status_type: place?.kind ?? 'unknown',
  };
}

type DeviceBody = ReturnType<typeof deviceBody>;

function fits(
  body: DeviceBody,
  asked: z.output<typeof listSchema>,
  { devices }: DialectParts,
): boolean {
  const has = (name: string) =>
    Object.entries(body).some(([key, value]) => key === name && value === true);
  const accounts = asked.connected_account_ids ?? [asked.connected_account_id ?? devices.account];
  const types = asked.device_types ?? [asked.device_type ?? body.device_type];
  const words = asked.search?.toLowerCase();
  return (
    (asked.device_ids === undefined || asked.device_ids.includes(body.device_id)) &&
    types.includes(body.device_type) &&
    accounts.includes(devices.account) &&
    (asked.manufacturer === undefined || asked.manufacturer === body.properties.manufacturer) &&
    (asked.created_before === undefined ||
      body.created_at < new Date(asked.created_before).toISOString()) &&
    // Nothing here is in a space by itself, belongs to a customer, or has metadata of its own.
    [
      asked.space_id,
      asked.unstable_location_id,
      asked.customer_key,
      asked.connect_webview_id,
    ].every((each) => each === undefined || each === null) &&
    Object.keys(asked.custom_metadata_has ?? {}).length === 0 &&
    (words === undefined || body.display_name.toLowerCase().includes(words)) &&
    (asked.include_if ?? []).every(has) &&
    !(asked.exclude_if ?? []).some(has)
  );
}
