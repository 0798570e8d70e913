/**
 * Seam, both ways. A round takes back there what was revoked here, asks for events since the last, lists all grants and
 * codes, fetches again what is new, changed, named by an event or still being programmed, and then tells what was made
 * and changed here. Events only say where to look: what is true is read.
 */
import type { Millis } from '../../../drivers/contract/time.ts';
import { type Connector, type ConnectorStatus, Rounds, vendorTurned } from '../connector.ts';
import type { VendorLog } from '../desk.ts';
import { type Difference, differencesOf, driftOf } from '../difference.ts';
import type { HttpClient } from '../http.ts';
import { isAnswered, MassAbsence } from '../mass-absence.ts';
import { Outward } from '../outward.ts';
import { Reading } from '../reading.ts';
import { RequestBudget } from '../request-budget.ts';
import { VendorHost } from '../vendor-host.ts';
import { tellingFaults } from '../vendor-run.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { AttemptReader } from './attempt-reader.ts';
import { SeamClient, typeIn } from './client.ts';
import { CloudReader } from './cloud-reader.ts';
import { codePrint } from './code-print.ts';
import { DeviceBudgets } from './device-budgets.ts';
import { deviceDifferences, readDevices } from './device-reader.ts';
import { KINDS } from './dialect-parts.ts';
import { EventReader } from './event-reader.ts';
import type { SeamPlaces } from './places.ts';
import { refOf } from './places.ts';
import { CodePush, GrantPush } from './push.ts';
import { accessCodeSchema, accessGrantSchema, CALLS_PER_MINUTE, type SeamEvent } from './wire.ts';

export interface SeamConnectorParts {
  readonly sync: VendorSync;
  readonly http: HttpClient;
  readonly baseUrl: string;
  /** Asked for at each call. */
  readonly apiKey: () => string;
  readonly poll: Millis;
  readonly places: SeamPlaces;
  readonly log: VendorLog;
}

/** What a 429 without `Retry-After` costs. */
const PENALTY_MS = 15_000;
export class SeamConnector implements Connector {
  readonly #parts: SeamConnectorParts;
  readonly #client: SeamClient;
  readonly #rounds: Rounds;
  readonly #grants: Outward;
  readonly #codes: Outward;
  readonly #events: EventReader;
  readonly #attempts: AttemptReader;
  readonly #reader: CloudReader;
  readonly #absence: MassAbsence;

  constructor(parts: SeamConnectorParts) {
    this.#parts = parts;
    const { sync, http, baseUrl, apiKey, places, poll, log } = parts;
    const { clock, random } = sync.desk;
    this.#client = new SeamClient(
      new VendorHost({
        http,
        clock,
        random,
        baseUrl,
        authorization: () => `Bearer ${apiKey()}`,
        budget: new RequestBudget(clock, CALLS_PER_MINUTE),
        penalty: PENALTY_MS,
        wordOf: ({ body }) => typeIn(body),
      }),
    );
    this.#events = new EventReader(sync, this.#client);
    this.#attempts = new AttemptReader(sync, this.#client);
    const wake = () => this.wake();
    const broken = tellingFaults('seam', sync.desk, log);
    this.#reader = new CloudReader(sync, this.#client, places, broken);
    const budgets = new DeviceBudgets(clock);
    const push = new GrantPush({ sync, client: this.#client, places, budgets });
    this.#grants = new Outward({
      sync,
      kind: KINDS.grant,
      wants: ({ targets }) => targets.some((target) => refOf(places, target) !== undefined),
      create: (task, signal) => push.create(task, signal),
      update: (task, signal) => push.update(task, signal),
      revoke: (task, signal) => push.revoke(task, signal),
      isIdempotent: true,
      wake,
      broken,
    });
    const codePush = new CodePush({ sync, client: this.#client, places, budgets });
    this.#codes = new Outward({
      sync,
      kind: KINDS.code,
      wants: () => false,
      fingerprint: ({ id, record }) => codePrint(sync.fields(id, record)),
      create: (task, signal) => codePush.create(task, signal),
      update: (task, signal) => codePush.update(task, signal),
      revoke: (task, signal) => codePush.revoke(task, signal),
      wake,
      broken,
    });
    this.#absence = new MassAbsence({
      sync,
      isShown: (kind, ref, signal) => this.#isShown(kind, ref, signal),
    });
    this.#rounds = new Rounds({
      clock,
      random,
      poll,
      log: (event, fields) => log(event, { vendor: 'seam', ...fields }),
      round: (signal) => this.#round(signal),
      changed: vendorTurned(sync, log),
      broken,
    });
  }

  get status(): ConnectorStatus {
    const { syncedAt } = this.#parts.sync;
    return {
      vendor: 'seam',
      online: this.#rounds.online,
      ...(syncedAt === undefined ? {} : { syncedAt }),
      detail: this.#rounds.detail,
      drift: driftOf(this.differences()),
      pending: this.#grants.pending,
    };
  }

  differences(): readonly Difference[] {
    return [...differencesOf(this.#parts.sync), ...deviceDifferences(this.#parts.sync)];
  }

  wake(): void {
    this.#rounds.wake();
  }

  /** An event came by webhook. */
  hear(event: SeamEvent): void {
    this.#events.touch(event);
    this.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#grants.follow(signal);
    this.#codes.follow(signal);
    await this.#rounds.run(signal);
  }

  async #isShown(kind: string, ref: string, signal: AbortSignal): Promise<boolean> {
    const client = this.#client;
    if (kind === KINDS.grant) {
      const path = '/access_grants/get';
      const asked = { access_grant_id: ref };
      const grant = client.one(path, asked, 'access_grant', accessGrantSchema, signal);
      return isAnswered(
        grant.then(({ access_grant_id }) => access_grant_id),
        ref,
      );
    }
    if (kind !== KINDS.code) return false;
    const asked = { access_code_id: ref };
    const code = client.one('/access_codes/get', asked, 'access_code', accessCodeSchema, signal);
    return isAnswered(
      code.then(({ access_code_id }) => access_code_id),
      ref,
    );
  }

  /** @throws VendorError */
  async #round(signal: AbortSignal): Promise<void> {
    const { sync, places } = this.#parts;
    await sync.recover();
    await this.#grants.run(signal, ['to-revoke']);
    await this.#codes.run(signal, ['to-revoke']);
    const cursor = await this.#events.read(signal);
    const touched = new Set(this.#events.touched);
    const isAll = this.#events.mustReadAll;
    const isDue = (id: string) => isAll || touched.has(id);
    await this.#attempts.read(signal);
    if (Object.keys(places.devices).some(isDue))
      await readDevices(sync, this.#client, places, signal);
    const reading = new Reading(sync);
    const kinds = await this.#reader.read(reading, isDue, signal);
    // What moved up a page while the next was fetched was on neither; so nothing is gone by one look alone.
    if (reading.isMissing(kinds)) await this.#reader.read(reading, isDue, signal);
    const again = () => this.#reader.read(reading, isDue, signal);
    const told = await this.#absence.confirmed(reading, kinds, again, signal);
    if (signal.aborted) return;
    await reading.complete(kinds, 'seam', told);
    await this.#events.done(cursor, touched, isAll);
    await this.#grants.run(signal);
    await this.#codes.run(signal);
  }
}
