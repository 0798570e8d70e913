/** Accesses as the dialect makes, shows, changes and cancels them: grants of the vendor, made here. */
import type { StoredGrant } from '../../access/lookup.ts';
import { credentialId, type Grant, grantId, keyId } from '../../access/model.ts';
import { holderFor } from '../people.ts';
import type { SyncChange, WantedGrant } from '../sync-change.ts';
import { stateOnChange, type VendorRecord } from '../vendor-record.ts';
import type { VendorSync } from '../vendor-sync.ts';
import type { KeyBook } from './key-book.ts';
import { drawnId, idFromKey } from './local-id.ts';
import { boundsOf, operationsOf, windowOf } from './mapping.ts';
import { KeycafeRefusal } from './reply.ts';
import { BOOKING_CODE, optionsOf, pinCredential } from './thing.ts';
import {
  type AccessFields,
  type AccessRequest,
  type AccessUpdate,
  accessFieldsSchema,
} from './wire.ts';

const LOCAL_CODE = credentialId('local:booking');
const CODE_DIGITS = 8;

export interface AccessBookParts {
  readonly sync: VendorSync;
  readonly keys: KeyBook;
  /** Base of the links for guests: `https://box.example/keycafe`. */
  readonly linkBase?: string;
}

export class AccessBook {
  readonly #parts: AccessBookParts;

  constructor(parts: AccessBookParts) {
    this.#parts = parts;
  }

  /** Works at the box when it resolves. */
  async create(body: AccessRequest, requestKey: string | undefined): Promise<object> {
    const { sync, keys } = this.#parts;
    const localId =
      requestKey === undefined ? drawnId(sync.desk.random) : idFromKey('access', requestKey);
    const id = grantId(`keycafe:local:${localId}`);
    if (sync.desk.grants.grant(id) !== undefined) return this.show(localId);
    const user = body.user ?? undefined;
    const isNamed = (body.name ?? '') !== '';
    if (
      user?.id === undefined &&
      user?.email === undefined &&
      user?.mobile === undefined &&
      !isNamed
    ) {
      throw refusal(400, 'access.name.required', 'a name, where no user is given', 'name');
    }
    const key = keys.named(body.key ?? undefined);
    const window = this.#window(body);
    const code = sync.desk.secrets.drawPin(CODE_DIGITS);
    if (code === undefined) throw refusal(500, 'error.unknown', 'no code is left');
    const pin = pinCredential(sync.desk, LOCAL_CODE, code, id);
    if (pin === undefined) throw new RangeError('a drawn code has 4 to 16 digits');
    const grant: WantedGrant = {
      id,
      source: { vendor: 'keycafe', ref: `local:${localId}`, version: '' },
      holder: holderFor(
        sync.desk.secrets,
        { email: user?.email, phone: user?.mobile },
        user?.id === undefined ? id : `keycafe:user:${user.id}`,
      ),
      credentials: [pin],
      targets: [{ kind: 'key', id: key.id }],
      window,
      operations: operationsOf(body.allowSetup),
      options: optionsOf(body),
      state: 'active',
    };
    const { key: _key, ...fields } = body;
    const record: VendorRecord = {
      kind: 'access',
      origin: 'here',
      state: 'to-create',
      since: sync.desk.clock.now(),
      sealed: sync.seal(id, { ...fields, id: localId, key: { id: keys.numberOf(key.id) } }),
      extra: { localId },
    };
    const change = { id, grant, record };
    const options = { by: 'dialect:keycafe' };
    if (requestKey === undefined) await sync.make(change, options);
    else {
      await sync.alone(async () => {
        // Asked for twice at one time: what the other call made stands, with its code.
        if (sync.desk.grants.grant(id) === undefined) await sync.applyNow([change], options);
      });
    }
    await this.#note(id, body);
    return this.show(localId);
  }

