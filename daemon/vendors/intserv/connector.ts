/**
 * IntServ, which has no list of keys: this site is the writer and IntServ the sink. A round tells it what was made,
 * changed and revoked here, asks how far each change has spread, and reads what happened at its doors.
 */
import type { Millis } from '../../../drivers/contract/time.ts';
import { answerIn } from '../answer.ts';
import { type Connector, type ConnectorStatus, Rounds, vendorTurned } from '../connector.ts';
import type { VendorLog } from '../desk.ts';
import { differencesOf, driftOf } from '../difference.ts';
import type { HttpClient } from '../http.ts';
import { Outward } from '../outward.ts';
import { RequestBudget } from '../request-budget.ts';
import type { SyncChange } from '../sync-change.ts';
import { VendorHost } from '../vendor-host.ts';
import { tellingFaults } from '../vendor-run.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { readEvents } from './event-reading.ts';
import { AccessKeyBook, KIND } from './key-book.ts';
import { KeyWatch } from './key-watch.ts';
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

export class IntservConnector implements Connector {
  readonly #parts: IntservParts;
  readonly #host: VendorHost;
  readonly #rounds: Rounds;
  readonly #outward: Outward;
  readonly #push: AccessKeyPush;
  readonly #watch: KeyWatch;

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
    this.#watch = new KeyWatch(sync, this.#push);
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
    await this.#watch.look(signal);
    await this.#compareLevels(signal);
    await readEvents(sync, this.#host, signal);
    const cursors = [{ name: 'synced', value: sync.desk.clock.now() }];
    await sync.apply(sync.forgotten(), { by: 'intserv', cursors });
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
    const { levels } = answerIn(reply.body, levelsSchema, '/accesslevels/list');
    const there = new Set(levels.map((level) => level?.id));
    const changes = Object.entries(places.levels).flatMap(([level, name]): SyncChange[] => {
      const id = `level:${level}`;
      // One that does not say which it is may be this one.
      if (!there.has(level) && there.has(undefined)) return [];
      const detail = `IntServ has no access level for ${name}`;
      const since = sync.record(id)?.since ?? sync.desk.clock.now();
      const record = { kind: 'level', origin: 'vendor', state: 'cannot', detail, since } as const;
      return [{ id, record: there.has(level) ? null : record }];
    });
    await sync.apply(changes, { by: 'intserv' });
  }
}
