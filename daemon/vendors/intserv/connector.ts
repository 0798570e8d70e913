/**
 * IntServ, which has no list of keys: this site is the writer and IntServ the sink. A round tells it what was made,
 * changed and revoked here, asks how far each change has spread, and reads what happened at its doors.
 */
import type { Millis } from '../../../drivers/contract/time.ts';
import { grantId } from '../../access/model.ts';
import { answerIn } from '../answer.ts';
import { type Connector, type ConnectorStatus, Rounds, vendorTurned } from '../connector.ts';
import type { VendorLog } from '../desk.ts';
import { differencesOf, driftOf } from '../difference.ts';
import { type HttpClient, VendorError } from '../http.ts';
import { Outward } from '../outward.ts';
import { RequestBudget } from '../request-budget.ts';
import type { SyncChange } from '../sync-change.ts';
import { VendorHost } from '../vendor-host.ts';
import type { VendorRecord } from '../vendor-record.ts';
import { tellingFaults } from '../vendor-run.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { readEvents } from './event-reading.ts';
import { AccessKeyBook, KIND } from './key-book.ts';
import type { IntservPlaces } from './mapping.ts';
import { AccessKeyPush } from './push.ts';
import { levelsSchema } from './wire.ts';

export interface IntservParts {
  readonly sync: VendorSync;
  readonly http: HttpClient;
  readonly baseUrl: string;
  /** The Integration API key, asked for at each call: a new one revokes the old at once. */
  readonly apiKey: () => string;
  readonly poll: Millis;
  readonly places: IntservPlaces;
  readonly log: VendorLog;
}

/** No limit is stated; this one is ours, so that a fault here is no flood there. */
const PER_MINUTE = 120;
const PENALTY_MS = 60_000;
/** Settled keys that are asked for in one round. */
const ASKED_A_ROUND = 20;
/** So many keys are not removed at once by hand. */
const MASS = 5;

export class IntservConnector implements Connector {
  readonly #parts: IntservParts;
  readonly #host: VendorHost;
  readonly #rounds: Rounds;
  readonly #outward: Outward;
  readonly #push: AccessKeyPush;
  #askedLast = '';
  #missing: ReadonlySet<string> = new Set();