  /** Only bounds, name and reminder, of a scheduled access with one key (vendor-apis 2.4). */
  async update(number: string, body: AccessUpdate): Promise<object> {
    const { sync } = this.#parts;
    await sync.alone(async () => {
      const { stored, record, fields } = this.#at(number);
      const { grant } = stored;
      if (grant.window.kind === 'ongoing') {
        throw refusal(400, 'access.ongoing.notEditable', 'cancel it, and create another');
      }
      if (grant.targets.length !== 1) {
        throw refusal(400, 'access.multipleKeys.notEditable', 'only an access with a single key');
      }
      if (body.timeZone !== undefined && grant.window.kind === 'floating') {
        throw refusal(
          400,
          'access.timeZone.notAllowed',
          'a zone cannot be added later',
          'timeZone',
        );
      }
      const bounds = { ...boundsOf(grant.window, sync.desk.about.zone), ...pick(body) };
      const window = this.#window(bounds);
      if (window.kind === 'ongoing') throw refusal(400, 'access.dates.invalid', 'both ends');
      const next = { ...fields, ...bounds, ...body };
      const { rev: _rev, ...kept } = grant;
      const { remindMinutes: _old, ...options } = kept.options;
      const reminder = optionsOf({ returnReminder: next.returnReminder });
      const change: SyncChange = {
        id: grant.id,
        grant: { ...kept, window, options: { ...options, ...reminder } },
        record: sync.changed(record, stateOnChange(record), { sealed: sync.seal(grant.id, next) }),
      };
      await sync.applyNow([change], { by: 'dialect:keycafe' });
    });
    return this.show(number);
  }

  /** Opens nothing any more when it resolves; a key that is out may still come back. */
  async cancel(number: string): Promise<void> {
    const { sync } = this.#parts;
    await sync.alone(async () => {
      const { stored, record } = this.#at(number);
      const isKnownThere = record.ref !== undefined || record.state === 'creating';
      const next = sync.changed(record, isKnownThere ? 'to-revoke' : 'gone');
      const changes: SyncChange[] = [{ id: stored.grant.id, revoke: true, record: next }];
      const message = `message:${stored.grant.id}`;
      if (sync.record(message) !== undefined) changes.push({ id: message, record: null });
      await sync.applyNow(changes, { by: 'dialect:keycafe' });
    });
  }

  show(number: string): object {
    const { stored, fields, record } = this.#at(number);
    return this.#shown(stored, record, fields);
  }

  /** All that are live; with `key` or `user` only those that are ongoing or to come. */
  list(filter: {
    readonly query?: string | undefined;
    readonly key?: string | undefined;
    readonly user?: string | undefined;
  }): readonly object[] {
    const { sync } = this.#parts;
    const { lo } = sync.desk.stamp().clock;
    const isNarrow = filter.key !== undefined || filter.user !== undefined;
    const rows: object[] = [];
    for (const stored of sync.storedGrants()) {
      const record = sync.record(stored.grant.id);
      if (record?.kind !== 'access' || stored.grant.state === 'pending') continue;
      if (isNarrow && stored.window.end !== undefined && stored.window.end <= lo) continue;
      const fields = this.#fields(stored.grant.id, record);
      const shown = this.#shown(stored, record, fields);
      if (filter.key !== undefined && String(shown.key.id) !== filter.key) continue;
      if (filter.user !== undefined && String(fields.user?.id ?? '') !== filter.user) continue;
      if (filter.query !== undefined && !includes(fields, filter.query)) continue;
      rows.push(shown);
    }
    return rows;
  }

