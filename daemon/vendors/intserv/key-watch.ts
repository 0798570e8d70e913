/**
 * How far each change has spread, and whether the keys are there at all: IntServ has no list of them, so those that are
 * settled are asked for too, in turn. One that is unknown twice in a row was removed there. Where many are unknown and
 * none is known it may as well be IntServ that is at fault: that is doubted, with an alarm and for a bounded time. Then
 * the revocation wins (P6); what was taken back so and is known there again holds again.
 */
import { grantId } from '../../access/model.ts';
import { Doubt } from '../doubt.ts';
import { VendorError } from '../http.ts';
import { massEntry } from '../mass-absence.ts';
import type { SyncChange } from '../sync-change.ts';
import type { PlaceState, VendorRecord } from '../vendor-record.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { KIND } from './key-book.ts';
import type { AccessKeyPush } from './push.ts';

/** Settled keys that are asked for in one round; as many again that were unknown in the last. */
const ASKED_A_ROUND = 20;
/** So many keys are not removed at once by hand. */
const MASS = 5;

export class KeyWatch {
  readonly #sync: VendorSync;
  readonly #push: AccessKeyPush;
  readonly #doubt: Doubt;
  #askedLast = '';
  #missing: ReadonlySet<string> = new Set();

  constructor(sync: VendorSync, push: AccessKeyPush) {
    this.#sync = sync;
    this.#push = push;
    this.#doubt = new Doubt(sync);
  }

  /** @throws VendorError */
  async look(signal: AbortSignal): Promise<void> {
    const missing: string[] = [];
    let known = 0;
    for (const [id, { ref = '' }] of this.#due()) {
      if (signal.aborted) return;
      const moment = this.#sync.moment;
      const places = await this.#placesOf(ref, signal);
      if (places === 'not-told') continue;
      if (places === undefined) {
        missing.push(id);
        continue;
      }
      known += 1;
      await this.#known(id, places, moment);
    }
    await this.#note(missing, known);
  }

  /** What is not settled, some of the rest in turn, and those that were unknown in the last round. */
  #due(): readonly (readonly [string, VendorRecord])[] {
    const all = [...this.#sync.records()].filter(([id, record]) => this.#isAsked(id, record));
    const settled = all
      .filter(([, record]) => isSettled(record))
      .map(([id]) => id)
      .sort();
    const next = settled.filter((id) => id > this.#askedLast).slice(0, ASKED_A_ROUND);
    this.#askedLast = next.length < ASKED_A_ROUND ? '' : (next.at(-1) ?? '');
    const again = settled.filter((id) => this.#missing.has(id)).slice(0, ASKED_A_ROUND);
    const turn = new Set([...again, ...next]);
    return all.filter(([id, record]) => !isSettled(record) || turn.has(id));
  }

  #isAsked(id: string, record: VendorRecord): boolean {
    const { kind, ref, state } = record;
    if (kind !== KIND || ref === undefined) return false;
    return state === 'in-step' || (isTakenThere(record) && this.#sync.idOf(KIND, ref) === id);
  }

  /** What one key comes to must not keep the others, nor the events, from being read. @throws VendorError */
  async #placesOf(ref: string, signal: AbortSignal) {
    try {
      return await this.#push.placesIfKnown(ref, signal);
    } catch (error) {
      const isOfThisOne =
        error instanceof VendorError && ['malformed', 'server', 'refused'].includes(error.code);
      if (!isOfThisOne) throw error;
      return 'not-told' as const;
    }
  }

  async #known(id: string, places: readonly PlaceState[], moment: number): Promise<void> {
    const sync = this.#sync;
    await sync.alone(async () => {
      const record = sync.record(id);
      if (record === undefined || sync.isWrittenSince(id, moment)) return;
      const change = isTakenThere(record)
        ? this.#back(id, record)
        : { id, record: { ...record, places: [...places] } };
      await sync.applyNow(change === undefined ? [] : [change], { by: 'intserv' });
    });
  }

  /** As it was here, and IntServ is told that. */
  #back(id: string, record: VendorRecord): SyncChange | undefined {
    const { grants } = this.#sync.desk;
    const stored = grants.grant(grantId(id));
    if (stored === undefined) return undefined;
    const { rev: _rev, ...grant } = stored.grant;
    const { goneAt: _gone, ...extra } = record.extra ?? {};
    return { id, grant, revive: true, record: this.#sync.changed(record, 'to-update', { extra }) };
  }

  async #note(missing: readonly string[], known: number): Promise<void> {
    const sync = this.#sync;
    const before = this.#missing;
    const isMass = known === 0 && missing.length >= MASS;
    this.#missing = new Set(missing);
    if (isMass && !this.#doubt.isOver) {
      await this.#doubt.begin(massEntry(sync, 'mass-absence', missing.length));
      return;
    }
    if (known > 0) await this.#doubt.end();
    await sync.alone(async () => {
      const changes = missing.flatMap((id): SyncChange[] => {
        const record = sync.record(id);
        if (!before.has(id) || record?.state !== 'in-step') return [];
        const stored = sync.desk.grants.grant(grantId(id));
        return [{ id, ...this.#push.removedThere({ record, stored }) }];
      });
      const isTold = isMass && changes.length > 0;
      const entries = isTold ? [massEntry(sync, 'mass-revoked', changes.length)] : [];
      await sync.applyNow(changes, { by: 'intserv', entries });
    });
  }
}

function isSettled({ state, places = [] }: VendorRecord): boolean {
  return state === 'gone' || places.every((place) => place.state === 'active');
}

function isTakenThere({ state, extra }: VendorRecord): boolean {
  return state === 'gone' && extra?.['goneAt'] === 'vendor';
}
