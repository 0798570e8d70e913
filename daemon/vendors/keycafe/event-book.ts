/** What happened at this box as Keycafe's events and exchanges (vendor-apis 2.3), out of the journal. */
import { instant } from '../../../drivers/contract/time.ts';
import { numberIn, textIn } from '../../access/body.ts';
import type { EntryType, RecordedEntry } from '../../access/entry.ts';
import { type GrantId, grantId, keyId } from '../../access/model.ts';
import type { VendorSync } from '../vendor-sync.ts';
import type { BoxBook } from './box-book.ts';
import type { KeyBook } from './key-book.ts';
import { KeycafeRefusal } from './reply.ts';
import { type AccessFields, accessFieldsSchema } from './wire.ts';

export interface EventBookParts {
  readonly sync: VendorSync;
  readonly keys: KeyBook;
  readonly boxes: BoxBook;
}

const NAMES: Readonly<Partial<Record<EntryType, string>>> = {
  'access.taken': 'PICKUP',
  'access.returned': 'DROPOFF',
  'access.late_return': 'DROPOFF',
  'grant.put': 'ACCESS_CREATED',
  'grant.revoked': 'ACCESS_CANCELLED',
};
const EXCHANGES: readonly EntryType[] = ['access.taken', 'access.returned', 'access.late_return'];
/** What a webhook would tell. */
export const EXCHANGE_ENTRIES = EXCHANGES;
const ALL: readonly EntryType[] = [...EXCHANGES, 'grant.put', 'grant.revoked'];
const READ_MOST = 5000;

export class EventBook {
  readonly #parts: EventBookParts;

  constructor(parts: EventBookParts) {
    this.#parts = parts;
  }

  /** Newest first. */
  events({ key }: { readonly key?: string | undefined }): readonly object[] {
    return this.#read(ALL)
      .flatMap((entry) => this.of(entry))
      .filter((event) => key === undefined || String(event.key?.id) === key);
  }

  event(number: string): object {
    const entry = this.#entry(number);
    const [found] = entry === undefined ? [] : this.of(entry);
    if (found === undefined) throw notFound('event');
    return found;
  }

  /** Pick-ups and drop-offs, each over by the time it is told. */
  exchanges(filter: {
    readonly key?: string | undefined;
    readonly type?: string | undefined;
    readonly before?: string | undefined;
    readonly after?: string | undefined;
  }): readonly object[] {
    const moment = (text: string | undefined) =>
      text === undefined ? Number.NaN : Date.parse(text);
    const [before, after] = [moment(filter.before), moment(filter.after)];
    return this.#read(EXCHANGES)
      .filter(({ stamp }) => !(stamp.at >= before) && !(stamp.at <= after))
      .flatMap((entry) => this.#exchange(entry))
      .filter(({ key }) => filter.key === undefined || String(key?.id) === filter.key)
      .filter(({ type }) => filter.type === undefined || type === filter.type);
  }

  exchange(number: string): object {
    const entry = this.#entry(number);
    const [found] =
      entry === undefined || !EXCHANGES.includes(entry.type) ? [] : this.#exchange(entry);
    if (found === undefined) throw notFound('exchange');
    return found;
  }

  of(entry: RecordedEntry) {
    const { sync, keys } = this.#parts;
    const { type, body, seq, stamp } = entry;
    const name = NAMES[type];
    const isExchange = EXCHANGES.includes(type);
    if (name === undefined) return [];
    if (!isExchange && textIn(body, 'source') !== 'keycafe') return [];
    const grant = textIn(body, 'grant');
    const id = grant === undefined ? undefined : grantId(grant);
    const record = id === undefined ? undefined : sync.record(id);
    // A change of one that is known is no new access.
    if (type === 'grant.put' && (record?.kind !== 'access' || numberIn(body, 'rev') !== 1))
      return [];
    if (type === 'grant.revoked' && record?.kind !== 'access') return [];
    const key = textIn(body, 'key') ?? (id === undefined ? undefined : this.#keyOf(id));
    const fields = id === undefined ? {} : this.#fieldsOf(id);
    const point = this.#parts.boxes
      .points()
      .find((each) => each.id === textIn(body, 'accessPoint'));
    const slot = numberIn(body, 'slot');
    return [
      {
        id: seq,
        dateCreated: new Date(instant(stamp.at)).toISOString(),
        type: name,
        ...(point === undefined ? {} : { location: this.#parts.boxes.location(point) }),
        ...(fields.user == null ? {} : { user: fields.user }),
        ...(key === undefined ? {} : { key: keys.brief(keyId(key)) }),
        ...(record?.kind === 'access'
          ? { access: this.#access(id, record.extra?.['localId'] ?? record.ref) }
          : {}),
        ...(slot === undefined ? {} : { bin: `B-${slot}` }),
        // Whoever has a key's own code is not known.
        anonymous: isExchange && (grant === undefined || grant.endsWith(':code')),
      },
    ];
  }

  #exchange(entry: RecordedEntry) {
    return this.of(entry).map(({ id, type, dateCreated, user, key, location }) => ({
      id,
      type,
      dateCreated,
      ...(user === undefined ? {} : { user }),
      ...(key === undefined ? {} : { key }),
      ...(location === undefined ? {} : { location }),
      completed: true,
      cancelled: false,
      released: true,
      expansion: null,
      error: null,
    }));
  }

  /** Shown with the deprecated bounds, as Keycafe shows it in events. */
  #access(id: GrantId | undefined, number: unknown): object {
    const window = id === undefined ? undefined : this.#parts.sync.desk.grants.grant(id)?.window;
    const iso = (at: number) => new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z');
    return {
      id: Number(number),
      ...(window?.start === undefined ? {} : { startDate: iso(window.start) }),
      ...(window?.end === undefined ? {} : { endDate: iso(window.end) }),
    };
  }

  #keyOf(id: GrantId): string | undefined {
    const targets = this.#parts.sync.desk.grants.grant(id)?.grant.targets ?? [];
    return targets.find(({ kind }) => kind === 'key')?.id;
  }

  #fieldsOf(id: GrantId): AccessFields {
    const read = accessFieldsSchema.safeParse(this.#parts.sync.fields(id));
    return read.success ? read.data : {};
  }

  #entry(number: string): RecordedEntry | undefined {
    return /^\d{1,15}$/.test(number)
      ? this.#parts.sync.desk.journal.entry(Number(number))
      : undefined;
  }

  #read(types: readonly EntryType[]): readonly RecordedEntry[] {
    return this.#parts.sync.desk.journal.read({ types, backwards: true, limit: READ_MOST });
  }
}

function notFound(what: 'event' | 'exchange'): KeycafeRefusal {
  return new KeycafeRefusal(404, `${what}.notFound`, `there is no such ${what}`);
}