  /** What Keycafe would send to the guest: it cannot go from here, so it waits until Keycafe has the access. */
  async #note(id: Grant['id'], { user, suppressGuestNotifications }: AccessRequest): Promise<void> {
    const { sync } = this.#parts;
    const way = user?.mobile === undefined ? 'mail' : 'SMS';
    const isReachable = user?.mobile !== undefined || user?.email !== undefined;
    if (suppressGuestNotifications || !isReachable) return;
    const record: VendorRecord = {
      kind: 'message',
      origin: 'here',
      state: 'to-send',
      detail: `${way} with code and link to the guest of ${id}`,
      since: sync.desk.clock.now(),
      extra: { grant: id },
    };
    await sync.apply([{ id: `message:${id}`, record }], { by: 'dialect:keycafe' });
  }

  #window(bounds: Parameters<typeof windowOf>[0]): Grant['window'] {
    const window = windowOf(bounds, this.#parts.sync.desk.about.zone);
    if (typeof window !== 'string') return window;
    const field = window === 'zone-unknown' ? 'timeZone' : 'accessEndDate';
    throw refusal(
      400,
      window === 'zone-unknown' ? 'access.timeZone.invalid' : 'access.dates.invalid',
      WINDOW_FAULTS[window],
      field,
    );
  }

  #at(number: string) {
    const { sync } = this.#parts;
    const made = `keycafe:local:${number}`;
    const id = sync.record(made) === undefined ? sync.idOf('access', number) : made;
    const record = id === undefined ? undefined : sync.record(id);
    const stored = id === undefined ? undefined : sync.desk.grants.grant(grantId(id));
    if (record === undefined || stored === undefined || stored.revoked !== undefined) {
      throw refusal(404, 'access.notFound', 'there is no such access');
    }
    return { stored, record, fields: this.#fields(stored.grant.id, record) };
  }

  #fields(id: string, record: VendorRecord): AccessFields {
    const read = accessFieldsSchema.safeParse(this.#parts.sync.fields(id, record));
    return read.success ? read.data : {};
  }

  #shown({ grant }: StoredGrant, record: VendorRecord, fields: AccessFields) {
    const { sync, keys, linkBase } = this.#parts;
    const code = (id: Grant['credentials'][number]['id']) => {
      const sealed = grant.credentials.find((each) => each.id === id)?.sealed;
      return sealed === undefined ? undefined : sync.desk.secrets.reveal(sealed, grant.id);
    };
    const number = record.extra?.['localId'] ?? record.ref ?? '';
    const bookingCode = code(LOCAL_CODE) ?? code(BOOKING_CODE);
    const target = grant.targets.find(({ kind }) => kind === 'key')?.id;
    const bounds = boundsOf(grant.window, sync.desk.about.zone) ?? {};
    const link =
      fields.checkinLink ?? (linkBase === undefined ? undefined : `${linkBase}/${number}`);
    return {
      id: Number(number),
      ...(bookingCode === undefined ? {} : { bookingCode }),
      ...(link === undefined || grant.window.kind === 'ongoing' ? {} : { checkinLink: link }),
      ...bounds,
      ...(bounds.timeZone === undefined ? { timeZone: null } : {}),
      returnReminder: fields.returnReminder ?? false,
      allowSetup: fields.allowSetup ?? false,
      suppressGuestNotifications: fields.suppressGuestNotifications ?? false,
      name: fields.name ?? null,
      locale: fields.locale ?? null,
      user: fields.user ?? null,
      key: target === undefined ? { id: 0 } : keys.brief(keyId(target)),
    };
  }
}

const WINDOW_FAULTS = {
  'bounds-incomplete': 'a date and a time for both ends, or none at all',
  'bounds-invalid': 'a date YYYY-MM-DD and a time HH:mm that exist',
  'zone-unknown': 'an IANA time zone',
  'bounds-empty': 'the end must be after the start',
} as const;

function refusal(status: number, id: string, message: string, field?: string): KeycafeRefusal {
  return new KeycafeRefusal(status, id, message, field);
}

function pick({
  accessStartDate,
  accessStartTime,
  accessEndDate,
  accessEndTime,
  timeZone,
}: AccessUpdate) {
  const all = { accessStartDate, accessStartTime, accessEndDate, accessEndTime, timeZone };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function includes({ name, user }: AccessFields, query: string): boolean {
  const texts = [name, user?.email, user?.mobile, user?.firstName, user?.lastName];
  return texts.some((text) => text?.toLowerCase().includes(query.toLowerCase()) === true);
}
