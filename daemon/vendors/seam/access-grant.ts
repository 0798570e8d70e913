/** An access grant as Seam shows it, and as the grant that the door decides by. Pure. */
import {
  type Credential,
  credentialId,
  type GrantId,
  grantId,
  type HolderId,
  type Operation,
  type Target,
  type Window,
} from '../../access/model.ts';
import type { VendorSecrets } from '../desk.ts';
import { instantOf } from '../moment.ts';
import type { WantedGrant } from '../sync-change.ts';
import { uuidOf } from '../uuid.ts';
import type { GrantFields, MethodFields, Mode } from './fields.ts';

export const MODE_NAMES: Readonly<Record<Mode, string>> = {
  code: 'PIN Code',
  card: 'Card',
  mobile_key: 'Mobile Key',
  cloud_key: 'Cloud Key',
};

export interface GrantParts {
  readonly secrets: Pick<VendorSecrets, 'index' | 'keep'>;
  readonly holder: HolderId;
  readonly targets: readonly Target[];
}

export function wantedGrant(
  id: string,
  fields: Pick<GrantFields, 'access_grant_id' | 'starts_at' | 'ends_at' | 'methods'>,
  { secrets, holder, targets }: GrantParts,
): WantedGrant {
  const grant = grantId(id);
  return {
    id: grant,
    source: { vendor: 'seam', ref: fields.access_grant_id, version: '' },
    holder,
    credentials: fields.methods.flatMap((method) => credentialOf(method, grant, secrets) ?? []),
    targets,
    window: windowOf(fields),
    operations: operationsOf(targets),
    options: {},
    state: 'active',
  };
}

/** A code opens by itself. A card is known only once its number was assigned; the others need the vendor's apps. */
function credentialOf(
  { access_method_id, mode, code }: MethodFields,
  grant: GrantId,
  secrets: GrantParts['secrets'],
): Credential | undefined {
  if (code === null || !(mode === 'code' || mode === 'card')) return undefined;
  const kind = mode === 'code' ? 'pin' : 'card';
  const { index, digits } = secrets.index(kind, code, grant);
  return {
    id: credentialId(access_method_id),
    kind,
    index,
    ...(digits === undefined ? {} : { digits }),
    ...(kind === 'pin' ? { sealed: secrets.keep(code, grant) } : {}),
  };
}

/** An open end has a start all the same: it is not the same as ongoing (vendor-apis.md 7, trap 11). */
export function windowOf(times: {
  readonly starts_at: string | null;
  readonly ends_at: string | null;
}): Window {
  const start = times.starts_at === null ? undefined : instantOf(times.starts_at, 'start');
  const end = times.ends_at === null ? undefined : instantOf(times.ends_at, 'end');
  if (start === undefined && end === undefined) return { kind: 'ongoing' };
  return {
    kind: 'instants',
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
  };
}

export function operationsOf(targets: readonly Target[]): readonly Operation[] {
  const isLockOnly = targets.every(({ kind }) => kind === 'lock');
  const isKeyOnly = targets.every(({ kind }) => kind === 'key' || kind === 'slot');
  if (isLockOnly) return ['unlock'];
  return isKeyOnly ? ['pickup', 'dropoff'] : ['unlock', 'pickup', 'dropoff'];
}

export function grantBody(
  fields: GrantFields,
  about: {
    readonly workspace: string;
    readonly holderName: string;
    readonly isPrivate: boolean;
  },
) {
  const { methods, requested, name } = fields;
  const optional = {
    access_grant_key: fields.access_grant_key,
    reservation_key: fields.reservation_key,
    customization_profile_id: fields.customization_profile_id,
  };
  return {
    workspace_id: about.workspace,
    access_grant_id: fields.access_grant_id,
    user_identity_id: fields.user_identity_id,
    location_ids: [],
    space_ids: fields.space_ids,
    requested_access_methods: requested.map(({ code, ...each }) => ({
      ...each,
      ...(code === undefined || !about.isPrivate ? {} : { code }),
    })),
    access_method_ids: methods.map(({ access_method_id }) => access_method_id),
    name,
    display_name: name ?? `Access for ${about.holderName}`,
    created_at: fields.created_at,
    starts_at: fields.starts_at,
    ends_at: fields.ends_at,
    warnings: about.isPrivate ? codeWarnings(fields) : [],
    errors: [],
    pending_mutations: [],
    ...Object.fromEntries(Object.entries(optional).filter(([, each]) => each !== undefined)),
  };
}

/** A wish that a device did not grant; they tell codes, so only where nobody listens (P10). */
function codeWarnings({ device_codes = [], methods, created_at }: GrantFields) {
  const original_code = methods.find(({ mode }) => mode === 'code')?.code ?? '';
  return device_codes.map(({ device_id, code }) => ({
    warning_code: 'requested_code_unavailable',
    message: 'this device has another code than the one that was asked for',
    created_at,
    device_id,
    original_code,
    new_code: code,
  }));
}

export function methodBody(
  method: MethodFields,
  about: { readonly workspace: string; readonly isPrivate: boolean },
) {
  const { mode, code, issued_at } = method;
  const isIssued = issued_at !== null;
  const needsCard = mode === 'card' && !isIssued;
  const waits = mode === 'mobile_key' && !isIssued;
  return {
    access_method_id: method.access_method_id,
    workspace_id: about.workspace,
    mode,
    display_name: MODE_NAMES[mode],
    ...(mode === 'code' ? { code: about.isPrivate ? code : null } : {}),
    created_at: method.created_at,
    is_issued: isIssued,
    issued_at,
    ...(mode === 'card'
      ? {
          is_encoding_required: false,
          is_assignment_required: needsCard,
          is_ready_for_assignment: needsCard,
        }
      : {}),
    errors: [],
    warnings: waits
      ? [
          {
            warning_code: 'delay_in_issuing',
            message: 'a mobile key is issued by the vendor once it can be reached',
            created_at: method.created_at,
          },
        ]
      : [],
    pending_mutations: [],
  };
}

/** The code of a method at one device, as Seam shows it beside those that were made by themselves. */
export interface DerivedCode {
  readonly access_code_id: string;
  readonly device_id: string;
  readonly method: MethodFields;
  /** Of this device. */
  readonly code: string | null;
}

export function derivedCodes({
  methods,
  device_ids,
  device_codes = [],
}: GrantFields): readonly DerivedCode[] {
  return methods
    .filter(({ mode }) => mode === 'code')
    .flatMap((method) =>
      device_ids.map((device_id) => ({
        access_code_id: uuidOf('access-code', method.access_method_id, device_id),
        device_id,
        method,
        code: device_codes.find((each) => each.device_id === device_id)?.code ?? method.code,
      })),
    );
}
