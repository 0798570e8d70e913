/** What is done at Seam because of what was done here. Times and a name can be changed there; for the rest a grant is made anew. */
import type { Grant } from '../../access/model.ts';
import { resolveWindow } from '../../access/window.ts';
import { answered } from '../answer.ts';
import { VendorError } from '../http.ts';
import { type Settled, sentOf, type Task } from '../outward.ts';
import { digestOf } from '../vendor-record.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { waitingFor } from './attempt-reader.ts';
import type { SeamClient } from './client.ts';
import type { DeviceBudgets } from './device-budgets.ts';
import { theirDevices } from './device-reader.ts';
import { codeFields, type GrantFields, grantFields } from './fields.ts';
import { mirrorDigest } from './mapping.ts';
import { refOf, type SeamPlaces } from './places.ts';
import { accessCodeSchema, accessGrantSchema } from './wire.ts';

export interface PushParts {
  readonly sync: VendorSync;
  readonly client: SeamClient;
  readonly places: SeamPlaces;
  readonly budgets: DeviceBudgets;
}

export class GrantPush {
  readonly #parts: PushParts;

  constructor(parts: PushParts) {
    this.#parts = parts;
  }

  /** Asked for by the grant's own id, so that a lost answer is found again. */
  async create(task: Task, signal: AbortSignal): Promise<Settled> {
    const { sync, client } = this.#parts;
    const body = this.#body(task);
    if (typeof body === 'string') return this.#cannot(task, body);
    const found = await this.#byKey(body.access_grant_key, signal);
    const codes = body.requested_access_methods.flatMap(() => body.device_ids);
    if (found === undefined) await this.#parts.budgets.take('create-code', codes, signal);
    const grant =
      found ??
      (await client.one('/access_grants/create', body, 'access_grant', accessGrantSchema, signal));
    const { fingerprint: _print, remake: _remake, ...extra } = task.record.extra ?? {};
    const state = found === undefined ? 'in-step' : 'to-update';
    const seen = task.record.origin === 'mirror' ? { seen: mirrorDigest(grant) } : {};
    const made = { extra: { ...extra, targets: targetsSent(task) }, ref: grant.access_grant_id };
    const sent = sentOf(task.stored);
    return { record: sync.changed(task.record, state, { ...made, ...seen, sent, tries: 0 }) };
  }

  async update(task: Task, signal: AbortSignal): Promise<Settled> {
    const { sync, client } = this.#parts;
    const { record, stored } = task;
    if (record.ref === undefined) return { record: sync.changed(record, 'to-create') };
    const body = this.#body(task);
    if (typeof body === 'string') {
      await this.#remove(record.ref, signal);
      return this.#cannot(task, body);
    }
    const told = record.extra?.['targets'];
    if (record.origin === 'mirror' && told !== undefined && told !== targetsSent(task)) {
      // Other doors or another code: Seam takes neither by an update, so the former is taken away first.
      await this.#remove(record.ref, signal);
      const { ref: _gone, seen: _seen, ...kept } = record;
      return { record: sync.changed(kept, 'to-create') };
    }
    const { starts_at, ends_at, name } = body;
    const asked = { access_grant_id: record.ref, starts_at, ends_at, name };
    await this.#parts.budgets.take('update-code', body.device_ids, signal);
    await client.call('/access_grants/update', asked, signal);
    const seen =
      record.origin === 'mirror' ? { seen: digestOf([Date.parse(starts_at), msOf(ends_at)]) } : {};
    return { record: sync.changed(record, 'in-step', { ...seen, sent: sentOf(stored), tries: 0 }) };
  }

  async revoke({ record, id }: Task, signal: AbortSignal): Promise<Settled> {
    const { sync } = this.#parts;
    const ref = record.ref ?? (await this.#byKey(keyOf(id), signal))?.access_grant_id;
    if (ref !== undefined) await this.#remove(ref, signal);
    return { record: sync.changed(record, 'gone') };
  }

  async #byKey(access_grant_key: string, signal: AbortSignal) {
    try {
      const { client } = this.#parts;
      const asked = { access_grant_key };
      return await client.one(
        '/access_grants/get',
        asked,
        'access_grant',
        accessGrantSchema,
        signal,
      );
    } catch (error) {
      if (error instanceof VendorError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  async #remove(access_grant_id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#parts.client.call('/access_grants/delete', { access_grant_id }, signal);
    } catch (error) {
      if (!(error instanceof VendorError && error.code === 'not-found')) throw error;
    }
  }

  #cannot(task: Task, detail: string): Settled {
    const { ref: _ref, ...record } = task.record;
    const sent = sentOf(task.stored);
    return { record: this.#parts.sync.changed(record, 'cannot', { detail, sent }) };
  }

  /** Or why Seam cannot have it. */
  #body({ id, record, stored }: Task) {
    const { sync, places } = this.#parts;
    if (stored === undefined) return 'the grant is gone';
    const { grant } = stored;
    const times = timesOf(grant, sync.desk);
    if (typeof times === 'string') return times;
    const device_ids = grant.targets.flatMap((target) => refOf(places, target) ?? []);
    if (device_ids.length === 0) return 'none of its doors is a device of theirs';
    const shown =
      record.origin === 'mirror' ? undefined : grantFields.safeParse(sync.fields(id, record));
    const fields: GrantFields | undefined = shown?.data;
    const devices = theirDevices(sync);
    const isTaken = (length: number) =>
      length <= 9 && device_ids.every((each) => devices[each]?.lengths?.includes(length) ?? true);
    const pins = grant.credentials.flatMap(({ kind, sealed, combineWith, duress }) => {
      const digits = sealed === undefined ? undefined : sync.desk.secrets.reveal(sealed, grant.id);
      const isPlain = kind === 'pin' && combineWith === undefined && duress === undefined;
      return isPlain && digits !== undefined && isTaken(digits.length) ? [digits] : [];
    });
    if (pins.length === 0) return 'it has no code of a length that Seam and its devices take';
    return {
      user_identity: { full_name: `Guest ${digestOf(grant.holder).slice(0, 8)}` },
      device_ids,
      requested_access_methods: pins.map((code) => ({ mode: 'code', code })),
      access_grant_key: fields?.access_grant_key ?? keyOf(id),
      ...(fields?.reservation_key === undefined ? {} : { reservation_key: fields.reservation_key }),
      name: fields?.name ?? `Grant ${digestOf(id).slice(0, 8)}`,
      ...times,
    };
  }
}

