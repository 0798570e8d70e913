/**
 * Where one vendor's things meet the store. Rows, records and cursors go in one transaction (`GrantStore.write`), then
 * the evidence with its tombstones (`Journal.append`), then openings are withdrawn: a crash in between repeats the
 * first step harmlessly. Everything is done one after the other, so that a dialect and a reading never overtake.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Instant, instant } from '../../drivers/contract/time.ts';
import { plain } from '../access/body.ts';
import { collisionEntry, collisionsOf } from '../access/collision.ts';
import type { Entry, Json } from '../access/entry.ts';
import type { StoredGrant } from '../access/lookup.ts';
import {
  type Credential,
  type Grant,
  type GrantId,
  grantId,
  type Key,
  keyId,
  type Vendor,
} from '../access/model.ts';
import { resolveWindow } from '../access/window.ts';
import type { EvidenceRow, GrantChange } from '../store/ports.ts';
import type { VendorDesk } from './desk.ts';
import { RecordBook } from './record-book.ts';
import type { RecordState, VendorRecord } from './vendor-record.ts';

/** A grant as it is wanted; its revision follows from what is stored. `options.staff` is never a vendor's to give. */
export type WantedGrant = Omit<Grant, 'rev'>;
export type WantedKey = Omit<Key, 'rev'>;

export interface SyncChange {
  /** Of the grant or key here, or of a record alone. */
  readonly id: string;
  readonly grant?: WantedGrant;
  readonly key?: WantedKey;
  /** With a tombstone, for good: only a reading that begins later may bring it back. */
  readonly revoke?: true;
  readonly removeKey?: true;
  /** The vendor has it again, by a reading that began after the revocation; else a tombstone stands. */
  readonly revive?: true;
  /** `null` takes the record away; missing leaves it as it is. */
  readonly record?: VendorRecord | null;
}

export interface SyncOptions {
  /** For the journal: `keycafe`, `dialect:keycafe`. */
  readonly by: string;
  readonly cursors?: readonly { readonly name: string; readonly value: Json }[];
  /** More that happened, for the journal. */
  readonly entries?: readonly Entry[];
  /** Written down already. */
  readonly silent?: boolean;
}

interface Planned {
  readonly changes: GrantChange[];
  readonly entries: Entry[];
  readonly rows: EvidenceRow[];
  readonly revoked: GrantId[];
  readonly put: Grant[];
  readonly records: Map<string, VendorRecord | undefined>;
}

export class VendorSync {
  readonly vendor: Vendor;
  readonly #desk: VendorDesk;
  readonly #book: RecordBook;
  #turn: Promise<unknown> = Promise.resolve();
  #count = 0;
  /** When, in the order of changes, each id was last written here. */
  readonly #written = new Map<string, number>();

  constructor(vendor: Vendor, desk: VendorDesk) {
    this.vendor = vendor;
    this.#desk = desk;
    this.#book = new RecordBook(desk.grants, vendor);
  }

  get desk(): VendorDesk {
    return this.#desk;
  }

  /** When the last complete reading ended; kept with the rows, so that a lost file forgets it too. */
  get syncedAt(): Instant | undefined {
    const at = this.#desk.grants.cursor(this.vendor, 'synced');
    return typeof at === 'number' ? instant(at) : undefined;
  }

  record(id: string): VendorRecord | undefined {
    return this.#book.get(id);
  }

  idOf(kind: string, ref: string): string | undefined {
    return this.#book.idOf(kind, ref);
  }

  records(): Iterable<readonly [string, VendorRecord]> {
    return this.#book.all();
  }

  /** Grows with each change; what is read of a vendor may be older than what was written since. */
  get moment(): number {
    return this.#count;
  }

