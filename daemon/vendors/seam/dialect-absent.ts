/** What Seam has and a site has not: answered as for a workspace without any, so that a client can read the answer. */
import { z } from 'zod';
import { deviceAt } from './device-settings.ts';
import type { DialectParts } from './dialect-parts.ts';
import {
  CHANGE,
  endpoint,
  type Method,
  READ,
  REMOVE,
  type SeamEndpoint,
  uuid,
  WRITE,
} from './endpoint.ts';
import { notFound, SeamError } from './seam-error.ts';

const any = z.looseObject({});
const ALL: readonly Method[] = ['POST', 'PUT', 'PATCH', 'DELETE'];
const PAGE = { has_next_page: false, next_page_cursor: null, next_page_url: null };

export function absentEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  const missing = (noun: string) => () => {
    throw notFound(noun);
  };
  const sandboxOnly = () => {
    throw new SeamError(
      400,
      'not_a_sandbox',
      'this is a real site; nothing here can be simulated or reset',
    );
  };
  const unsupported = (message: string) => () => {
    throw new SeamError(400, 'unsupported_operation', message);
  };
  const byGrants = unsupported('who gets in here does so by access grants; make one of those');
  const byKeys = unsupported('callers of this site show an API key; it has no client sessions');
  return [
    ...[
      '/acs/entrances/grant_access',
      '/acs/credentials/create',
      '/acs/credentials/assign',
      '/acs/credentials/unassign',
      '/acs/credentials/update',
      '/acs/credentials/delete',
      '/acs/users/create',
      '/acs/users/update',
      '/acs/users/delete',
      '/user_identities/add_acs_user',
      '/user_identities/remove_acs_user',
      '/user_identities/grant_access_to_device',
      '/user_identities/revoke_access_to_device',
      '/user_identities/generate_instant_key',
    ].map((path) => endpoint(path, ALL, any, byGrants)),
    ...['create', 'get_or_create', 'grant_access', 'delete', 'revoke'].map((verb) =>
      endpoint(`/client_sessions/${verb}`, ALL, any, byKeys),
    ),
    endpoint('/user_identities/list_acs_systems', READ, any, () => ({ acs_systems: [] })),
    endpoint('/user_identities/list_acs_users', READ, any, () => ({ acs_users: [] })),
    endpoint('/devices/unmanaged/list', READ, any, () => ({ devices: [], pagination: PAGE })),
    endpoint('/devices/unmanaged/get', READ, any, missing('device')),
    endpoint(
      '/devices/unmanaged/update',
      CHANGE,
      z.looseObject({ device_id: uuid }),
      missing('device'),
    ),
    endpoint('/devices/list_device_providers', READ, any, () => ({ device_providers: [] })),
    endpoint('/access_grants/unmanaged/list', READ, any, () => ({
      access_grants: [],
      pagination: PAGE,
    })),
    endpoint('/access_grants/unmanaged/get', READ, any, missing('access_grant')),
    endpoint('/access_methods/unmanaged/list', READ, any, () => ({ access_methods: [] })),
    endpoint('/access_methods/unmanaged/get', READ, any, missing('access_method')),
    endpoint('/acs/users/list', READ, any, () => ({ acs_users: [], pagination: PAGE })),
    endpoint('/acs/users/get', READ, any, missing('acs_user')),
    endpoint('/acs/credentials/list', READ, any, () => ({ acs_credentials: [], pagination: PAGE })),
    endpoint('/acs/credentials/get', READ, any, missing('acs_credential')),
    endpoint('/acs/access_groups/list', READ, any, () => ({ acs_access_groups: [] })),
    endpoint('/acs/access_groups/get', READ, any, missing('acs_access_group')),
    endpoint('/instant_keys/list', READ, any, () => ({ instant_keys: [] })),
    endpoint('/instant_keys/get', READ, any, missing('instant_key')),
    endpoint('/instant_keys/delete', REMOVE, any, missing('instant_key')),
    endpoint('/client_sessions/list', READ, any, () => ({ client_sessions: [] })),
    endpoint('/client_sessions/get', READ, any, missing('client_session')),
    endpoint('/workspaces/reset_sandbox', WRITE, any, sandboxOnly),
    ...['connect', 'disconnect', 'remove', 'connect_to_hub', 'disconnect_from_hub'].map((verb) =>
      endpoint(
        `/devices/simulate/${verb}`,
        WRITE,
        z.looseObject({ device_id: uuid }),
        ({ device_id }) => {
          deviceAt(parts, device_id);
          return sandboxOnly();
        },
      ),
    ),
    ...['keypad_code_entry', 'manual_lock_via_keypad'].map((verb) =>
      endpoint(
        `/locks/simulate/${verb}`,
        WRITE,
        z.looseObject({ device_id: uuid }),
        ({ device_id }) => {
          deviceAt(parts, device_id);
          return sandboxOnly();
        },
      ),
    ),
  ];
}
