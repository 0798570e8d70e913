/** The fields that the dialect shows of what was read at Seam. Pure. */
import type { Grant } from '../../access/model.ts';
import type { SeenThing } from '../reading.ts';
import {
  type CodeFields,
  type GrantFields,
  grantFields,
  type MethodFields,
  MODES,
} from './fields.ts';
import type { AccessCode, AccessGrant, AccessMethod } from './wire.ts';

export function grantFieldsOf(
  grant: AccessGrant,
  methods: readonly AccessMethod[],
  device_ids: readonly string[],
  alone: readonly AccessCode[],
): GrantFields {
  const { access_grant_key, reservation_key, customization_profile_id } = grant;
  return {
    access_grant_id: grant.access_grant_id,
    user_identity_id: grant.user_identity_id ?? grant.access_grant_id,
    name: grant.name ?? null,
    ...(access_grant_key == null ? {} : { access_grant_key }),
    ...(reservation_key == null ? {} : { reservation_key }),
    ...(customization_profile_id == null ? {} : { customization_profile_id }),
    starts_at: grant.starts_at,
    ends_at: grant.ends_at,
    created_at: grant.created_at,
    device_ids: [...device_ids],
    acs_entrance_ids: [...(grant.acs_entrance_ids ?? [])],
    space_ids: [...grant.space_ids],
    ...(alone.length === 0
      ? {}
      : { device_codes: alone.map(({ device_id, code }) => ({ device_id, code: code ?? '' })) }),
    requested: grant.requested_access_methods.flatMap(
      ({ mode, code, instant_key_max_use_count }) => {
        const known = MODES.find((each) => each === mode);
        return known === undefined
          ? []
          : [
              {
                mode: known,
                ...(code === undefined ? {} : { code }),
                ...(instant_key_max_use_count === undefined ? {} : { instant_key_max_use_count }),
                display_name: mode,
                created_at: grant.created_at,
                created_access_method_ids: [],
              },
            ];
      },
    ),
    methods: methods.flatMap((method): MethodFields[] => {
      const mode = MODES.find((each) => each === method.mode);
      if (mode === undefined) return [];
      return [
        {
          access_method_id: method.access_method_id,
          mode,
          code: method.code ?? null,
          created_at: method.created_at,
          issued_at: method.is_issued ? (method.issued_at ?? method.created_at) : null,
          ...(isReissued(method) ? { is_reissuing: true } : {}),
        },
      ];
    }),
  };
}

export function codeFieldsOf(code: AccessCode): CodeFields {
  return {
    access_code_id: code.access_code_id,
    device_id: code.device_id,
    code: code.code ?? '',
    name: code.name ?? null,
    starts_at: code.starts_at ?? null,
    ends_at: code.ends_at ?? null,
    common_code_key: code.common_code_key ?? null,
    is_one_time_use: code.is_one_time_use === true,
    is_external_modification_allowed: code.is_external_modification_allowed === true,
    created_at: code.created_at,
  };
}

/** Made by the dialect and known to its client by the ids that were given out here. */
export function asMadeHere(main: SeenThing, ours: GrantFields, stored: Grant): SeenThing {
  const theirs = grantFields.parse(main.fields);
  const isSame = (one: MethodFields, other: MethodFields) =>
    one.mode === other.mode && one.code === other.code;
  const told = theirs.methods.map((method) => {
    const known = ours.methods.find((each) => isSame(each, method));
    return known === undefined ? method : { ...method, access_method_id: known.access_method_id };
  });
  // Seam is told of codes only; the other methods are this site's.
  const { access_grant_id, user_identity_id, requested, request } = ours;
  const fields: GrantFields = {
    ...theirs,
    access_grant_id,
    user_identity_id,
    requested,
    ...(request === undefined ? {} : { request }),
    ...(ours.access_grant_key === undefined ? {} : { access_grant_key: ours.access_grant_key }),
    methods: [...told, ...ours.methods.filter(({ mode }) => mode !== 'code')],
  };
  if (!('grant' in main.wanted)) return { ...main, fields };
  const { grant } = main.wanted;
  const others = stored.credentials.filter(({ kind }) => kind !== 'pin');
  const credentials = [...grant.credentials, ...others];
  // Its code was told when it was made here, so it goes on opening where a device of theirs took another one.
  const targets = stored.state === 'superseded' ? grant.targets : stored.targets;
  return {
    ...main,
    fields,
    wanted: { grant: { ...grant, holder: stored.holder, credentials, targets } },
  };
}

/** Revoked for new times, and about to be issued again with the same code. */
export function isReissued({
  is_issued,
  code,
  pending_mutations,
  warnings,
}: AccessMethod): boolean {
  const words = [
    ...pending_mutations.map(({ mutation_code }) => mutation_code),
    ...warnings.map(({ warning_code, error_code }) => warning_code ?? error_code),
  ];
  return !is_issued && code != null && words.includes('updating_access_times');
}
