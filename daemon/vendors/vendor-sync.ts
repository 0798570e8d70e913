/**
 * Where one vendor's things meet the store. Rows, records and cursors go in one transaction (`GrantStore.write`), with
 * what is to be told of them; then the evidence with its tombstones (`Journal.append`), then openings are withdrawn. A
 * crash in between is made up for before anything else is written (`untold.ts`). Everything is done one after the
 * other, so that a dialect and a reading never overtake.
 */
import { type Instant, instant } from '../../drivers/contract/time.ts';
import type { Entry, Json } from '../access/entry.ts';
import type { StoredGrant } from '../access/lookup.ts';
import { grantId, type Vendor } from '../access/model.ts';
import type { VendorDesk } from './desk.ts';
import { RecordBook } from './record-book.ts';
import type { SyncChange, WantedGrant } from './sync-change.ts';
import { collisionsOfAll, SyncPlan } from './sync-plan.ts';
import { putIn, Untold, withoutKnown } from './untold.ts';
import type { RecordState, VendorRecord } from './vendor-record.ts';

export interface SyncOptions {
  /** For the journal: `keycafe`, `dialect:keycafe`. */
  readonly by: string;
  readonly cursors?: readonly { readonly name: string; readonly value: Json }[];
  /** More that happened, for the journal. */
  readonly entries?: readonly Entry[];
  /** Written down already. */
  readonly silent?: boolean;
}

/** Kept for so long after it is gone, so that a late answer about it finds it. */
const GONE_KEPT_MS = 30 * 24 * 3_600_000;
/** So many more ids than there are records are remembered as written. */
const WRITTEN_MORE = 1000;

export class VendorSync {
  readonly vendor: Vendor;
  readonly #desk: VendorDesk;
  readonly #book: RecordBook;
  readonly #untold: Untold;
  #turn: Promise<unknown> = Promise.resolve();
  #count = 0;
  #isRecovered = false;
  /** When, in the order of changes, each id was last written here. */
  readonly #written = new Map<string, number>();

  constructor(vendor: Vendor, desk: VendorDesk) {
    this.vendor = vendor;
    this.#desk = desk;
    this.#book = new RecordBook(desk.grants, vendor);
    this.#untold = new Untold(vendor, desk.grants, desk.journal);
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

  /** Records of what is gone for so long that nothing speaks of it any more. */
  forgotten(): readonly SyncChange[] {
    const now = this.#desk.clock.now();
    return [...this.records()]
      .filter(([, { state, since }]) => state === 'gone' && now - since > GONE_KEPT_MS)
      .map(([id]) => ({ id, record: null }));
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
    const { detail: _old, tries, ...kept } = record;
    const since = state === record.state ? record.since : this.#desk.clock.now();
    // What could not be had, and is asked for again, is tried as often as anything else.
    const isAnew = record.state === 'cannot' && state !== 'cannot';
    const tried = tries === undefined || isAnew ? {} : { tries };
    return { ...kept, ...tried, ...more, state, since };
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
    await this.#tell();
    const { grants } = this.#desk;
    const plan = new SyncPlan(this.vendor, this.#desk, this.#book, options.by).of(changes);
    plan.entries.push(...(options.entries ?? []));
    const cursors = [...this.#book.cursors(plan.records), ...(options.cursors ?? [])];
    if (plan.changes.length === 0 && cursors.length === 0 && plan.entries.length === 0) return;
    const batch = this.#untold.next(options.silent === true ? [] : plan.entries, plan.rows);
    cursors.push(...this.#untold.cursors(batch));
    await grants.write({ source: this.vendor, changes: plan.changes, cursors });
    this.#untold.written(batch);
    this.#book.apply(plan.records);
    this.#count += 1;
    for (const { id } of changes) this.#written.set(id, this.#count);
    this.#forgetWritten();
    await this.#tell();
    if (plan.changes.length > 0) this.#desk.grantsChanged();
  }

  /** Of the last write, where the journal has not been told of it; by then what it revoked is dead. @throws StorageError */
  async #tell(): Promise<void> {
    const { batch: written } = this.#untold;
    if (written === undefined) return;
    const { journal } = this.#desk;
    const batch = withoutKnown(written, journal);
    const entries = [...batch.entries, ...collisionsOfAll(putIn(batch), this.#desk)];
    const rows = this.#untold.rows(batch);
    await journal.append({ stamp: this.#desk.stamp(), entries, rows }).committed;
    this.#untold.told();
    for (const { grant } of written.rows) await this.#desk.withdrawOpenings(grant);
  }

  /** Of what has no record any more, which is so long after it ended, no reading that runs can be older. */
  #forgetWritten(): void {
    if (this.#written.size <= this.#book.size + WRITTEN_MORE) return;
    for (const id of this.#written.keys()) {
      if (this.#book.get(id) === undefined) this.#written.delete(id);
    }
  }

  /**
   * A grant whose maker waits for the answer and gave no key to ask again with: stored, its making written down, and
   * only then enabled, so that nobody is let in by a grant that its maker does not know of.
   */
  make(change: SyncChange & { readonly grant: WantedGrant }, options: SyncOptions): Promise<void> {
    return this.alone(() => this.makeNow(change, options));
  }

  /** Only inside `alone`. */
  async makeNow(
    change: SyncChange & { readonly grant: WantedGrant },
    options: SyncOptions,
  ): Promise<void> {
    const pending: WantedGrant = { ...change.grant, state: 'pending' };
    await this.applyNow([{ ...change, grant: pending }], options);
    await this.applyNow([{ id: change.id, grant: change.grant }], { ...options, silent: true });
  }

  /** At start: what was stored and never answered is taken back. Nothing that is being made meanwhile is. */
  recover(): Promise<void> {
    return this.alone(async () => {
      if (this.#isRecovered) return;
      const lost = [...this.storedGrants()].filter(({ grant }) => grant.state === 'pending');
      await this.applyNow(
        lost.map(({ grant: { id } }) => ({ id, revoke: true, record: null })),
        { by: 'start' },
      );
      this.#isRecovered = true;
    });
  }

  /** Live grants of this vendor, some at a time. */
  *storedGrants(): Iterable<StoredGrant> {
    yield* pages(this.#desk.grants, { source: this.vendor });
  }
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
