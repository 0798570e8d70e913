/** What is done at Keycafe because of what was done here. Only a part of an access can be edited; the rest is made anew. */
import { type holderId, type Key, type KeyId, keyId } from '../../access/model.ts';
import { answerIn } from '../answer.ts';
import { VendorError } from '../http.ts';
import { type Settled, sentOf, type Task } from '../outward.ts';
import type { WantedGrant } from '../sync-change.ts';
import type { VendorHost } from '../vendor-host.ts';
import { digestOf, type VendorRecord } from '../vendor-record.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { boundsOf, cannotExpress } from './mapping.ts';
import { BOOKING_CODE, fingerprintsOf, type KeycafePlaces, pinCredential } from './thing.ts';
import { type Access, accessSchema, keySchema } from './wire.ts';

export interface PushParts {
  readonly sync: VendorSync;
  readonly host: VendorHost;
  readonly places: KeycafePlaces;
}

export class AccessPush {
  readonly #parts: PushParts;

  constructor(parts: PushParts) {
    this.#parts = parts;
  }

  fingerprint({ id, record, stored }: Task): string | undefined {
    const key = stored?.grant.targets.find(({ kind }) => kind === 'key')?.id;
    const body = this.#body({ id, record, stored });
    return key === undefined || typeof body === 'string'
      ? undefined
      : fingerprintsOf([keyId(key)], body.all)[0];
  }

  async create(task: Task, signal: AbortSignal): Promise<Settled> {
    const { sync, host } = this.#parts;
    const { record, stored } = task;
    const body = this.#body(task);
    if (typeof body === 'string') return this.#cannot(task, body);
    const key = this.#keyRef(task);
    // The key is made there first; the next round comes back to this.
    if (key === undefined) return { record: sync.changed(record, 'to-create') };
    const reply = await host.call({
      method: 'POST',
      path: '/access',
      body: { ...body.all, key: { id: Number(key) } },
      signal,
    });
    const access = answerIn(reply.body, accessSchema, '/access');
    const next = this.#inStep(task, access, sentOf(stored));
    await this.#tellGap(task);
    return { record: next, ...this.#withCode(task, access) };
  }

  async update(task: Task, signal: AbortSignal): Promise<Settled> {
    const { sync, host } = this.#parts;
    const { record, stored } = task;
    if (record.ref === undefined) return { record: sync.changed(record, 'to-create') };
    const body = this.#body(task);
    if (typeof body === 'string') {
      // It was narrower here than they can have it: theirs is taken away.
      await this.#remove(record.ref, signal);
      return this.#cannot(task, body);
    }
    const { timeZone, ...bounds } = body.bounds;
    const before = this.#shown(task);
    const isEditable =
      stored?.grant.window.kind !== 'ongoing' &&
      before?.accessStartDate != null &&
      // A zone cannot be given later, nor taken away.
      (before.timeZone == null) === (timeZone === undefined) &&
      // Nor can the key be another one.
      (before.key == null || before.key.id === this.#keyRef(task));
    if (!isEditable) return this.#anew(task, record.ref, signal);
    const reply = await host.call({
      method: 'PUT',
      path: `/access/${record.ref}`,
      body: {
        ...bounds,
        ...(timeZone === undefined ? {} : { timeZone }),
        ...(body.all.name === undefined ? {} : { name: body.all.name }),
        returnReminder: body.all.returnReminder,
      },
      signal,
    });
    const access = reply.body === '' ? undefined : answerIn(reply.body, accessSchema, '/access');
    return { record: this.#inStep(task, access, sentOf(stored)) };
  }

  async revoke({ record }: Task, signal: AbortSignal): Promise<Settled> {
    const { sync } = this.#parts;
    // A create whose answer was lost: the reading finds it, or that there is none.
    if (record.ref === undefined) return { record: sync.changed(record, 'to-revoke') };
    await this.#remove(record.ref, signal);
    return { record: sync.changed(record, 'gone') };
  }

  /** Cancelled, and asked for again: the guest gets another code there, and nothing opens there in between. */
  async #anew({ record }: Task, ref: string, signal: AbortSignal): Promise<Settled> {
    const { sync } = this.#parts;
    await this.#remove(ref, signal);
    const { ref: _gone, seen: _seen, ...kept } = record;
    const extra = { ...kept.extra, cancelledAt: sync.desk.clock.now() };
    return { record: sync.changed(kept, 'to-create', { extra }) };
  }

  async #tellGap({ id, record }: Task): Promise<void> {
    const { desk } = this.#parts.sync;
    const since = record.extra?.['cancelledAt'];
    if (typeof since !== 'number') return;
    const gapMs = Math.max(0, desk.clock.now() - since);
    const body = { vendor: 'keycafe', grant: id, what: 'recreated', gapMs };
    const entries = [{ type: 'grant.vendor_drift', body }] as const;
    await desk.journal.append({ stamp: desk.stamp(), entries }).committed;
  }

  async #remove(ref: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#parts.host.call({ method: 'DELETE', path: `/access/${ref}`, signal });
    } catch (error) {
      if (!(error instanceof VendorError && error.code === 'not-found')) throw error;
    }
  }

  #inStep(task: Task, access: Access | undefined, sent: string): VendorRecord {
    const { sync } = this.#parts;
    const { cancelledAt: _gap, fingerprint: _print, ...extra } = task.record.extra ?? {};
    const { seen: _old, tries: _tries, ...kept } = task.record;
    return sync.changed(kept, 'in-step', {
      sent,
      extra,
      ...(access === undefined ? {} : { ref: access.id, sealed: sync.seal(task.id, access) }),
    });
  }

  #cannot(task: Task, detail: string): Settled {
    const { ref: _ref, ...record } = task.record;
    return {
      record: this.#parts.sync.changed(record, 'cannot', { detail, sent: sentOf(task.stored) }),
    };
  }

  /** The code that Keycafe chose opens here too; the one that was given out here goes on. */
  #withCode({ stored, record }: Task, access: Access): { readonly grant?: WantedGrant } {
    if (record.origin === 'mirror' || stored === undefined || access.bookingCode == null) return {};
    const { rev: _rev, ...grant } = stored.grant;
    const code = pinCredential(this.#parts.sync.desk, BOOKING_CODE, access.bookingCode, grant.id);
    if (code === undefined) return {};
    const others = grant.credentials.filter((each) => each.id !== BOOKING_CODE);
    const source = { vendor: 'keycafe', ref: access.id, version: '' } as const;
    return { grant: { ...grant, id: stored.grant.id, source, credentials: [...others, code] } };
  }

  #shown({ id, record }: Task): Access | undefined {
    const read = accessSchema.safeParse(this.#parts.sync.fields(id, record));
    return read.success ? read.data : undefined;
  }

  #keyRef({ stored }: Task): string | undefined {
    const { sync, places } = this.#parts;
    const key = stored?.grant.targets.find(({ kind }) => kind === 'key')?.id;
    return key === undefined ? undefined : refOfKey(keyId(key), sync, places);
  }

  #body(task: Task) {
    const { sync } = this.#parts;
    const { stored, record } = task;
    if (stored === undefined) return 'the grant is gone';
    const { zone } = sync.desk.about;
    const cannot = cannotExpress(stored.grant, zone);
    const bounds = boundsOf(stored.grant.window, zone);
    if (cannot !== undefined || bounds === undefined) return cannot ?? 'its bounds';
    const shown = record.origin === 'mirror' ? undefined : this.#shown(task);
    const user = shown?.user;
    const who = {
      ...(user?.email == null ? {} : { email: user.email }),
      ...(user?.mobile == null ? {} : { mobile: user.mobile }),
    };
    const name =
      shown?.name ?? (Object.keys(who).length === 0 ? nameOf(stored.grant.holder) : undefined);
    const all = {
      ...bounds,
      ...(Object.keys(who).length === 0 ? {} : { user: who }),
      ...(name === undefined ? {} : { name }),
      returnReminder: stored.grant.options.remindMinutes !== undefined,
      suppressGuestNotifications: shown?.suppressGuestNotifications ?? shown === undefined,
      allowSetup: stored.grant.options.allowSetup === true,
      ...(shown?.locale == null ? {} : { locale: shown.locale }),
    };
    return { all, bounds };
  }
}

