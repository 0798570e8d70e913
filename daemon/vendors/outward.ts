/**
 * What is to be done at a vendor because of what was done here: grants made by its dialect, grants of other sources
 * whose target is the vendor's, and revocations. Follows the journal, and looks at everything once at start.
 */
import { textIn } from '../access/body.ts';
import type { Entry, RecordedEntry } from '../access/entry.ts';
import type { StoredGrant } from '../access/lookup.ts';
import { type Grant, type GrantId, grantId } from '../access/model.ts';
import { StorageError } from '../store/ports.ts';
import { isUndone, VendorError } from './http.ts';
import type { SyncChange } from './sync-change.ts';
import type { VendorRecord } from './vendor-record.ts';
import { FAULT_DETAIL } from './vendor-run.ts';
import { pages, type VendorSync } from './vendor-sync.ts';

export interface Task {
  readonly id: string;
  readonly record: VendorRecord;
  /** Missing for what is no grant, and for a grant that is gone from the store. */
  readonly stored: StoredGrant | undefined;
}

/** What an act came to; the record that is to be kept, with what else changed. */
export interface Settled extends Omit<SyncChange, 'id' | 'record'> {
  readonly record: VendorRecord | null;
}

export interface OutwardParts {
  readonly sync: VendorSync;
  /** A grant of another source that this vendor must know too. */
  readonly wants: (grant: Grant) => boolean;
  /** The vendor's word for a grant. */
  readonly kind: string;
  /** By what a create whose answer is lost is known again. `undefined`: never asked for twice unless it was refused. */
  readonly fingerprint?: (task: Task) => string | undefined;
  create(task: Task, signal: AbortSignal): Promise<Settled>;
  update(task: Task, signal: AbortSignal): Promise<Settled>;
  revoke(task: Task, signal: AbortSignal): Promise<Settled>;
  /** The vendor keeps one thing for one request key, so that a lost create may simply be asked again. */
  readonly isIdempotent?: boolean;
  readonly wake: () => void;
  /** A fault of ours over one of them, told at its first try: the others are told to the vendor all the same. */
  readonly broken: (error: unknown) => void;
}

const STATES = ['to-revoke', 'to-update', 'to-create', 'creating'] as const;
export type OutwardState = (typeof STATES)[number];
const TRIES_MOST = 8;

/** Of a vendor that is away; beyond so many, all grants are looked at once it is back. */
const CHANGED_MOST = 10_000;

export class Outward {
  readonly #parts: OutwardParts;
  readonly #changed = new Set<string>();
  #mustScan = true;

  constructor(parts: OutwardParts) {
    this.#parts = parts;
  }