/** Codes at one device that the dialect made, where the device is the vendor's. */
export class CodePush {
  readonly #parts: PushParts;
  readonly #budgets: DeviceBudgets;

  constructor(parts: PushParts) {
    this.#parts = parts;
    this.#budgets = parts.budgets;
  }

  async create({ id, record, stored }: Task, signal: AbortSignal): Promise<Settled> {
    const { sync, client } = this.#parts;
    const fields = codeFields.safeParse(sync.fields(id, record));
    if (!fields.success) {
      return { record: sync.changed(record, 'cannot', { detail: 'its code is not kept' }) };
    }
    const { device_id, code, name, starts_at, ends_at, is_one_time_use } = fields.data;
    await this.#budgets.take('create-code', [device_id], signal);
    const body = {
      device_id,
      code,
      ...(name === null ? {} : { name }),
      ...(starts_at === null ? {} : { starts_at, ends_at }),
      ...(is_one_time_use ? { is_one_time_use } : {}),
    };
    const { answer, attempt } = await client.begun('/access_codes/create', body, signal);
    const made = answered(answer['access_code'], accessCodeSchema, '/access_codes/create');
    const { fingerprint: _print, ...extra } = record.extra ?? {};
    const waiting = waitingFor({ ...record, extra }, attempt, device_id);
    const more = { ...waiting, ref: made.access_code_id, sent: sentOf(stored), tries: 0 };
    return { record: sync.changed(record, 'in-step', more) };
  }

  async update({ id, record, stored }: Task, signal: AbortSignal): Promise<Settled> {
    const { sync, client } = this.#parts;
    if (record.ref === undefined) return { record: sync.changed(record, 'to-create') };
    const fields = codeFields.safeParse(sync.fields(id, record));
    if (!fields.success) return { record };
    const { device_id, code, name, starts_at, ends_at } = fields.data;
    const times =
      starts_at === null ? { type: 'ongoing' } : { type: 'time_bound', starts_at, ends_at };
    const body = { access_code_id: record.ref, code, ...(name === null ? {} : { name }), ...times };
    await this.#budgets.take('update-code', [device_id], signal);
    const { attempt } = await client.begun('/access_codes/update', body, signal);
    const waiting = waitingFor(record, attempt, device_id);
    return {
      record: sync.changed(record, 'in-step', { ...waiting, sent: sentOf(stored), tries: 0 }),
    };
  }

  async revoke({ id, record }: Task, signal: AbortSignal): Promise<Settled> {
    const { sync, client } = this.#parts;
    // Whether a lost create made one is seen by the next reading, which finds it by its fingerprint, or finds none.
    if (record.ref === undefined) return { record };
    const device = codeFields.safeParse(sync.fields(id, record)).data?.device_id ?? '';
    const asked = { access_code_id: record.ref };
    await this.#budgets.take('delete-code', [device], signal);
    try {
      const { attempt } = await client.begun('/access_codes/delete', asked, signal);
      return { record: sync.changed(record, 'gone', waitingFor(record, attempt, device)) };
    } catch (error) {
      if (!(error instanceof VendorError && error.code === 'not-found')) throw error;
      return { record: sync.changed(record, 'gone') };
    }
  }
}

function keyOf(id: string): string {
  return `latchkey:${id}`;
}

/** Doors and codes, which only a new grant can change there. */
function targetsSent({ stored }: Task): string {
  const grant = stored?.grant;
  return digestOf([grant?.targets, grant?.credentials.map(({ id, index }) => [id, index])]);
}

function msOf(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}

/** Seam knows instants only, and no schedules or counts. */
function timesOf(grant: Grant, { about, clock }: VendorSync['desk']) {
  if (grant.schedule !== undefined) return 'it has weekly hours, which Seam does not know';
  if (grant.uses !== undefined) return 'its uses are counted, which Seam does not do';
  if ((grant.unsupported ?? []).length > 0) return 'it has a limit that is not known here';
  const window = resolveWindow(grant.window, about.zone);
  if (typeof window === 'string') return 'its times cannot be resolved';
  if (window.end !== undefined && window.end <= clock.now()) return 'it has ended';
  return {
    starts_at: new Date(window.start ?? 0).toISOString(),
    ends_at: window.end === undefined ? null : new Date(window.end).toISOString(),
  };
}
