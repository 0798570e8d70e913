/**
 * Seam, both ways. A round takes back there what was revoked here, asks for events since the last, lists all grants and
 * codes, fetches again what is new, changed, named by an event or still being programmed, and then tells what was made
 * and changed here. Events only say where to look: what is true is read.
 */
import { z } from 'zod';
import type { Millis } from '../../../drivers/contract/time.ts';
import { grantId } from '../../access/model.ts';
import { type Connector, type ConnectorStatus, Rounds, vendorTurned } from '../connector.ts';
import type { VendorLog } from '../desk.ts';
import { type Difference, differencesOf, driftOf } from '../difference.ts';
import { type HttpClient, VendorError } from '../http.ts';
import { Outward } from '../outward.ts';
import { Reading, type SeenThing } from '../reading.ts';
import { RequestBudget } from '../request-budget.ts';
import { VendorHost } from '../vendor-host.ts';
import { digestOf, type PlaceState, type VendorRecord } from '../vendor-record.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { AttemptReader } from './attempt-reader.ts';
import { SeamClient, typeIn } from './client.ts';
import { DeviceBudgets } from './device-budgets.ts';
import { deviceDifferences, readDevices } from './device-reader.ts';
import { idHere, KINDS } from './dialect-parts.ts';
import { EventReader } from './event-reader.ts';
import { codeFields, grantFields } from './fields.ts';
import { codeThing, DEVICE_CODE, grantThings, mirrorDigest, placeStates } from './mapping.ts';
import type { SeamPlaces } from './places.ts';
import { refOf } from './places.ts';
import { CodePush, GrantPush } from './push.ts';
import { withoutOverridden } from './reservation.ts';
import { asMadeHere } from './vendor-fields.ts';
import {
  type AccessGrant,
  accessCodeSchema,
  accessGrantSchema,
  accessMethodSchema,
  CALLS_PER_MINUTE,
  type SeamEvent,
  type UserIdentity,
  userIdentitySchema,
} from './wire.ts';

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
  /** Of the grants of one page. */
  readonly #states = new Map<string, readonly PlaceState[]>();

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
    });
    this.#rounds = new Rounds({
      clock,
      random,
      poll,
      log: (event, fields) => log(event, { vendor: 'seam', ...fields }),
      round: (signal) => this.#round(signal),
      changed: vendorTurned(sync, log),
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
    await this.#parts.sync.recover();
    this.#grants.follow(signal);
    this.#codes.follow(signal);
    await this.#rounds.run(signal);
  }

  /** @throws VendorError */
  async #round(signal: AbortSignal): Promise<void> {
    const { sync, places } = this.#parts;
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
    const kinds = await this.#read(reading, isDue, signal);
    // What moved up a page while the next was fetched was on neither; so nothing is gone by one look alone.
    if (reading.isMissing(kinds)) await this.#read(reading, isDue, signal);
    if (signal.aborted) return;
    await reading.complete(kinds, 'seam');
    await this.#events.done(cursor, touched, isAll);
    await this.#grants.run(signal);
    await this.#codes.run(signal);
  }

  /** Answers the kinds of which all were read. */
  async #read(
    reading: Reading,
    isDue: (id: string) => boolean,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const ofGrants = new Set<string>();
    const kinds: string[] = [KINDS.code];
    try {
      await this.#readGrants(reading, isDue, ofGrants, signal);
      kinds.push(KINDS.grant, DEVICE_CODE);
    } catch (error) {
      // A workspace (or a fake) without access grants: what has none takes none away.
      if (!(error instanceof VendorError && error.code === 'not-found')) throw error;
    }
    const { sync, places } = this.#parts;
    for (const device_id of Object.keys(places.devices)) {
      const asked = { device_id };
      const pages = this.#client.pages(
        '/access_codes/list',
        asked,
        'access_codes',
        accessCodeSchema,
        signal,
      );
      for await (const codes of pages) {
        const own = codes.filter(({ access_code_id }) => !ofGrants.has(access_code_id));
        const things = own.map((code): SeenThing => {
          const id = sync.idOf(KINDS.code, code.access_code_id) ?? idHere(code.access_code_id);
          const print = codePrint(code);
          // What was accepted just now is told by its attempt.
          const isAsked = sync.record(id)?.extra?.['attempt'] !== undefined;
          if (!isAsked) this.#states.set(id, placeStates([code]));
          const thing = this.#asKnown(id, codeThing(id, code, sync.desk, places));
          return print === undefined ? thing : { ...thing, fingerprint: print };
        });
        await reading.page(things, 'seam');
        await this.#keepStates();
      }
    }
    return kinds;
  }

  /** A code made by the dialect is known to its client by the id that was given out here. */
  #asKnown(id: string, thing: SeenThing): SeenThing {
    const { sync } = this.#parts;
    const record = sync.record(id);
    if (record?.origin !== 'here') return thing;
    const ours = codeFields.safeParse(sync.fields(id, record));
    if (!ours.success) return thing;
    const { access_code_id } = ours.data;
    return { ...thing, fields: { ...thing.fields, access_code_id } };
  }

  async #readGrants(
    reading: Reading,
    isDue: (id: string) => boolean,
    ofGrants: Set<string>,
    signal: AbortSignal,
  ): Promise<void> {
    const people = new Map<string, UserIdentity | undefined>();
    const pages = this.#client.pages(
      '/access_grants/list',
      {},
      'access_grants',
      accessGrantSchema,
      signal,
    );
    for await (const grants of pages) {
      const things: SeenThing[] = [];
      for (const grant of grants)
        things.push(...(await this.#thingsOf(grant, isDue, people, signal)));
      for (const { extra } of things) for (const id of textsOf(extra?.['codes'])) ofGrants.add(id);
      await reading.page(things, 'seam');
      await this.#keepStates();
    }
  }

  /** How each grant stands in their devices, beside the grant itself. */
  async #keepStates(): Promise<void> {
    const { sync } = this.#parts;
    const changes = [...this.#states].flatMap(([id, states]) => {
      const record = sync.record(id);
      const places = [...states];
      const isSame = record === undefined || digestOf(record.places ?? []) === digestOf(places);
      return isSame ? [] : [{ id, record: { ...record, places } }];
    });
    this.#states.clear();
    await sync.apply(changes, { by: 'seam' });
  }

  async #thingsOf(
    grant: AccessGrant,
    isDue: (id: string) => boolean,
    people: Map<string, UserIdentity | undefined>,
    signal: AbortSignal,
  ): Promise<readonly SeenThing[]> {
    const { sync, places } = this.#parts;
    const { access_grant_id } = grant;
    const id =
      sync.idOf(KINDS.grant, access_grant_id) ?? this.#askedFor(grant) ?? idHere(access_grant_id);
    const record = sync.record(id);
    if (record?.origin === 'mirror') return [await this.#mirrored(id, grant, signal)];
    const { extra, seen } = record ?? {};
    const isSettled = extra?.['shown'] === digestOf(grant) && extra['isWaiting'] !== true;
    const names = [access_grant_id, ...grant.access_method_ids, ...textsOf(extra?.['codes'])];
    const isNamed = names.some(isDue);
    if (isSettled && !isNamed && seen !== undefined) {
      const others = textsOf(extra?.['others']).flatMap((ref) => this.#unchanged(DEVICE_CODE, ref));
      return [...this.#unchanged(KINDS.grant, access_grant_id), ...others];
    }
    const asked = { access_grant_id };
    const client = this.#client;
    const methods = await client.all(
      '/access_methods/list',
      asked,
      'access_methods',
      accessMethodSchema,
      signal,
    );
    const codes = await client.all(
      '/access_codes/list',
      asked,
      'access_codes',
      accessCodeSchema,
      signal,
    );
    const person = await this.#person(grant.user_identity_id, people, signal);
    const stored = sync.desk.grants.grant(grantId(id))?.grant;
    const before = stored?.window;
    const {
      main,
      others,
      places: states,
    } = grantThings(id, { grant, methods, codes, person, before }, sync.desk, places);
    this.#states.set(id, states);
    const ours =
      record?.origin === 'here' ? grantFields.safeParse(sync.fields(id, record)) : undefined;
    const isOurs = ours?.data !== undefined && stored !== undefined;
    const told = isOurs ? asMadeHere(main, ours.data, stored) : main;
    return this.#stillTheirs(record, [told, ...others]);
  }

  /** Without the doors that a later reservation has taken over here. */
  #stillTheirs(
    record: VendorRecord | undefined,
    things: readonly SeenThing[],
  ): readonly SeenThing[] {
    const levels = this.#parts.sync.desk.ports().site.policies.accessLevels;
    return things.flatMap((thing) => {
      if (!('grant' in thing.wanted)) return [thing];
      const grant = withoutOverridden(thing.wanted.grant, record, levels);
      // A device with a code of its own is a grant of its own, and goes with its door.
      if (thing.kind === DEVICE_CODE && grant.state === 'superseded') return [];
      return [{ ...thing, wanted: { grant } }];
    });
  }

  /** Of a grant that this site made there only its times are compared. */
  async #mirrored(id: string, grant: AccessGrant, signal: AbortSignal): Promise<SeenThing> {
    const asked = { access_grant_id: grant.access_grant_id };
    const codes = await this.#client.all(
      '/access_codes/list',
      asked,
      'access_codes',
      accessCodeSchema,
      signal,
    );
    return {
      kind: KINDS.grant,
      ref: grant.access_grant_id,
      id,
      digest: mirrorDigest(grant),
      wanted: { nothing: true },
      extra: { codes: codes.map(({ access_code_id }) => access_code_id) },
    };
  }

  /** Made by us, with our key, and the answer was lost. */
  #askedFor({ access_grant_key }: AccessGrant): string | undefined {
    const id = /^latchkey:(.+)$/.exec(access_grant_key ?? '')?.[1];
    return id !== undefined && this.#parts.sync.record(id)?.kind === KINDS.grant ? id : undefined;
  }

  #unchanged(kind: string, ref: string): readonly SeenThing[] {
    const { sync } = this.#parts;
    const id = sync.idOf(kind, ref);
    const record = id === undefined ? undefined : sync.record(id);
    if (id === undefined || record?.seen === undefined) return [];
    const { seen, extra } = record;
    const more = extra === undefined ? {} : { extra };
    return [{ kind, ref, id, digest: seen, wanted: { nothing: true }, ...more }];
  }

  async #person(
    id: string | null | undefined,
    people: Map<string, UserIdentity | undefined>,
    signal: AbortSignal,
  ): Promise<UserIdentity | undefined> {
    if (id == null) return undefined;
    if (people.has(id)) return people.get(id);
    const asked = { user_identity_id: id };
    let found: UserIdentity | undefined;
    try {
      found = await this.#client.one(
        '/user_identities/get',
        asked,
        'user_identity',
        userIdentitySchema,
        signal,
      );
    } catch (error) {
      if (!(error instanceof VendorError && error.code === 'not-found')) throw error;
    }
    people.set(id, found);
    return found;
  }
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

const printSchema = z.looseObject({
  device_id: z.string(),
  code: z.string().min(1),
  starts_at: z.string().nullish(),
});

/** By what a code whose creation was not answered is known again. */
function codePrint(code: unknown): string | undefined {
  const read = printSchema.safeParse(code);
  if (!read.success) return undefined;
  const { device_id, code: digits, starts_at } = read.data;
  return digestOf([device_id, digits, starts_at == null ? null : Date.parse(starts_at)]);
}
