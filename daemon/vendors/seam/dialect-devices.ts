/** Devices, locks and what they are asked to do at once. */
import { z } from 'zod';
import type { VendorDesk } from '../desk.ts';
import { deviceAt, keepSettings, lengthsOf, settingsOf } from './device-settings.ts';
import { BY, type DialectParts } from './dialect-parts.ts';
import { siteSince } from './dialect-places.ts';
import {
  CHANGE,
  endpoint,
  flag,
  limit,
  listOf,
  moment,
  READ,
  type SeamEndpoint,
  uuid,
  uuids,
  WRITE,
} from './endpoint.ts';
import { pageOf } from './page.ts';
import { invalid, notFound } from './seam-error.ts';
import { type SiteDevice, targetOf } from './site-devices.ts';

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
  created_before: moment.optional(),
  search: z.string().min(1).optional(),
  include_if: listOf(z.string()).optional(),
  exclude_if: listOf(z.string()).optional(),
  limit: limit(500),
  ...paging,
});
const oneSchema = z.object({ device_id: uuid.optional(), name: z.string().optional() });
const askSchema = z.strictObject({ device_id: uuid, sync: z.unknown().optional() });

export function deviceEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  const { devices, attempts, limits } = parts;
  const bodyOf = (device: SiteDevice) => deviceBody(device, parts);
  const find = (id: string) => deviceAt(parts, id);
  const one = ({ device_id, name }: z.output<typeof oneSchema>) => {
    if (device_id !== undefined) return find(device_id);
    if (name === undefined) throw invalid('device_id', 'it, or name, is needed');
    const named = devices.all().find((each) => nameOf(each, parts) === name);
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
    endpoint(
      '/devices/update',
      CHANGE,
      z.strictObject({
        device_id: uuid,
        name: z.string().min(1).max(256).nullish(),
        is_managed: flag.optional(),
        custom_metadata: z
          .record(z.string().max(40), z.union([z.string().max(500), z.boolean(), z.null()]))
          .optional(),
        properties: z.object({ name: z.string().min(1).max(256).nullish() }).optional(),
        backup_access_code_pool_enabled: flag.optional(),
      }),
      async ({ device_id, custom_metadata = {}, is_managed, ...wanted }) => {
        const device = find(device_id);
        if (is_managed === false) throw invalid('is_managed', 'devices of this site are managed');
        const { name: _old, ...before } = settingsOf(parts, device.uuid);
        const said = wanted.name === undefined ? wanted.properties?.name : wanted.name;
        const name = said === undefined ? _old : said;
        // Null takes a pair away, as at Seam.
        const metadata = { ...before.custom_metadata, ...custom_metadata };
        const kept = Object.entries(metadata).flatMap(([key, value]) =>
          value === null ? [] : [[key, value] as const],
        );
        if (kept.length > 50) throw invalid('custom_metadata', 'at most 50 pairs');
        await keepSettings(parts, {
          ...before,
          ...(name == null ? {} : { name }),
          custom_metadata: Object.fromEntries(kept),
        });
        return {};
      },
    ),
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

function nameOf(device: SiteDevice, parts: DialectParts): string {
  const usual = device.kind === 'lock' ? device.device : device.key.name;
  return settingsOf(parts, device.uuid).name ?? usual;
}

export function isOnline(device: SiteDevice, { ledger, state }: ReturnType<VendorDesk['ports']>) {
  if (device.kind === 'lock') return state.online.has(device.device);
  const place = ledger.get('key', device.key.id)?.place;
  return place?.kind !== 'slot' || state.online.has(place.box);
}

export function deviceBody(device: SiteDevice, parts: DialectParts) {
  const { devices, desk } = parts;
  const target = targetOf(device);
  const ports = desk.ports();
  const online = isOnline(device, ports);
  const created_at = siteSince(parts);
  const door =
    device.kind === 'lock' ? ports.ledger.get('slot', `${device.device}:door`) : undefined;
  return {
    device_id: device.uuid,
    workspace_id: devices.workspace,
    connected_account_id: devices.account,
    device_type: device.kind === 'lock' ? 'controlbyweb_device' : 'keynest_key',
    display_name: nameOf(device, parts),
    capabilities_supported: ['access_code', 'lock'],
    space_ids: devices
      .spaces()
      .filter(({ targets }) =>
        targets.some(({ kind, id }) => kind === target.kind && id === target.id),
      )
      .map((space) => space.uuid),
    is_managed: true,
    custom_metadata: settingsOf(parts, device.uuid).custom_metadata,
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
      name: nameOf(device, parts),
      appearance: { name: nameOf(device, parts) },
      model: {
        display_name: device.kind === 'lock' ? 'Lock' : 'Key in a box',
        manufacturer_display_name: 'Latchkey',
      },
      manufacturer: 'latchkey',
      online_access_codes_enabled: true,
      offline_access_codes_enabled: false,
      supported_code_lengths: [...lengthsOf(parts, device.uuid)],
      supports_backup_access_code_pool: true,
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
    (asked.device_ids === undefined ||
      asked.device_ids.some((id) => id.toLowerCase() === body.device_id)) &&
    types.includes(body.device_type) &&
    accounts.includes(devices.account) &&
    (asked.manufacturer === undefined || asked.manufacturer === body.properties.manufacturer) &&
    (asked.created_before === undefined ||
      Date.parse(body.created_at) < Date.parse(asked.created_before)) &&
    // Nothing here belongs to a customer.
    [asked.unstable_location_id, asked.customer_key, asked.connect_webview_id].every(
      (each) => each === undefined || each === null,
    ) &&
    (asked.space_id === undefined || body.space_ids.includes(asked.space_id.toLowerCase())) &&
    Object.entries(asked.custom_metadata_has ?? {}).every(
      ([name, value]) => String(body.custom_metadata[name]) === String(value),
    ) &&
    (words === undefined || body.display_name.toLowerCase().includes(words)) &&
    (asked.include_if ?? []).every(has) &&
    !(asked.exclude_if ?? []).some(has)
  );
}
