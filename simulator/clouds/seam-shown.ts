/** Things of the simulated Seam as its answers show them. Pure. */
import type { SimulatedCode, SimulatedGrant, SimulatedMethod } from './seam-things.ts';

export const WORKSPACE = '00000000-0000-4000-8000-000000000001';

interface Things {
  readonly methods: ReadonlyMap<string, SimulatedMethod>;
  readonly now: number;
}

export function shownGrant(grant: SimulatedGrant, things: Things): object {
  const { methods, requested, createdAt, access_grant_key, reservation_key, trouble, ...fields } =
    grant;
  const isChanging = methods.some((id) => isReissuing(things.methods.get(id), things.now));
  return {
    ...fields,
    ...(access_grant_key === undefined ? {} : { access_grant_key }),
    ...(reservation_key === undefined ? {} : { reservation_key }),
    workspace_id: WORKSPACE,
    location_ids: [],
    space_ids: [],
    display_name: grant.name ?? 'Access',
    created_at: createdAt,
    access_method_ids: methods,
    requested_access_methods: requested.map((each) => ({
      ...each,
      display_name: each.mode,
      created_at: createdAt,
      created_access_method_ids: methods,
    })),
    warnings: [],
    errors:
      trouble === undefined
        ? []
        : [{ ...trouble, message: trouble.error_code, created_at: createdAt }],
    pending_mutations: isChanging
      ? [
          {
            mutation_code: 'updating_access_times',
            message: 'new times are programmed',
            created_at: createdAt,
            access_method_ids: methods,
            from: { starts_at: null, ends_at: null },
            to: { starts_at: grant.starts_at, ends_at: grant.ends_at },
          },
        ]
      : [],
  };
}

export function shownMethod(id: string, { methods, now }: Things): object | undefined {
  const method = methods.get(id);
  if (method === undefined) return undefined;
  const { access_method_id, mode, code, issuedAt, createdAt } = method;
  const is_issued = now >= issuedAt;
  const created_at = createdAt;
  return {
    access_method_id,
    workspace_id: WORKSPACE,
    mode,
    display_name: mode,
    ...(mode === 'code' ? { code } : {}),
    is_issued,
    issued_at: is_issued ? new Date(issuedAt).toISOString() : null,
    created_at,
    errors: [],
    warnings: isReissuing(method, now)
      ? [
          {
            warning_code: 'updating_access_times',
            message: 'new times are programmed',
            created_at,
          },
        ]
      : [],
    pending_mutations: [],
  };
}

export function isReissuing(method: SimulatedMethod | undefined, now: number): boolean {
  return method?.wasIssued === true && now < method.issuedAt;
}

export function shownCode(code: SimulatedCode, { now }: Pick<Things, 'now'>): object {
  const { access_code_id, device_id, name, starts_at, ends_at, createdAt, setAt, fault } = code;
  return {
    access_code_id,
    workspace_id: WORKSPACE,
    device_id,
    code: code.code,
    name,
    type: starts_at === null ? 'ongoing' : 'time_bound',
    status: now < setAt ? 'setting' : 'set',
    starts_at,
    ends_at,
    common_code_key: null,
    created_at: createdAt,
    is_managed: true,
    is_backup_access_code_available: false,
    is_external_modification_allowed: false,
    is_one_time_use: false,
    is_offline_access_code: false,
    errors:
      fault === undefined
        ? []
        : [
            {
              error_code: fault,
              is_access_code_error: true,
              message: fault,
              created_at: createdAt,
            },
          ],
    warnings: [],
    pending_mutations: [],
  };
}

/** A lock as far as the connector looks at it. */
export function shownDevice(device_id: string, isOffline: boolean, created_at: string): object {
  return {
    device_id,
    workspace_id: WORKSPACE,
    device_type: 'keynest_key',
    display_name: device_id.slice(0, 8),
    is_managed: true,
    created_at,
    errors: isOffline
      ? [{ error_code: 'device_offline', is_device_error: true, message: 'offline', created_at }]
      : [],
    warnings: [],
    properties: { online: !isOffline, supported_code_lengths: [4, 5, 6, 7, 8] },
  };
}