  isWrittenSince(id: string, moment: number): boolean {
    return (this.#written.get(id) ?? 0) > moment;
  }

  /** Sealed under the site's key and bound to the id: names, contacts, and what the vendor's page promises back. */
  seal(id: string, fields: object): string {
    return this.#desk.secrets.keep(JSON.stringify(fields), grantId(`${this.vendor}/${id}`));
  }

  /** `undefined` where there is none, or it was sealed under another pepper. */
  fields(id: string, record: VendorRecord | undefined = this.#book.get(id)): unknown {
    if (record?.sealed === undefined) return undefined;
    const text = this.#desk.secrets.reveal(record.sealed, grantId(`${this.vendor}/${id}`));
    return text === undefined ? undefined : (JSON.parse(text) satisfies unknown);
  }

  /** The record in another state. */
  changed(
    record: VendorRecord,
    state: RecordState,
    more: Partial<VendorRecord> = {},
  ): VendorRecord {
    const { detail: _old, ...kept } = record;
    const since = state === record.state ? record.since : this.#desk.clock.now();
    return { ...kept, ...more, state, since };
  }

  /** Resolves when decisions read it and it is written down; revocations are dead by then (P6). @throws StorageError */
  apply(changes: readonly SyncChange[], options: SyncOptions): Promise<void> {
    return this.alone(() => this.applyNow(changes, options));
  }

  /** With what is read inside `body`, nothing else changes until it ends. */
  alone<Result>(body: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(body);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Only inside `alone`. */
  async applyNow(changes: readonly SyncChange[], options: SyncOptions): Promise<void> {
    const { grants, journal } = this.#desk;
    const plan = this.#plan(changes, options);
    plan.entries.push(...(options.entries ?? []));
    const cursors = [...this.#book.cursors(plan.records), ...(options.cursors ?? [])];
    if (plan.changes.length === 0 && cursors.length === 0 && plan.entries.length === 0) return;
    await grants.write({ source: this.vendor, changes: plan.changes, cursors });
    this.#book.apply(plan.records);
    this.#count += 1;
    for (const { id } of changes) this.#written.set(id, this.#count);
    const entries = options.silent === true ? [] : [...plan.entries, ...this.#collisions(plan.put)];
    if (entries.length > 0 || plan.rows.length > 0) {
      await journal.append({ stamp: this.#desk.stamp(), entries, rows: plan.rows }).committed;
    }
    for (const grant of plan.revoked) await this.#desk.withdrawOpenings(grant);
    if (plan.changes.length > 0) this.#desk.grantsChanged();
  }

  /**
   * A grant whose maker waits for the answer and gave no key to ask again with: stored, its making written down, and
   * only then enabled, so that nobody is let in by a grant that its maker does not know of.
   */
  async make(
    change: SyncChange & { readonly grant: WantedGrant },
    options: SyncOptions,
  ): Promise<void> {
    await this.alone(async () => {
      const pending: WantedGrant = { ...change.grant, state: 'pending' };
      await this.applyNow([{ ...change, grant: pending }], options);
      await this.applyNow([{ id: change.id, grant: change.grant }], { ...options, silent: true });
    });
  }

  /** At start: what was stored and never answered is taken back. */
  async recover(): Promise<void> {
    const lost: SyncChange[] = [];
    for (const stored of this.storedGrants()) {
      if (stored.grant.state === 'pending')
        lost.push({ id: stored.grant.id, revoke: true, record: null });
    }
    await this.apply(lost, { by: 'start' });
  }

  /** Live grants of this vendor, some at a time. */
  *storedGrants(): Iterable<StoredGrant> {
    yield* pages(this.#desk.grants, { source: this.vendor });
  }

  #plan(changes: readonly SyncChange[], { by }: SyncOptions): Planned {
    const plan: Planned = {
      changes: [],
      entries: [],
      rows: [],
      revoked: [],
      put: [],
      records: new Map(),
    };
    const { at } = this.#desk.stamp();
    for (const change of changes) {
      this.#planRecord(change, plan);
      if (change.revoke) this.#planRevoke(change.id, at, by, plan);
      else if (change.grant !== undefined) {
        this.#planGrant(change.grant, change.revive === true, by, plan);
      }
      if (change.removeKey) this.#planRemoveKey(change.id, by, plan);
      else if (change.key !== undefined) this.#planKey(change.key, by, plan);
    }
    return plan;
  }

  #planRecord({ id, record: wanted }: SyncChange, plan: Planned): void {
    if (wanted === undefined) return;
    const before = this.#book.get(id);
    const record = wanted ?? undefined;
    if (isDeepStrictEqual(before, record)) return;
    plan.records.set(id, record);
    const entry = record === undefined ? undefined : this.#recordEntry(id, before, record);
    if (entry !== undefined) plan.entries.push(entry);
  }

  #planGrant(wanted: WantedGrant, mayRevive: boolean, by: string, plan: Planned): void {
    const { grants, journal } = this.#desk;
    const stored = grants.grant(wanted.id);
    const stone = journal.tombstone(wanted.id) ?? stored?.revoked;
    if (stone !== undefined && stone.rev >= (stored?.grant.rev ?? 0) && !mayRevive) return;
    const { staff: _never, ...options } = wanted.options;
    const credentials = wanted.credentials.map((each) => kept(each, stored?.grant.credentials));
    const rev = Math.max(stored?.grant.rev ?? 0, stone?.rev ?? 0) + 1;
    const grant: Grant = { ...wanted, credentials, options, rev };
    const isLive = stored !== undefined && stored.revoked === undefined;
    if (isLive && isDeepStrictEqual({ ...stored.grant, rev }, grant)) return;
    plan.changes.push({ kind: 'put', grant });
    plan.put.push(grant);
    plan.entries.push({
      type: 'grant.put',
      sub: grant.holder,
      body: {
        grant: grant.id,
        rev,
        source: this.vendor,
        by,
        unsupported: [...(grant.unsupported ?? [])],
      },
    });
    const resolved = resolveWindow(grant.window, this.#desk.about.zone);
    if (typeof resolved === 'string') {
      plan.entries.push({ type: 'grant.window_empty', body: { grant: grant.id, fault: resolved } });
    }
  }

  #planRevoke(id: string, at: Instant, by: string, plan: Planned): void {
    const grant = grantId(id);
    const stored = this.#desk.grants.grant(grant);
    const stone = this.#desk.journal.tombstone(grant);
    const rev = Math.max(stored?.grant.rev ?? 0, stone?.rev ?? 0) + (stored === undefined ? 1 : 0);
    if (stone !== undefined && stone.rev >= rev) return;
    plan.changes.push({ kind: 'revoke', grant, rev, at });
    plan.rows.push({ table: 'tombstone', grant, rev, at });
    plan.revoked.push(grant);
    plan.entries.push({
      type: 'grant.revoked',
      ...(stored === undefined ? {} : { sub: stored.grant.holder }),
      body: { grant, rev, source: this.vendor, by },
    });
  }

  #planKey(wanted: WantedKey, by: string, plan: Planned): void {
    const stored = this.#desk.grants.key(wanted.id);
    const rev = Math.max(stored?.rev ?? 0, this.#removedRev(wanted.id)) + 1;
    const key: Key = { ...wanted, rev };
    if (stored !== undefined && isDeepStrictEqual({ ...stored, rev }, key)) return;
    plan.changes.push({ kind: 'put-key', key });
    plan.entries.push({
      type: 'grant.key_put',
      body: { key: key.id, rev, source: this.vendor, by },
    });
  }

  #planRemoveKey(id: string, by: string, plan: Planned): void {
    const key = keyId(id);
    const stored = this.#desk.grants.key(key);
    if (stored === undefined || stored.source.vendor !== this.vendor) return;
    plan.changes.push({ kind: 'remove-key', key, rev: stored.rev + 1 });
    const record = plan.records.get(id) ?? this.#book.get(id);
    if (record !== undefined) {
      const extra = { ...record.extra, removedRev: stored.rev + 1 };
      plan.records.set(id, { ...record, extra });
    }
    plan.entries.push({
      type: 'grant.key_removed',
      body: { key, rev: stored.rev + 1, source: this.vendor, by },
    });
  }

  /** A key that was removed is not told by `grants.key`; its revision must still be passed. */
  #removedRev(id: string): number {
    const removed = this.#book.get(id)?.extra?.['removedRev'];
    return typeof removed === 'number' ? removed : 0;
  }

  #recordEntry(
    id: string,
    before: VendorRecord | undefined,
    record: VendorRecord,
  ): Entry | undefined {
    if (before?.state === record.state && before.detail === record.detail) return undefined;
    const type = ENTRY_OF[record.state];
    const body = plain({
      vendor: this.vendor,
      what: record.kind,
      id,
      state: record.state,
      detail: record.detail,
    });
    return type === undefined ? undefined : { type, body };
  }

  #collisions(put: readonly Grant[]): Entry[] {
    const { grants } = this.#desk;
    const { policies } = this.#desk.ports().site;
    return put.flatMap(({ id, credentials }) => {
      const stored = grants.grant(id);
      if (stored === undefined) return [];
      const others = credentials.flatMap(({ index }) => grants.byCredential(index));
      return collisionsOf(stored, others, policies).map(collisionEntry);
    });
  }
}

