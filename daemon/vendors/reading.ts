/**
 * One complete reading of what a vendor has. Its pages are applied as they come; that something is absent counts as a
 * revocation only once every page of the run has been read, and only for what was not written here since it began.
 */
import type { Entry, JsonObject } from '../access/entry.ts';
import type { StoredGrant } from '../access/lookup.ts';
import { type Credential, type Grant, grantId, isKeyId } from '../access/model.ts';
import { narrower } from './narrower.ts';
import type { SyncChange, WantedGrant, WantedKey } from './sync-change.ts';
import type { VendorRecord } from './vendor-record.ts';
import type { VendorSync } from './vendor-sync.ts';

/** One thing as the vendor shows it, and what it is to be here. */
export interface SeenThing {
  readonly kind: string;
  readonly ref: string;
  /** Id here, if it is new. */
  readonly id: string;
  /** Of the thing and of whatever its meaning here depends on. */
  readonly digest: string;
  readonly wanted:
    | { readonly grant: WantedGrant }
    | { readonly key: WantedKey }
    /** It cannot be had here; told to a person. */
    | { readonly cannot: string }
    /** A record alone. */
    | { readonly nothing: true };
  /** The vendor's own fields, to be sealed. */
  readonly fields?: object;
  /** By any of which what was made by a create without an answer is known again. */
  readonly fingerprints?: readonly string[];
  readonly extra?: JsonObject;
}

const REMOVED_THERE = 'removed at the vendor';

export class Reading {
  readonly #sync: VendorSync;
  readonly #began: number;
  readonly #seen = new Set<string>();

  constructor(sync: VendorSync) {
    this.#sync = sync;
    this.#began = sync.moment;
  }

