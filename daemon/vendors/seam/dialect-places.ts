/** Where devices are: the access system of the site with its entrances, its spaces, and the account that all belong to. */
import { z } from 'zod';
import type { AccessPoint } from '../../access/model.ts';
import type { DialectParts } from './dialect-parts.ts';
import { count, endpoint, READ, type SeamEndpoint, uuid, uuids, WRITE } from './endpoint.ts';
import { pageOf } from './page.ts';
import { invalid, notFound, SeamError } from './seam-error.ts';
import { type SiteEntrance, type SiteSpace, targetOf } from './site-devices.ts';

const paged = { limit: count.default(500), page_cursor: z.string().nullish() };

export function placeEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  return [...systemEndpoints(parts), ...entranceEndpoints(parts), ...spaceEndpoints(parts)];
}

/** The site is as old as its first entry; nothing here was made before it. */
export function siteSince({ desk }: DialectParts): string {
  const first = desk.journal.read({ limit: 1 })[0];
  return new Date(first?.stamp.at ?? 0).toISOString();
}

function systemEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  const { devices, desk } = parts;
  const system = () => ({
    acs_system_id: devices.system,
    workspace_id: devices.workspace,
    connected_account_id: devices.account,
    connected_account_ids: [devices.account],
    name: desk.about.site,
    created_at: siteSince(parts),
    location: { time_zone: desk.about.zone },
    is_credential_manager: false,
    image_url: '',
    image_alt_text: '',
    errors: [],
    warnings: [],
  });
  const account = () => ({
    connected_account_id: devices.account,
    account_type_display_name: 'Latchkey',
    display_name: desk.about.site,
    created_at: siteSince(parts),
    automatically_manage_new_devices: true,
    accepted_capabilities: ['lock'],
    custom_metadata: {},
    errors: [],
    warnings: [],
  });
  return [
    endpoint(
      '/acs/systems/list',
      READ,
      z.looseObject({ connected_account_id: uuid.optional() }),
      (asked) => {
        const isOurs = (asked.connected_account_id ?? devices.account) === devices.account;
        return { acs_systems: isOurs ? [system()] : [] };
      },
    ),
    endpoint('/acs/systems/get', READ, z.object({ acs_system_id: uuid }), ({ acs_system_id }) => {
      if (acs_system_id.toLowerCase() !== devices.system) throw notFound('acs_system');
      return { acs_system: system() };
    }),
    endpoint('/connected_accounts/list', READ, z.looseObject(paged), (asked, call) => {
      const cursor = { limit: asked.limit, cursor: asked.page_cursor };
      const page = pageOf([account()], (each) => each.connected_account_id, cursor, call);
      return { connected_accounts: page.items, pagination: page.pagination };
    }),
    endpoint(
      '/connected_accounts/get',
      READ,
      z.looseObject({ connected_account_id: uuid.optional() }),
      ({ connected_account_id }) => {
        if (connected_account_id?.toLowerCase() !== devices.account)
          throw notFound('connected_account');
        return { connected_account: account() };
      },
    ),
  ];
}

function entranceEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  const { devices } = parts;
  return [
    endpoint(
      '/acs/entrances/list',
      READ,
      z.looseObject({
        acs_entrance_ids: uuids.optional(),
        acs_system_id: uuid.optional(),
        connected_account_id: uuid.optional(),
        space_id: uuid.optional(),
        search: z.string().min(1).optional(),
        limit: count.default(900),
        page_cursor: z.string().nullish(),
      }),
      (asked, call) => {
        const words = asked.search?.toLowerCase() ?? '';
        const space = devices.spaces().find((each) => each.uuid === asked.space_id?.toLowerCase());
        const found = devices
          .entrances()
          .filter(
            (each) =>
              (asked.acs_entrance_ids?.some((id) => id.toLowerCase() === each.uuid) ?? true) &&
              (asked.acs_system_id ?? devices.system) === devices.system &&
              (asked.connected_account_id ?? devices.account) === devices.account &&
              (asked.space_id === undefined || (space !== undefined && isIn(each, space))) &&
              asked['acs_credential_id'] === undefined &&
              asked['location_id'] === undefined &&
              asked['customer_key'] === undefined &&
              each.point.id.toLowerCase().includes(words),
          );
        const cursor = { limit: asked.limit, cursor: asked.page_cursor };
        const page = pageOf(found, (each) => each.uuid, cursor, call);
        return {
          acs_entrances: page.items.map((each) => entranceBody(each, parts)),
          pagination: page.pagination,
        };
      },
    ),
    endpoint('/acs/entrances/get', READ, z.object({ acs_entrance_id: uuid }), (asked) => ({
      acs_entrance: entranceBody(entranceAt(parts, asked.acs_entrance_id), parts),
    })),
    endpoint(
      '/acs/entrances/list_credentials_with_access',
      READ,
      z.looseObject({ acs_entrance_id: uuid }),
      ({ acs_entrance_id }) => {
        entranceAt(parts, acs_entrance_id);
        // Who gets in here does so by the methods of grants; access_methods/list has them.
        return { acs_credentials: [] };
      },
    ),
    endpoint(
      '/acs/entrances/unlock',
      WRITE,
      z.strictObject({ acs_entrance_id: uuid, acs_credential_id: uuid }),
      ({ acs_entrance_id }) => {
        entranceAt(parts, acs_entrance_id);
        throw notFound('acs_credential');
      },
    ),
    endpoint('/acs/encoders/list', READ, z.looseObject({}), () => ({
      acs_encoders: [],
      pagination: { has_next_page: false, next_page_cursor: null, next_page_url: null },
    })),
    endpoint('/acs/encoders/get', READ, z.looseObject({ acs_encoder_id: uuid }), () => {
      throw notFound('acs_encoder');
    }),
    endpoint(
      '/acs/encoders/encode_credential',
      WRITE,
      z.looseObject({ acs_encoder_id: uuid }),
      () => {
        throw notFound('acs_encoder');
      },
    ),
    endpoint(
      '/acs/encoders/scan_credential',
      WRITE,
      z.looseObject({ acs_encoder_id: uuid }),
      () => {
        throw notFound('acs_encoder');
      },
    ),
  ];
}

function spaceEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  const { devices } = parts;
  const at = (asked: {
    readonly space_id?: string | undefined;
    readonly space_key?: string | undefined;
  }) => {
    const { space_id, space_key } = asked;
    if ((space_id === undefined) === (space_key === undefined)) {
      throw invalid('space_id', 'exactly one of space_id and space_key');
    }
    const found = devices
      .spaces()
      .find((each) => each.uuid === space_id?.toLowerCase() || each.name === space_key);
    if (found === undefined) throw notFound('space');
    return found;
  };
  const one = z.object({ space_id: uuid.optional(), space_key: z.string().min(1).optional() });
  const fixed = () => {
    throw new SeamError(
      403,
      'space_is_fixed',
      'spaces of this site are its access levels, which its config names',
    );
  };
  return [
    endpoint(
      '/spaces/list',
      READ,
      z.looseObject({ space_key: z.string().optional(), search: z.string().optional(), ...paged }),
      (asked, call) => {
        const words = asked.search?.toLowerCase() ?? '';
        const found = devices
          .spaces()
          .filter(
            ({ name }) =>
              (asked.space_key ?? name) === name &&
              asked['customer_key'] === undefined &&
              asked['parent_space_id'] === undefined &&
              name.toLowerCase().includes(words),
          );
        const cursor = { limit: asked.limit, cursor: asked.page_cursor };
        const page = pageOf(found, (each) => each.uuid, cursor, call);
        return {
          spaces: page.items.map((each) => spaceBody(each, parts)),
          pagination: page.pagination,
        };
      },
    ),
    endpoint('/spaces/get', READ, one, (asked) => ({ space: spaceBody(at(asked), parts) })),
    ...['create', 'update', 'delete', 'add_devices', 'remove_devices'].map((verb) =>
      endpoint(`/spaces/${verb}`, ['POST', 'PUT', 'PATCH', 'DELETE'], z.looseObject({}), fixed),
    ),
    ...['add_acs_entrances', 'remove_acs_entrances'].map((verb) =>
      endpoint(`/spaces/${verb}`, ['POST', 'PUT', 'DELETE'], z.looseObject({}), fixed),
    ),
  ];
}

/** @throws SeamError 404 */
export function entranceAt({ devices }: DialectParts, uuid: string): SiteEntrance {
  const found = devices.entrances().find((each) => each.uuid === uuid.toLowerCase());
  if (found === undefined) throw notFound('acs_entrance');
  return found;
}

export function entranceBody({ uuid: acs_entrance_id, point }: SiteEntrance, parts: DialectParts) {
  const { devices } = parts;
  const { ledger } = parts.desk.ports();
  const isOpen = (lock: string) => ledger.get('slot', `${lock}:door`)?.unlocked === true;
  return {
    acs_entrance_id,
    acs_system_id: devices.system,
    connected_account_id: devices.account,
    space_ids: devices
      .spaces()
      .filter((space) => isIn({ uuid: acs_entrance_id, point }, space))
      .map((space) => space.uuid),
    display_name: point.id,
    created_at: siteSince(parts),
    can_unlock_with_code: hasKeypad(point, parts),
    can_unlock_with_card: point.readers.length > 0,
    can_unlock_with_cloud_key: true,
    can_unlock_with_mobile_key: false,
    can_belong_to_reservation: true,
    is_locked: !point.locks.some(isOpen),
    errors: [],
    warnings: [],
  };
}

export function spaceBody({ uuid: space_id, name, targets }: SiteSpace, parts: DialectParts) {
  const { devices } = parts;
  return {
    space_id,
    space_key: name,
    workspace_id: devices.workspace,
    name,
    display_name: name,
    created_at: siteSince(parts),
    device_count: devicesIn({ uuid: space_id, name, targets }, parts).length,
    acs_entrance_count: devices
      .entrances()
      .filter((each) => isIn(each, { uuid: space_id, name, targets })).length,
    customer_data: { time_zone: parts.desk.about.zone },
  };
}

export function devicesIn({ targets }: SiteSpace, { devices }: DialectParts) {
  return devices.all().filter((device) => {
    const { kind, id } = targetOf(device);
    return targets.some((target) => target.kind === kind && target.id === id);
  });
}

export function isIn({ point }: SiteEntrance, { targets }: SiteSpace): boolean {
  return targets.some(({ kind, id }) => kind === 'lock' && point.locks.some((lock) => lock === id));
}

function hasKeypad({ readers }: AccessPoint, { desk }: DialectParts): boolean {
  const { keypads } = desk.ports().site;
  return readers.some((reader) => keypads.has(reader));
}
