/** What a set of changes comes to: rows of both files and entries, with the revisions that follow from what is stored. */
import { isDeepStrictEqual } from 'node:util';
import type { Instant } from '../../drivers/contract/time.ts';
import { plain } from '../access/body.ts';
import { collisionEntry, collisionsOf } from '../access/collision.ts';
import type { Entry } from '../access/entry.ts';
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
import type { GrantChange } from '../store/ports.ts';
import type { VendorDesk } from './desk.ts';
import type { RecordBook } from './record-book.ts';
import type { SyncChange, WantedGrant, WantedKey } from './sync-change.ts';
import type { Tombstone } from './untold.ts';
import type { RecordState, VendorRecord } from './vendor-record.ts';

export interface Planned {
  readonly changes: GrantChange[];
  readonly entries: Entry[];
  readonly rows: Tombstone[];
  readonly records: Map<string, VendorRecord | undefined>;
}

export class SyncPlan {
  readonly #vendor: Vendor;
  readonly #desk: VendorDesk;
  readonly #book: RecordBook;
  readonly #by: string;

  constructor(vendor: Vendor, desk: VendorDesk, book: RecordBook, by: string) {
    this.#vendor = vendor;
    this.#desk = desk;
    this.#book = book;
    this.#by = by;
  }

  of(changes: readonly SyncChange[]): Planned {
    const plan: Planned = {
      changes: [],
      entries: [],
      rows: [],
      records: new Map(),
    };
    const { at } = this.#desk.stamp();
    for (const change of changes) {
      this.#planRecord(change, plan);
      if (change.revoke) this.#planRevoke(change.id, at, plan);
      else if (change.grant !== undefined) {
        this.#planGrant(change.grant, change.revive === true, plan);
      }
      if (change.removeKey) this.#planRemoveKey(change.id, plan);
      else if (change.key !== undefined) this.#planKey(change.key, plan);
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
    if (record !== undefined) plan.entries.push(...this.#placeEntries(id, before, record));
  }

  #planGrant(wanted: WantedGrant, mayRevive: boolean, plan: Planned): void {
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
    plan.entries.push({
      type: 'grant.put',
      sub: grant.holder,
      body: {
        grant: grant.id,
        rev,
        source: this.#vendor,
        by: this.#by,
        unsupported: [...(grant.unsupported ?? [])],
      },
    });
    const resolved = resolveWindow(grant.window, this.#desk.about.zone);
    if (typeof resolved === 'string') {
      plan.entries.push({ type: 'grant.window_empty', body: { grant: grant.id, fault: resolved } });
    }
  }

  #planRevoke(id: string, at: Instant, plan: Planned): void {
    const grant = grantId(id);
    const stored = this.#desk.grants.grant(grant);
    const stone = this.#desk.journal.tombstone(grant);
    const rev = Math.max(stored?.grant.rev ?? 0, stone?.rev ?? 0) + (stored === undefined ? 1 : 0);
    if (stone !== undefined && stone.rev >= rev) return;
    plan.changes.push({ kind: 'revoke', grant, rev, at });
    plan.rows.push({ table: 'tombstone', grant, rev, at });
    plan.entries.push({
      type: 'grant.revoked',
      ...(stored === undefined ? {} : { sub: stored.grant.holder }),
      body: { grant, rev, source: this.#vendor, by: this.#by },
    });
  }

  #planKey(wanted: WantedKey, plan: Planned): void {
    const stored = this.#desk.grants.key(wanted.id);
    const rev = Math.max(stored?.rev ?? 0, this.#removedRev(wanted.id)) + 1;
    const key: Key = { ...wanted, rev };
    if (stored !== undefined && isDeepStrictEqual({ ...stored, rev }, key)) return;
    plan.changes.push({ kind: 'put-key', key });
    plan.entries.push({
      type: 'grant.key_put',
      body: { key: key.id, rev, source: this.#vendor, by: this.#by },
    });
  }

  #planRemoveKey(id: string, plan: Planned): void {
    const key = keyId(id);
    const stored = this.#desk.grants.key(key);
    if (stored === undefined || stored.source.vendor !== this.#vendor) return;
    plan.changes.push({ kind: 'remove-key', key, rev: stored.rev + 1 });
    const record = plan.records.get(id) ?? this.#book.get(id);
    if (record !== undefined) {
      const extra = { ...record.extra, removedRev: stored.rev + 1 };
      plan.records.set(id, { ...record, extra });
    }
    plan.entries.push({
      type: 'grant.key_removed',
      body: { key, rev: stored.rev + 1, source: this.#vendor, by: this.#by },
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
    // Announced, and put off until the next round: that it waits was told when it began to.
    const wasTold = before?.state === 'creating' && record.state === 'to-create';
    if ((wasTold || before?.state === record.state) && before?.detail === record.detail) {
      return undefined;
    }
    const type = ENTRY_OF[record.state];
    const body = plain({
      vendor: this.#vendor,
      what: record.kind,
      id,
      state: record.state,
      detail: record.detail,
    });
    return type === undefined ? undefined : { type, body };
  }

  /** Systems and devices of the vendor's that newly say no. */
  #placeEntries(id: string, before: VendorRecord | undefined, record: VendorRecord): Entry[] {
    return (record.places ?? []).flatMap((now): Entry[] => {
      const was = before?.places?.find(({ place }) => place === now.place);
      if (now.state !== 'failed' || (was?.state === 'failed' && was.detail === now.detail))
        return [];
      const { place, state, detail } = now;
      const body = plain({ vendor: this.#vendor, what: record.kind, id, place, state, detail });
      return [{ type: 'grant.cannot', body }];
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

/** Others that carry one of these codes, for a manager to hear of before anybody comes. */
export function collisionsOfAll(put: readonly GrantId[], desk: VendorDesk): Entry[] {
  if (put.length === 0) return [];
  const { grants } = desk;
  const { policies } = desk.ports().site;
  return put.flatMap((id) => {
    const stored = grants.grant(id);
    if (stored === undefined) return [];
    const others = stored.grant.credentials.flatMap(({ index }) => grants.byCredential(index));
    return collisionsOf(stored, others, policies).map(collisionEntry);
  });
}