/** Keycafe wants a name where it knows no person; a pseudonym tells it nothing. */
function nameOf(holder: ReturnType<typeof holderId>): string {
  return `Guest ${digestOf(holder).slice(0, 8)}`;
}

/** Keycafe's id of a key, once it knows it. */
export function refOfKey(key: KeyId, sync: VendorSync, places: KeycafePlaces): string | undefined {
  const configured = Object.entries(places.keys).find(([, ours]) => ours === key)?.[0];
  return configured ?? sync.record(key)?.ref;
}

/** Keys that the dialect made or changed. */
export class KeyPush {
  readonly #parts: PushParts;

  constructor(parts: PushParts) {
    this.#parts = parts;
  }

  async create(task: Task, signal: AbortSignal): Promise<Settled> {
    const body = this.#body(task);
    const reply = await this.#parts.host.call({ method: 'POST', path: '/key', body, signal });
    const key = answerIn(reply.body, keySchema, '/key');
    return { record: this.#inStep(task, key.id), ...this.#told(task, key.id) };
  }

  async update(task: Task, signal: AbortSignal): Promise<Settled> {
    const { host, sync } = this.#parts;
    const { record } = task;
    if (record.ref === undefined) return { record: sync.changed(record, 'to-create') };
    await host.call({ method: 'PUT', path: `/key/${record.ref}`, body: this.#body(task), signal });
    return { record: this.#inStep(task, record.ref) };
  }

  /** No call that takes a key away is documented. */
  async revoke({ record }: Task): Promise<Settled> {
    const detail = 'Keycafe has no call that removes a key';
    return { record: this.#parts.sync.changed(record, 'cannot', { detail }) };
  }

  #inStep({ record }: Task, ref: string): VendorRecord {
    const { seen: _old, tries: _tries, ...kept } = record;
    const { fingerprint: _print, ...extra } = kept.extra ?? {};
    return this.#parts.sync.changed(kept, 'in-step', { ref, extra });
  }

  #told({ id }: Task, ref: string) {
    const stored: Key | undefined = this.#parts.sync.desk.grants.key(keyId(id));
    if (stored === undefined || stored.source.vendor !== 'keycafe') return {};
    const { rev: _rev, ...key } = stored;
    return { key: { ...key, source: { vendor: 'keycafe', ref, version: '' } as const } };
  }

  #body({ id, record }: Task): object {
    const fields = this.#parts.sync.fields(id, record);
    const {
      id: _id,
      currentLocation: _location,
      currentUser: _user,
      owner: _owner,
      ...body
    } = Object(fields);
    return body;
  }
}