  page(shown: readonly SeenThing[], by: string): Promise<void> {
    // One that is shown twice is as it was shown last.
    const things = new Map(shown.map((each) => [`${each.kind}\0${each.ref}`, each]))
      .values()
      .toArray();
    for (const { kind, ref } of things) this.#seen.add(`${kind}\0${ref}`);
    return this.#sync.alone(async () => {
      const changes: SyncChange[] = [];
      const entries: Entry[] = [];
      const adopted = new Set<string>();
      for (const thing of things) {
        const change = this.#change(thing, entries, adopted);
        if (change !== undefined) changes.push(change);
      }
      await this.#sync.applyNow(changes, { by, entries });
    });
  }

  /** Something that is known was on no page so far. */
  isMissing(kinds: readonly string[]): boolean {
    return [...this.#sync.records()].some(
      ([, { kind, ref, state }]) =>
        state !== 'gone' &&
        ref !== undefined &&
        kinds.includes(kind) &&
        !this.#seen.has(`${kind}\0${ref}`),
    );
  }

  /** Of one kind: what still holds here and was on no page, and how much there is that holds. */
  absent(kind: string): { readonly missing: readonly VendorRecord[]; readonly known: number } {
    const { desk } = this.#sync;
    const { lo } = desk.stamp().clock;
    const holding = [...this.#sync.records()].flatMap(([id, record]) => {
      if (record.kind !== kind || record.ref === undefined || record.state === 'gone') return [];
      const stored = desk.grants.grant(grantId(id));
      const isOver = stored?.window.end !== undefined && stored.window.end <= lo;
      const isGrant = stored !== undefined && stored.revoked === undefined && !isOver;
      const isKey = isKeyId(id) && desk.grants.key(id) !== undefined;
      return isGrant || isKey ? [record] : [];
    });
    const missing = holding.filter(({ ref }) => !this.#seen.has(`${kind}\0${ref}`));
    return { missing, known: holding.length };
  }

  /** Every page was read: what is of these kinds and was not on any of them is gone. */
  complete(kinds: readonly string[], by: string, entries: readonly Entry[] = []): Promise<void> {
    return this.#sync.alone(async () => {
      const { desk } = this.#sync;
      const now = desk.clock.now();
      const changes: SyncChange[] = [...this.#sync.forgotten()];
      for (const [id, record] of this.#sync.records()) {
        if (record.state === 'gone') continue;
        if (!kinds.includes(record.kind) || this.#sync.isWrittenSince(id, this.#began)) continue;
        if (record.ref === undefined) {
          // The answer was lost, and the vendor has no such thing: it may be asked for again, or need not be taken back.
          if (record.state !== 'creating' && record.state !== 'to-revoke') continue;
          const next = record.state === 'creating' ? 'to-create' : 'gone';
          changes.push({ id, record: this.#sync.changed(record, next) });
          continue;
        }
        if (this.#seen.has(`${record.kind}\0${record.ref}`)) continue;
        changes.push(this.#absent(id, record));
      }
      const synced = { name: 'synced', value: now };
      await this.#sync.applyNow(changes, { by, cursors: [synced], entries });
    });
  }

  #absent(id: string, record: VendorRecord): SyncChange {
    const { desk } = this.#sync;
    const stored = desk.grants.grant(grantId(id));
    if (record.origin === 'mirror' && record.state === 'to-update') {
      // Ours, and changed since it was there, or on the way to being made anew: it is asked for as it is now.
      const { ref: _gone, seen: _seen, ...kept } = record;
      return { id, record: this.#sync.changed(kept, 'to-create') };
    }
    if (record.origin === 'mirror') {
      // Ours, and somebody took it away there. It is dead in both places until a person says otherwise.
      return {
        id,
        record: this.#sync.changed(record, 'cannot', { detail: REMOVED_THERE }),
      };
    }
    const isOver = stored?.window.end !== undefined && stored.window.end <= desk.stamp().clock.lo;
    const gone = this.#sync.changed(record, 'gone', {
      extra: { ...record.extra, goneAt: 'vendor' },
    });
    // Lists leave out what has ended; that is no revocation, and its window refuses anyway.
    if (stored !== undefined && isOver) return { id, record: gone };
    return { id, ...(stored === undefined ? {} : { revoke: true }), removeKey: true, record: gone };
  }

  #change(thing: SeenThing, entries: Entry[], adopted: Set<string>): SyncChange | undefined {
    const known = this.#sync.idOf(thing.kind, thing.ref) ?? this.#adoptable(thing, adopted);
    const id = known ?? thing.id;
    if (this.#sync.isWrittenSince(id, this.#began)) return undefined;
    const record = this.#sync.record(id);
    if (record === undefined) return this.#fresh(id, thing);
    const { desk } = this.#sync;
    const stored = desk.grants.grant(grantId(id));
    switch (record.state) {
      case 'creating':
        return this.#asRead(id, thing, this.#sync.changed(record, 'to-update', { ref: thing.ref }));
      case 'gone':
        if (record.extra?.['goneAt'] !== 'vendor') return undefined;
        return { ...this.#fresh(id, thing), revive: true };
      case 'to-revoke':
        // Taken back here before it was known under which id it had been made there.
        if (record.ref !== undefined) return undefined;
        return { id, record: this.#sync.changed(record, 'to-revoke', { ref: thing.ref }) };
      case 'to-create':
      case 'to-send':
        return undefined;
      case 'to-update':
        return this.#conflicting(id, thing, record, stored, entries);
      case 'in-step':
      case 'cannot':
        return this.#following(id, thing, record, stored);
      default:
        return record.state satisfies never;
    }
  }

  /** A create whose answer was lost: the thing has appeared there. */
  #adoptable(thing: SeenThing, adopted: Set<string>): string | undefined {
    const { fingerprints = [] } = thing;
    if (fingerprints.length === 0) return undefined;
    for (const [id, record] of this.#sync.records()) {
      const isLost = record.state === 'creating' || record.state === 'to-revoke';
      if (!isLost || record.ref !== undefined) continue;
      if (record.kind !== thing.kind || adopted.has(id)) continue;
      if (!fingerprints.some((each) => each === record.extra?.['fingerprint'])) continue;
      adopted.add(id);
      return id;
    }
    return undefined;
  }

  #fresh(id: string, thing: SeenThing): SyncChange {
    const base: VendorRecord = {
      kind: thing.kind,
      ref: thing.ref,
      origin: 'vendor',
      state: 'in-step',
      since: this.#sync.desk.clock.now(),
    };
    return this.#put(id, thing, base);
  }

  #following(
    id: string,
    thing: SeenThing,
    record: VendorRecord,
    stored: StoredGrant | undefined,
  ): SyncChange | undefined {
    if (record.origin === 'mirror') {
      if (stored === undefined || stored.revoked !== undefined) {
        return { id, record: this.#sync.changed(record, 'to-revoke') };
      }
      const isSame = record.seen === undefined || record.seen === thing.digest;
      // Lists that left it out have it again.
      const isBack = record.state === 'cannot' && record.detail === REMOVED_THERE;
      const state = isSame ? (isBack ? 'in-step' : record.state) : 'to-update';
      const kept = isBack ? undefined : record.detail;
      const detail = isSame ? kept : 'changed at the vendor; this site decides';
      const next = this.#sync.changed(record, state, {
        seen: thing.digest,
        ...(thing.extra === undefined ? {} : { extra: { ...record.extra, ...thing.extra } }),
        ...(detail === undefined ? {} : { detail }),
      });
      return { id, record: next };
    }
    // Revoked here by a person, while the vendor still has it: it stays dead, and the vendor is told.
    const isTheirs = record.extra?.['goneAt'] === 'vendor';
    if (stored?.revoked !== undefined && !isTheirs) {
      return { id, record: this.#sync.changed(record, 'to-revoke') };
    }
    if (record.seen === thing.digest) return undefined;
    return { ...this.#put(id, thing, record), ...(isTheirs ? { revive: true } : {}) };
  }

  /** Both sides changed it: what both allow holds, and the vendor is told that. */
  #conflicting(
    id: string,
    thing: SeenThing,
    record: VendorRecord,
    stored: StoredGrant | undefined,
    entries: Entry[],
  ): SyncChange | undefined {
    if (record.seen === undefined || record.seen === thing.digest) return undefined;
    const next = { ...record, seen: thing.digest };
    if (!('grant' in thing.wanted) || stored === undefined) return { id, record: next };
    const { vendor, desk } = this.#sync;
    const window = narrower(stored.grant.window, thing.wanted.grant.window, desk.about.zone);
    entries.push({
      type: 'grant.conflict',
      sub: stored.grant.holder,
      body: { grant: id, vendor, applied: window === undefined ? 'none' : 'narrower' },
    });
    const { rev: _rev, ...ours } = stored.grant;
    const grant: WantedGrant =
      window === undefined
        ? { ...ours, unsupported: [...(ours.unsupported ?? []), 'window'] }
        : { ...ours, window };
    return { id, grant, record: next };
  }

  /** A lost create that was found again: its code and id are theirs now, all else stays as it was asked for here. */
  #asRead(id: string, thing: SeenThing, record: VendorRecord): SyncChange {
    const stored = this.#sync.desk.grants.grant(grantId(id));
    // Of what is a record alone nothing was asked for beyond what they show.
    const isAlone = 'nothing' in thing.wanted && thing.fields !== undefined;
    const sealed = isAlone ? { sealed: this.#sync.seal(id, thing.fields) } : {};
    const next = { ...record, ...sealed, seen: thing.digest };
    if (record.origin === 'mirror' || stored === undefined || !('grant' in thing.wanted)) {
      return { id, record: next };
    }
    return { id, grant: joined(stored.grant, thing.wanted.grant), record: next };
  }

  #put(id: string, thing: SeenThing, record: VendorRecord): SyncChange {
    const { wanted } = thing;
    const cannot = 'cannot' in wanted ? wanted.cannot : undefined;
    const state = cannot === undefined ? 'in-step' : 'cannot';
    const next = this.#sync.changed(record, state, {
      seen: thing.digest,
      ...(cannot === undefined ? {} : { detail: cannot }),
      ...(thing.fields === undefined ? {} : { sealed: this.#sync.seal(id, thing.fields) }),
      extra: extraOf(record, thing, cannot !== undefined),
    });
    if ('grant' in wanted) {
      const stored = this.#sync.desk.grants.grant(grantId(id));
      const grant = { ...wanted.grant, id: grantId(id) };
      const isTheirs = (code: Credential) =>
        grant.credentials.some(({ index }) => index === code.index);
      const local =
        stored?.grant.credentials.filter(
          (each) => each.id.startsWith('local') && !isTheirs(each),
        ) ?? [];
      const credentials = [...local, ...grant.credentials];
      // Who was given it here goes by the same pseudonym, whatever the vendor calls them.
      const holder = record.origin === 'here' && stored ? stored.grant.holder : grant.holder;
      return { id, grant: { ...grant, holder, credentials }, record: next };
    }
    if ('key' in wanted) return { id, key: wanted.key, record: next };
    if (cannot === undefined) return { id, record: next };
    // What cannot be had any more must not go on opening.
    const isStored = this.#sync.desk.grants.grant(grantId(id)) !== undefined;
    return { id, ...(isStored ? { revoke: true } : {}), removeKey: true, record: next };
  }
}

function extraOf(record: VendorRecord, thing: SeenThing, isTakenBack: boolean): JsonObject {
  const { goneAt: _old, ...kept } = record.extra ?? {};
  return { ...kept, ...thing.extra, ...(isTakenBack ? { goneAt: 'vendor' } : {}) };
}

/** Codes given out here go on working beside the vendor's own. */
export function joined(ours: Grant, theirs: WantedGrant): WantedGrant {
  const { rev: _rev, ...kept } = ours;
  const own = ours.credentials.filter(
    (mine) => !theirs.credentials.some(({ id }) => id === mine.id),
  );
  return { ...kept, source: theirs.source, credentials: [...own, ...theirs.credentials] };
}
