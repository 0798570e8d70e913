/** Access codes of several devices at once, spare codes, and those that others made. */
import { z } from 'zod';
import { drawnUuid } from '../uuid.ts';
import { codeBody } from './access-code.ts';
import {
  type Code,
  changeOf,
  codeFor,
  DRAWN_DIGITS,
  digits,
  freshCode,
  isTaken,
  makeCodes,
  ownCode,
  timesOf,
} from './code-making.ts';
import { deviceAt, keepSettings, lengthsOf, settingsOf } from './device-settings.ts';
import { BY, type DialectParts } from './dialect-parts.ts';
import {
  CHANGE,
  count,
  endpoint,
  flag,
  listOf,
  moment,
  READ,
  REMOVE,
  type SeamEndpoint,
  uuid,
  WRITE,
} from './endpoint.ts';
import type { CodeFields } from './fields.ts';
import { invalid, notFound, SeamError } from './seam-error.ts';

const DEVICES_MOST = 200;

const multipleSchema = z.strictObject({
  device_ids: listOf(uuid).refine((ids) => ids.length > 0 && ids.length <= DEVICES_MOST, {
    error: `1 to ${DEVICES_MOST} devices`,
  }),
  behavior_when_code_cannot_be_shared: z.enum(['throw', 'create_random_code']).default('throw'),
  preferred_code_length: z.int().min(4).max(12).optional(),
  code: digits.optional(),
  name: z.string().max(256).nullish(),
  starts_at: moment.nullish(),
  ends_at: moment.nullish(),
  allow_external_modification: flag.optional(),
  is_external_modification_allowed: flag.optional(),
  attempt_for_offline_device: flag.optional(),
  prefer_native_scheduling: flag.optional(),
  use_backup_access_code_pool: flag.optional(),
});

export function codeSetEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  const { limits, shelves, sync, desk } = parts;
  return [
    endpoint(
      '/access_codes/create_multiple',
      [...WRITE, 'PUT'],
      multipleSchema,
      async (wanted, call) => {
        const named = wanted.device_ids.map((id) => deviceAt(parts, id));
        const devices = [...new Map(named.map((each) => [each.uuid, each])).values()];
        const times = timesOf(wanted, parts);
        const shared = sharedCode(wanted, parts);
        const digitsAt = (device_id: string) => {
          if (wanted.behavior_when_code_cannot_be_shared === 'throw') {
            return codeFor({ code: shared }, device_id, undefined, parts);
          }
          const { preferred_code_length } = wanted;
          const isShared =
            !isTaken(parts, device_id, shared) &&
            lengthsOf(parts, device_id).includes(shared.length);
          const one = isShared ? { code: shared } : { preferred_code_length };
          return codeFor(one, device_id, undefined, parts);
        };
        const common_code_key = drawnUuid(desk.random);
        const codes = devices.map(({ uuid: device_id }) =>
          freshCode(parts, {
            device_id,
            code: digitsAt(device_id),
            name: wanted.name ?? null,
            ...times,
            common_code_key,
            is_external_modification_allowed:
              wanted.is_external_modification_allowed ??
              wanted.allow_external_modification ??
              false,
            uses_backup_pool: wanted.use_backup_access_code_pool ?? false,
          }),
        );
        for (const { device_id } of codes) limits.take('create-code', device_id);
        await makeCodes(parts, codes);
        return { access_codes: codes.map((fields) => codeBody(fields, parts, call)) };
      },
    ),
    endpoint(
      '/access_codes/update_multiple',
      CHANGE,
      z.strictObject({
        common_code_key: z.string().min(1).max(256),
        name: z.string().max(256).nullish(),
        starts_at: moment.nullish(),
        ends_at: moment.nullish(),
      }),
      async (wanted) => {
        const { common_code_key } = wanted;
        await sync.alone(async () => {
          const found = shelves.codes
            .all()
            .filter(({ fields }) => fields.common_code_key === common_code_key);
          if (found.length === 0) throw notFound('access_code');
          const isSaid = wanted.starts_at !== undefined || wanted.ends_at !== undefined;
          const changes = found.map(({ id, record, fields }) => {
            const name = wanted.name === undefined ? fields.name : wanted.name;
            const starts_at = wanted.starts_at === undefined ? fields.starts_at : wanted.starts_at;
            const ends_at = wanted.ends_at === undefined ? fields.ends_at : wanted.ends_at;
            const times = isSaid ? timesOf({ starts_at, ends_at }, parts) : { starts_at, ends_at };
            return changeOf({ id, record }, { ...fields, name, ...times }, parts);
          });
          for (const { fields } of found) limits.take('update-code', fields.device_id);
          await sync.applyNow(changes, { by: BY });
        });
        return {};
      },
    ),
    endpoint(
      '/access_codes/pull_backup_access_code',
      WRITE,
      z.strictObject({ access_code_id: uuid }),
      async ({ access_code_id }, call) => {
        const code = ownCode(parts, access_code_id);
        const before = shelves.codes.find(
          (each) => each.access_code_id === code.fields.pulled_backup,
        );
        if (before === undefined) await pullBackup(code, parts);
        const { fields } = ownCode(parts, access_code_id);
        const spare = before ?? ownCode(parts, fields.pulled_backup ?? '');
        return {
          access_code: codeBody(fields, parts, call),
          backup_access_code: codeBody(spare.fields, parts, call),
        };
      },
    ),
    endpoint(
      '/access_codes/report_device_constraints',
      WRITE,
      z.strictObject({
        device_id: uuid,
        min_code_length: z.int().min(4).max(12).optional(),
        max_code_length: z.int().min(4).max(12).optional(),
        supported_code_lengths: z.array(z.int().min(4).max(12)).optional(),
      }),
      async ({ device_id, min_code_length = 4, max_code_length = 12, supported_code_lengths }) => {
        const device = deviceAt(parts, device_id);
        if (min_code_length > max_code_length)
          throw invalid('max_code_length', 'not below the least');
        const between = Array.from(
          { length: max_code_length - min_code_length + 1 },
          (_, at) => min_code_length + at,
        );
        const code_lengths = supported_code_lengths ?? between;
        await keepSettings(parts, { ...settingsOf(parts, device.uuid), code_lengths });
        return {};
      },
    ),
    ...unmanagedEndpoints(parts),
  ];
}