  /** Until the signal. */
  follow(signal: AbortSignal): void {
    const stop = this.#parts.sync.desk.journal.follow((entries) => {
      for (const entry of entries) this.#hear(entry);
    });
    signal.addEventListener('abort', stop, { once: true });
  }

  /** Records waiting for the vendor. */
  get pending(): number {
    let count = 0;
    for (const [, { state }] of this.#parts.sync.records()) {
      if (state.startsWith('to-') || state === 'creating') count += 1;
    }
    return count;
  }

  /** Marks what is to be done, then does it, revocations first. @throws VendorError for what stops all of it */
  async run(signal: AbortSignal, states: readonly OutwardState[] = STATES): Promise<void> {
    await this.#mark();
    for (const state of states) {
      const due = [...this.#parts.sync.records()].filter(([, each]) => each.state === state);
      for (const [id] of due) {
        if (signal.aborted) return;
        await this.#act(id, signal);
      }
    }
  }

  #hear(entry: RecordedEntry): void {
    const { type, body } = entry;
    if (type === 'grant.put' || type === 'grant.revoked') {
      const id = textIn(body, 'grant');
      if (id === undefined) return;
      this.#changed.add(id);
      if (this.#changed.size > CHANGED_MOST) {
        this.#changed.clear();
        this.#mustScan = true;
      }
    } else if (type === 'grant.delta_applied' || type === 'grant.snapshot_applied') {
      this.#mustScan = true;
    } else {
      return;
    }
    if (textIn(body, 'source') !== this.#parts.sync.vendor) this.#parts.wake();
  }

  async #mark(): Promise<void> {
    const { sync, wants, kind } = this.#parts;
    const isAll = this.#mustScan;
    const ids = new Set(this.#changed);
    this.#mustScan = false;
    this.#changed.clear();
    if (isAll) {
      // Records of other kinds have ids that may be no grant's.
      for (const [id, record] of sync.records()) if (record.kind === kind) ids.add(id);
      for (const { grant } of pages(sync.desk.grants, {})) {
        if (grant.source.vendor !== sync.vendor && wants(grant)) ids.add(grant.id);
      }
    }
    if (ids.size === 0) return;
    await sync.alone(async () => {
      const changes = [...ids].flatMap((id) => this.#marked(grantId(id)) ?? []);
      await sync.applyNow(changes, { by: 'site' });
    });
  }

  #marked(id: GrantId): SyncChange | undefined {
    const { sync, wants, kind } = this.#parts;
    const record = sync.record(id);
    const stored = sync.desk.grants.grant(id);
    const isDead = stored === undefined || stored.revoked !== undefined;
    if (record === undefined) {
      if (isDead || stored.grant.source.vendor === sync.vendor || !wants(stored.grant)) {
        return undefined;
      }
      const since = sync.desk.clock.now();
      return { id, record: { kind, origin: 'mirror', state: 'to-create', since } };
    }
    if (record.kind !== kind || record.state === 'gone' || record.state === 'to-revoke') {
      return undefined;
    }
    if (record.extra?.['goneAt'] === 'vendor') return undefined;
    const isUnwanted = record.origin === 'mirror' && !isDead && !wants(stored.grant);
    if (isDead || isUnwanted) {
      // Never told, so there is nothing to take back; a lost create must first be found.
      const state = record.ref === undefined && record.state === 'to-create' ? 'gone' : 'to-revoke';
      return stored === undefined && record.origin !== 'mirror'
        ? undefined
        : { id, record: sync.changed(record, state) };
    }
    if (record.origin !== 'mirror' || record.sent === sentOf(stored)) return undefined;
    if (record.ref !== undefined) return { id, record: sync.changed(record, 'to-update') };
    // It could not be had there as it was; it is another one now.
    return record.state === 'cannot'
      ? { id, record: sync.changed(record, 'to-create') }
      : undefined;
  }

  async #act(id: string, signal: AbortSignal): Promise<void> {
    const { sync, kind } = this.#parts;
    if (sync.record(id)?.kind !== kind) return;
    try {
      if (sync.record(id)?.state === 'to-create') await this.#announce(id);
      else if (sync.record(id)?.state === 'creating' && this.#parts.isIdempotent !== true) return;
      // What is told to the vendor is what is here at this moment.
      const record = sync.record(id);
      if (record === undefined) return;
      const stored = sync.desk.grants.grant(grantId(id));
      const moment = sync.moment;
      const settled = await this.#call({ id, record, stored }, signal);
      if (settled === undefined) return;
      await sync.alone(() => {
        const isOvertaken = sync.isWrittenSince(id, moment) || this.#isDeadSince(id, stored);
        const change = isOvertaken ? this.#overtaken(id, settled) : settled;
        return sync.applyNow([{ id, ...change }], { by: sync.vendor });
      });
    } catch (error) {
      if (error instanceof StorageError) throw error;
      if (error instanceof VendorError) return this.#failed(id, error);
      if ((sync.record(id)?.tries ?? 0) === 0) this.#parts.broken(error);
      await this.#failed(id, new VendorError('malformed', FAULT_DETAIL, { cause: error }));
    }
  }

  /** Written down before it is asked for, so that after a cut nobody asks for it a second time. */
  async #announce(id: string): Promise<void> {
    const { sync, fingerprint } = this.#parts;
    await sync.alone(async () => {
      const record = sync.record(id);
      if (record?.state !== 'to-create') return;
      const stored = sync.desk.grants.grant(grantId(id));
      const print = fingerprint?.({ id, record, stored });
      const extra = { ...record.extra, ...(print === undefined ? {} : { fingerprint: print }) };
      const next = sync.changed(record, 'creating', { extra });
      await sync.applyNow([{ id, record: next }], { by: sync.vendor });
    });
  }

  /** Grants of other sources are written past this vendor's sync. */
  #isDeadSince(id: string, before: StoredGrant | undefined): boolean {
    const after = this.#parts.sync.desk.grants.grant(grantId(id));
    return (
      before !== undefined && (after?.revoked !== undefined) !== (before.revoked !== undefined)
    );
  }

  async #call(task: Task, signal: AbortSignal): Promise<Settled | undefined> {
    const { create, update, revoke } = this.#parts;
    switch (task.record.state) {
      case 'creating':
        return create(task, signal);
      case 'to-update':
        return update(task, signal);
      case 'to-revoke':
        return revoke(task, signal);
      default:
        return undefined;
    }
  }

  /** It was changed here while the vendor was told of what it had been before: the vendor is to be told again. */
  #overtaken(id: string, settled: Settled): Pick<SyncChange, 'record'> {
    const { sync } = this.#parts;
    const now = sync.record(id);
    if (now === undefined || settled.record === null) return { record: settled.record };
    const { ref, seen, sent } = settled.record;
    // It may have been taken away there, to be made anew.
    const { ref: _before, ...kept } = now;
    const told = {
      ...(ref === undefined ? {} : { ref }),
      ...(seen === undefined ? {} : { seen }),
      ...(sent === undefined ? {} : { sent }),
    };
    const stored = sync.desk.grants.grant(grantId(id));
    const isDead = stored?.revoked !== undefined || now.state === 'to-revoke';
    return { record: sync.changed(kept, isDead ? 'to-revoke' : 'to-update', told) };
  }

  async #failed(id: string, error: VendorError): Promise<void> {
    const { sync } = this.#parts;
    const record = sync.record(id);
    const stored = sync.desk.grants.grant(grantId(id));
    if (record === undefined) return;
    if (error.code === 'not-found' && record.state === 'to-revoke') {
      return sync.apply([{ id, record: sync.changed(record, 'gone') }], { by: sync.vendor });
    }
    const isFinal = ['refused', 'not-found', 'malformed'].includes(error.code);
    // A server that breaks over this one must not keep the others, nor what is read, from coming through; where it
    // breaks over all of them, the breaker says so.
    const isOfThisOne = isFinal || error.code === 'server';
    const tries = (record.tries ?? 0) + (isOfThisOne ? 1 : 0);
    // An answer that nobody understands may well mean that it was made: the next reading finds it, or does not.
    const isUnmade = isUndone(error) || (isFinal && error.code !== 'malformed');
    const back = record.state === 'creating' && isUnmade ? 'to-create' : record.state;
    // A revocation is never given up.
    const isGivenUp = isFinal && record.state !== 'to-revoke' && tries >= TRIES_MOST;
    const next = sync.changed(record, isGivenUp ? 'cannot' : back, {
      tries,
      detail: error.message,
      // Tried again once it is another one.
      ...(isGivenUp && record.ref === undefined ? { sent: sentOf(stored) } : {}),
    });
    const isStuck = isOfThisOne && record.state === 'to-revoke' && tries === TRIES_MOST;
    const body = {
      vendor: sync.vendor,
      what: 'not-revoked',
      id,
      detail: error.message,
      alarm: true,
    };
    const entries: Entry[] = isStuck ? [{ type: 'grant.vendor_drift', body }] : [];
    await sync.apply([{ id, record: next }], { by: sync.vendor, entries });
    if (!isOfThisOne) throw error;
  }
}

/** What of a grant the vendor was told last: its revision. */
export function sentOf(stored: StoredGrant | undefined): string {
  return stored === undefined ? '' : `rev:${stored.grant.rev}`;
}
