/** What is asked of access codes, and what one comes to: its digits, its times, and what makes it be here. */
import { z } from 'zod';
import type { SyncChange } from '../sync-change.ts';
import { drawnUuid } from '../uuid.ts';
import { stateOnChange, type VendorRecord } from '../vendor-record.ts';
import { wantedCode } from './access-code.ts';
import { derivedCodes } from './access-grant.ts';
import { lengthsOf } from './device-settings.ts';
import { BY, type DialectParts, idHere, KINDS } from './dialect-parts.ts';
import { flag, moment, uuid } from './endpoint.ts';
import type { CodeFields } from './fields.ts';
import { invalid, notFound, SeamError } from './seam-error.ts';
import type { Shelved } from './shelf.ts';
import { targetOf } from './site-devices.ts';

export type Code = Shelved<CodeFields>;

export const DRAWN_DIGITS = 6;

export const digits = z
  .string()
  .regex(/^\d+$/, { error: 'digits only' })
  .min(4, { error: 'at least 4 digits' })
  .max(12, { error: 'at most 12 digits' });

export const common = {
  code: digits.optional(),
  name: z.string().max(256).nullish(),
  starts_at: moment.nullish(),
  ends_at: moment.nullish(),
  preferred_code_length: z.int().min(4).max(12).optional(),
  allow_external_modification: flag.optional(),
  is_external_modification_allowed: flag.optional(),
  attempt_for_offline_device: flag.default(true),
  prefer_native_scheduling: flag.default(true),
  use_backup_access_code_pool: flag.optional(),
  is_offline_access_code: flag.optional(),
  use_offline_access_code: flag.optional(),
  is_one_time_use: flag.optional(),
  max_time_rounding: z.enum(['1hour', '1day', '1h', '1d']).optional(),
  sync: z.unknown().optional(),
};

export const createSchema = z.strictObject({
  device_id: uuid,
  common_code_key: z.string().min(1).max(256).optional(),
  ...common,
});
export const updateSchema = z.strictObject({
  access_code_id: uuid,
  device_id: uuid.optional(),
  type: z.enum(['ongoing', 'time_bound']).optional(),
  is_managed: flag.optional(),
  ...common,
});

/** Codes that an algorithm in the lock knows can be neither chosen nor revoked; there are none here. */
export function refuseOffline(wanted: {
  readonly is_offline_access_code?: boolean | undefined;
  readonly use_offline_access_code?: boolean | undefined;
}): void {
  if (wanted.is_offline_access_code === true || wanted.use_offline_access_code === true) {
    throw invalid('is_offline_access_code', 'no device here has offline access codes');
  }
}

/** Both or neither (vendor-apis.md 3.6). */
export function timesOf(
  wanted: {
    readonly starts_at?: string | null | undefined;
    readonly ends_at?: string | null | undefined;
  },
  { desk }: DialectParts,
): Pick<CodeFields, 'starts_at' | 'ends_at'> {
  const starts_at = wanted.starts_at ?? null;
  const ends_at = wanted.ends_at ?? null;
  if (starts_at === null && ends_at === null) return { starts_at, ends_at };
  if (starts_at === null) throw invalid('starts_at', 'both starts_at and ends_at, or neither');
  if (ends_at === null) throw invalid('ends_at', 'both starts_at and ends_at, or neither');
  if (Date.parse(ends_at) <= Date.parse(starts_at)) throw invalid('ends_at', 'after starts_at');
  if (Date.parse(ends_at) <= desk.clock.now()) throw invalid('ends_at', 'in the future');
  return { starts_at, ends_at };
}

function changedTimes(
  wanted: z.output<typeof updateSchema>,
  fields: CodeFields,
  parts: DialectParts,
): Pick<CodeFields, 'starts_at' | 'ends_at'> {
  const isSaid = wanted.starts_at !== undefined || wanted.ends_at !== undefined;
  if (wanted.type === 'ongoing') {
    if (wanted.starts_at != null || wanted.ends_at != null) {
      throw invalid('type', 'an ongoing code has no times');
    }
    return { starts_at: null, ends_at: null };
  }
  const starts_at = wanted.starts_at === undefined ? fields.starts_at : wanted.starts_at;
  const ends_at = wanted.ends_at === undefined ? fields.ends_at : wanted.ends_at;
  if (wanted.type === 'time_bound' && starts_at === null) {
    throw invalid('starts_at', 'a time-bound code has both times');
  }
  return isSaid ? timesOf({ starts_at, ends_at }, parts) : { starts_at, ends_at };
}

/** The one asked for, or a drawn one. One device knows a code once, as far as codes made here go. */
export function codeFor(
  wanted: {
    readonly code?: string | undefined;
    readonly preferred_code_length?: number | undefined;
  },
  device: string,
  own: string | undefined,
  parts: DialectParts,
): string {
  const { desk } = parts;
  const lengths = lengthsOf(parts, device);
  const length = [wanted.preferred_code_length, DRAWN_DIGITS, lengths[0]].find(
    (each) => each !== undefined && lengths.includes(each),
  );
  const code = wanted.code ?? desk.secrets.drawPin(length ?? DRAWN_DIGITS);
  if (code === undefined) {
    throw invalid('preferred_code_length', 'too few codes of this length are left');
  }
  if (!lengths.includes(code.length)) {
    throw invalid('code', `this device takes codes of ${lengths.join(', ')} digits`);
  }
  if (isTaken(parts, device, code, own)) throw duplicate();
  return code;
}