/** Codes that somebody else gave out at a device are not told to callers of this dialect (P10): for them there are none. */
function unmanagedEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  const one = z.object({ access_code_id: uuid }).loose();
  const none = () => {
    throw notFound('access_code');
  };
  return [
    endpoint(
      '/access_codes/unmanaged/list',
      READ,
      z.object({ device_id: uuid, limit: count.optional() }).loose(),
      ({ device_id }) => {
        deviceAt(parts, device_id);
        const pagination = { has_next_page: false, next_page_cursor: null, next_page_url: null };
        return { access_codes: [], pagination };
      },
    ),
    endpoint('/access_codes/unmanaged/get', READ, z.looseObject({}), none),
    endpoint('/access_codes/unmanaged/update', CHANGE, one, none),
    endpoint('/access_codes/unmanaged/convert_to_managed', CHANGE, one, none),
    endpoint('/access_codes/unmanaged/delete', REMOVE, one, none),
  ];
}

/** One for all: where it cannot be shared is found out device by device. */
function sharedCode(
  { code, preferred_code_length }: z.output<typeof multipleSchema>,
  { desk }: DialectParts,
): string {
  const shared = code ?? desk.secrets.drawPin(preferred_code_length ?? DRAWN_DIGITS);
  if (shared === undefined) {
    throw invalid('preferred_code_length', 'too few codes of this length are left');
  }
  return shared;
}

/** A box needs no store of spare codes: one is drawn, with the times of the code that it stands in for. */
async function pullBackup({ id, record, fields }: Code, parts: DialectParts): Promise<void> {
  if (fields.uses_backup_pool !== true) {
    throw new SeamError(
      400,
      'no_backup_access_code_available',
      'this code was made without use_backup_access_code_pool',
    );
  }
  const { device_id, name, starts_at, ends_at } = fields;
  const spare = freshCode(parts, {
    device_id,
    code: codeFor({ preferred_code_length: fields.code.length }, device_id, undefined, parts),
    name: name === null ? null : `${name} (backup)`.slice(0, 256),
    starts_at,
    ends_at,
    is_backup: true,
  });
  const next: CodeFields = { ...fields, pulled_backup: spare.access_code_id };
  const kept = { id, record: { ...record, sealed: parts.sync.seal(id, next) } };
  await makeCodes(parts, [spare], [kept]);
}
