/** An access code as Seam shows it, and as the grant that the door decides by. */
import { credentialId, grantId, holderId } from '../../access/model.ts';
import type { WantedGrant } from '../sync-change.ts';
import { derivedCodes, operationsOf, windowOf } from './access-grant.ts';
import type { DialectParts } from './dialect-parts.ts';
import type { Call } from './endpoint.ts';
import type { CodeFields } from './fields.ts';
import { targetOf } from './site-devices.ts';

export function wantedCode(
  id: string,
  fields: CodeFields,
  { desk, devices }: DialectParts,
): WantedGrant {
  const device = devices.find(fields.device_id);
  const targets = device === undefined ? [] : [targetOf(device)];
  const grant = grantId(id);
  const { index, digits: length } = desk.secrets.index('pin', fields.code, grant);
  const carrier = desk.ports().site.bridge;
  return {
    id: grant,
    source: { vendor: 'seam', ref: fields.access_code_id, version: '' },
    holder: holderId(`seam-code:${fields.access_code_id}`),
    credentials: [
      {
        id: credentialId(fields.access_code_id),
        kind: 'pin',
        index,
        ...(length === undefined ? {} : { digits: length }),
        sealed: desk.secrets.keep(fields.code, grant),
      },
    ],
    targets,
    window: windowOf(fields),
    ...(fields.is_one_time_use ? { uses: { max: 1, carrier } } : {}),
    operations: operationsOf(targets),
    options: {},
    state: 'active',
  };
}

interface CodeShown {
  readonly fields: CodeFields;
  readonly body: ReturnType<typeof codeBody>;
  readonly method: string | undefined;
  readonly grant: string | undefined;
}

export function bodies(parts: DialectParts, call: Call): readonly CodeShown[] {
  const own = parts.shelves.codes.all().map(({ fields }) => ({
    fields,
    body: codeBody(fields, parts, call),
    method: undefined,
    grant: undefined,
  }));
  const derived = parts.shelves.grants.all().flatMap(({ fields: grant }) =>
    derivedCodes(grant).map(({ access_code_id, device_id, method, code }) => {
      const fields: CodeFields = {
        access_code_id,
        device_id,
        code: code ?? '',
        name: grant.name,
        starts_at: grant.starts_at,
        ends_at: grant.ends_at,
        common_code_key: null,
        is_one_time_use: false,
        is_external_modification_allowed: false,
        created_at: method.created_at,
      };
      const body = codeBody(fields, parts, call);
      const { access_grant_id } = grant;
      return { fields, body, method: method.access_method_id, grant: access_grant_id };
    }),
  );
  return [...own, ...derived];
}

export function codeBody(fields: CodeFields, { devices, desk }: DialectParts, { isPrivate }: Call) {
  const { starts_at, ends_at } = fields;
  const now = desk.clock.now();
  const isTimeBound = starts_at !== null;
  const isOver = ends_at !== null && Date.parse(ends_at) <= now;
  const isAhead = starts_at !== null && Date.parse(starts_at) > now;
  return {
    access_code_id: fields.access_code_id,
    workspace_id: devices.workspace,
    device_id: fields.device_id,
    code: isPrivate && fields.code !== '' ? fields.code : null,
    name: fields.name,
    type: isTimeBound ? 'time_bound' : 'ongoing',
    // A code that is loaded ahead stays `unset` until it begins (vendor-apis.md 3.6).
    status: isOver || isAhead ? 'unset' : 'set',
    is_scheduled_on_device: isAhead,
    ...(isTimeBound ? { starts_at, ends_at } : {}),
    common_code_key: fields.common_code_key,
    created_at: fields.created_at,
    is_managed: true,
    is_backup: fields.is_backup === true,
    is_backup_access_code_available:
      fields.uses_backup_pool === true && fields.pulled_backup === undefined,
    ...(fields.pulled_backup === undefined
      ? {}
      : { pulled_backup_access_code_id: fields.pulled_backup }),
    is_external_modification_allowed: fields.is_external_modification_allowed,
    is_offline_access_code: false,
    is_one_time_use: fields.is_one_time_use,
    is_waiting_for_code_assignment: false,
    errors: [],
    warnings: [],
    pending_mutations: [],
  };
}