function duplicate(): SeamError {
  return new SeamError(
    409,
    'duplicate_access_code',
    'this device has an access code with this code',
  );
}

/** One that was made by itself. @throws SeamError also for one that a grant brings */
export function ownCode({ shelves }: DialectParts, access_code_id: string): Code {
  const id = access_code_id.toLowerCase();
  const found = shelves.codes
    .all()
    .find(({ fields, record }) => fields.access_code_id === id || record.ref === id);
  if (found !== undefined) return found;
  const isDerived = shelves.grants
    .all()
    .some(({ fields }) => derivedCodes(fields).some((each) => each.access_code_id === id));
  if (isDerived) {
    throw invalid('access_code_id', 'this code belongs to an access grant; change that');
  }
  throw notFound('access_code');
}

/** The same; a device that is named with it is the one that has it. @throws SeamError */
export function codeAt(
  parts: DialectParts,
  {
    access_code_id,
    device_id,
  }: { readonly access_code_id: string; readonly device_id?: string | undefined },
): Code {
  const found = ownCode(parts, access_code_id);
  if (device_id === undefined || device_id.toLowerCase() === found.fields.device_id) return found;
  throw notFound('access_code');
}

/** @throws SeamError */
export function changedBy(
  wanted: z.output<typeof updateSchema>,
  fields: CodeFields,
  parts: DialectParts,
): CodeFields {
  const isSame = wanted.code === undefined && wanted.preferred_code_length === undefined;
  return {
    ...fields,
    ...changedTimes(wanted, fields, parts),
    uses_backup_pool: wanted.use_backup_access_code_pool ?? fields.uses_backup_pool ?? false,
    code: isSame ? fields.code : codeFor(wanted, fields.device_id, fields.access_code_id, parts),
    name: wanted.name === undefined ? fields.name : wanted.name,
    is_one_time_use: wanted.is_one_time_use ?? fields.is_one_time_use,
    is_external_modification_allowed:
      wanted.is_external_modification_allowed ??
      wanted.allow_external_modification ??
      fields.is_external_modification_allowed,
  };
}

/** In force once it is applied; the vendor is told of what it knows. */
export function changeOf(
  { id, record }: Pick<Code, 'id' | 'record'>,
  next: CodeFields,
  parts: DialectParts,
): SyncChange {
  const { sync } = parts;
  const sealed = sync.seal(id, next);
  const changed = sync.changed(record, stateOnChange(record), { sealed });
  return { id, grant: wantedCode(id, next, parts), record: changed };
}

export function isTaken(
  { desk, shelves }: DialectParts,
  device: string,
  code: string,
  own?: string,
): boolean {
  const found = shelves.codes.find(
    (each) =>
      each.device_id === device &&
      each.code === code &&
      each.access_code_id !== own &&
      (each.ends_at === null || Date.parse(each.ends_at) > desk.clock.now()),
  );
  return found !== undefined;
}

/** Fields of a new code, with what is usual. */
export function freshCode(
  { desk }: DialectParts,
  fields: Pick<CodeFields, 'device_id' | 'code'> & Partial<CodeFields>,
): CodeFields {
  return {
    access_code_id: drawnUuid(desk.random),
    name: null,
    starts_at: null,
    ends_at: null,
    common_code_key: null,
    is_one_time_use: false,
    is_external_modification_allowed: false,
    created_at: new Date(desk.clock.now()).toISOString(),
    ...fields,
  };
}

/** All of them or none: stored, written down, and only then in force, since their maker may never hear of them. */
export async function makeCodes(
  parts: DialectParts,
  codes: readonly CodeFields[],
  more: readonly SyncChange[] = [],
): Promise<void> {
  const { sync, devices, desk, stateOf } = parts;
  const made = codes.map((fields) => {
    const id = idHere(fields.access_code_id);
    const device = devices.find(fields.device_id);
    const record: VendorRecord = {
      kind: KINDS.code,
      origin: 'here',
      state: stateOf(device === undefined ? [] : [targetOf(device)]),
      since: desk.clock.now(),
      sealed: sync.seal(id, fields),
    };
    return { id, grant: wantedCode(id, fields, parts), record };
  });
  const pending = made.map(
    (each): SyncChange => ({
      ...each,
      grant: { ...each.grant, state: 'pending' },
    }),
  );
  const enabled = made.map(({ id, grant }): SyncChange => ({ id, grant }));
  await sync.alone(async () => {
    // Asked for twice at one time: the device knows it once.
    if (codes.some(({ device_id, code }) => isTaken(parts, device_id, code))) throw duplicate();
    await sync.applyNow([...pending, ...more], { by: BY });
    await sync.applyNow(enabled, { by: BY, silent: true });
  });
}

export function revoked(
  { id, record }: Pick<Code, 'id' | 'record'>,
  { sync }: DialectParts,
): SyncChange {
  const isThere = record.ref !== undefined || record.state === 'creating';
  return { id, revoke: true, record: sync.changed(record, isThere ? 'to-revoke' : 'gone') };
}