  constructor(parts: IntservParts) {
    this.#parts = parts;
    const { sync, http, baseUrl, apiKey, poll, places, log } = parts;
    const { clock, random } = sync.desk;
    const broken = tellingFaults('intserv', sync.desk, log);
    this.#host = new VendorHost({
      http,
      clock,
      random,
      baseUrl,
      authorization: () => `Bearer ${apiKey()}`,
      budget: new RequestBudget(clock, PER_MINUTE),
      penalty: PENALTY_MS,
    });
    this.#push = new AccessKeyPush({
      sync,
      host: this.#host,
      places,
      book: new AccessKeyBook({ sync, places }),
    });
    const names = new Set(Object.values(places.levels));
    this.#outward = new Outward({
      sync,
      kind: KIND,
      wants: ({ targets }) =>
        targets.some(({ kind, id }) => kind === 'access_level' && names.has(id)),
      isIdempotent: true,
      create: (task, signal) => this.#push.add(task, signal),
      update: (task, signal) => this.#push.add(task, signal),
      revoke: (task, signal) => this.#push.revoke(task, signal),
      wake: () => this.wake(),
      broken,
    });
    this.#rounds = new Rounds({
      clock,
      random,
      poll,
      log: (event, fields) => log(event, { vendor: 'intserv', ...fields }),
      round: (signal) => this.#round(signal),
      changed: vendorTurned(sync, log),
      broken,
    });
  }

  get status(): ConnectorStatus {
    const { sync } = this.#parts;
    const { syncedAt } = sync;
    return {
      vendor: 'intserv',
      online: this.#rounds.online,
      ...(syncedAt === undefined ? {} : { syncedAt }),
      detail: this.#rounds.detail,
      drift: driftOf(differencesOf(sync)),
      pending: this.#outward.pending,
    };
  }

  wake(): void {
    this.#rounds.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#outward.follow(signal);
    await this.#rounds.run(signal);
  }

  /** @throws VendorError */
  async #round(signal: AbortSignal): Promise<void> {
    await this.#parts.sync.recover();
    const { sync } = this.#parts;
    await this.#outward.run(signal);
    await this.#askStatus(signal);
    await this.#compareLevels(signal);
    await readEvents(sync, this.#host, signal);
    const cursors = [{ name: 'synced', value: sync.desk.clock.now() }];
    await sync.apply([], { by: 'intserv', cursors });
  }

  /**
   * `Pending` until every system has it; a failure stays visible until the next change. There is no list of keys, so
   * some of those that are settled are asked for too, in turn: one that is not known there any more was removed there.
   */
  async #askStatus(signal: AbortSignal): Promise<void> {
    const { sync } = this.#parts;
    const all = [...sync.records()].filter(
      ([, { kind, ref, state }]) => kind === KIND && ref !== undefined && state === 'in-step',
    );
    const isSettled = ({ places = [] }: VendorRecord) =>
      places.every((place) => place.state === 'active');
    const settled = all.filter(([, record]) => isSettled(record)).map(([id]) => id);
    const turn = settled.filter((id) => id > this.#askedLast).slice(0, ASKED_A_ROUND);
    this.#askedLast = turn.length < ASKED_A_ROUND ? '' : (turn.at(-1) ?? '');
    const due = all.filter(([id, record]) => !isSettled(record) || turn.includes(id));
    const missing: string[] = [];
    let answered = 0;
    for (const [id, { ref = '' }] of due) {
      if (signal.aborted) return;
      const moment = sync.moment;
      const next = await this.#placesOf(ref, signal);
      if (next === 'not-told') continue;
      answered += 1;
      if (next === undefined) {
        missing.push(id);
        continue;
      }
      await sync.alone(async () => {
        const record = sync.record(id);
        if (record === undefined || sync.isWrittenSince(id, moment)) return;
        await sync.applyNow([{ id, record: { ...record, places: [...next] } }], { by: 'intserv' });
      });
    }
    await this.#note(missing, answered);
  }

  /** What one key comes to must not keep the others, nor the events, from being read. @throws VendorError */
  async #placesOf(ref: string, signal: AbortSignal) {
    try {
      return await this.#push.placesIfKnown(ref, signal);
    } catch (error) {
      const isOfThisOne =
        error instanceof VendorError && (error.code === 'malformed' || error.code === 'server');
      if (!isOfThisOne) throw error;
      return 'not-told' as const;
    }
  }

  /** Missing twice in a row is removed; where many are missing and none is there, it is the integration that changed. */
  async #note(missing: readonly string[], asked: number): Promise<void> {
    const { sync } = this.#parts;
    const before = this.#missing;
    this.#missing = new Set(missing);
    if (missing.length === asked && asked >= MASS) return;
    await sync.alone(async () => {
      const changes = missing.flatMap((id): SyncChange[] => {
        const record = sync.record(id);
        if (!before.has(id) || record?.state !== 'in-step') return [];
        const stored = sync.desk.grants.grant(grantId(id));
        return [{ id, ...this.#push.removedThere({ record, stored }) }];
      });
      await sync.applyNow(changes, { by: 'intserv' });
    });
  }

  /** Levels of the config that IntServ has no more: what is given through them arrives nowhere there. */
  async #compareLevels(signal: AbortSignal): Promise<void> {
    const { sync, places } = this.#parts;
    const reply = await this.#host.call({
      method: 'POST',
      path: '/accesslevels/list',
      body: {},
      signal,
    });
    const there = new Set(
      answerIn(reply.body, levelsSchema, '/accesslevels/list').levels.map(({ id }) => id),
    );
    const changes = Object.entries(places.levels).map(([level, name]): SyncChange => {
      const id = `level:${level}`;
      const detail = `IntServ has no access level for ${name}`;
      const since = sync.record(id)?.since ?? sync.desk.clock.now();
      const record = { kind: 'level', origin: 'vendor', state: 'cannot', detail, since } as const;
      return { id, record: there.has(level) ? null : record };
    });
    await sync.apply(changes, { by: 'intserv' });
  }
}