const ENTRY_OF: Readonly<Partial<Record<RecordState, Entry['type']>>> = {
  'to-create': 'grant.vendor_pending',
  'to-update': 'grant.vendor_pending',
  'to-revoke': 'grant.vendor_pending',
  'to-send': 'grant.vendor_pending',
  cannot: 'grant.cannot',
};

/** Sealing draws a nonce; the same code keeps the seal that it has, so that nothing changed is not stored again. */
function kept(wanted: Credential, stored: readonly Credential[] | undefined): Credential {
  const same = stored?.find(({ id, index }) => id === wanted.id && index === wanted.index);
  return same?.sealed === undefined || wanted.sealed === undefined
    ? wanted
    : { ...wanted, sealed: same.sealed };
}

const PAGE = 500;

/** All live grants that fit, some at a time; what changes meanwhile may be seen or not. */
export function* pages(
  grants: VendorDesk['grants'],
  query: { readonly source?: Vendor; readonly target?: string },
): Iterable<StoredGrant> {
  let after: string | undefined;
  for (;;) {
    const page = grants.list({ ...query, limit: PAGE, ...(after === undefined ? {} : { after }) });
    yield* page;
    after = page.at(-1)?.grant.id;
    if (page.length < PAGE || after === undefined) return;
  }
}

export function now(desk: Pick<VendorDesk, 'stamp'>): Instant {
  return instant(desk.stamp().at);
}
