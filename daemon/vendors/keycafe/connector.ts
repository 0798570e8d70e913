/**
 * Keycafe, both ways. There is no call for what changed since (vendor-apis 2.6), so a round takes back there
 * what was revoked here, reads all keys and all accesses, takes absence for a revocation only once every page was read,
 * and then tells what was made and changed here.
 */
import { z } from 'zod';
import type { Millis } from '../../../drivers/contract/time.ts';
import { grantId, type KeyId } from '../../access/model.ts';
import { answerIn, readOf, Unread, unlessNone } from '../answer.ts';
import { type Connector, type ConnectorStatus, Rounds, vendorTurned } from '../connector.ts';
import type { VendorLog } from '../desk.ts';
import { type Difference, differencesOf, driftOf } from '../difference.ts';
import { type HttpClient, VendorError } from '../http.ts';
import { isAnswered, MassAbsence } from '../mass-absence.ts';
import { Outward } from '../outward.ts';
import { Reading, type SeenThing } from '../reading.ts';
import { RequestBudget } from '../request-budget.ts';
import { RowFaults } from '../row-faults.ts';
import { VendorHost } from '../vendor-host.ts';
import { tellingFaults } from '../vendor-run.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { CustodyReport } from './custody-report.ts';
import { lostKeys } from './lost-keys.ts';
import { MemberPush } from './member-push.ts';
import { MEMBERSHIP, membershipThing, PERMISSION, permissionThing } from './member-thing.ts';
import { AccessPush, KeyPush } from './push.ts';
import { accessThing, type KeycafePlaces, keyIdFor, keyThings } from './thing.ts';
import {
  accessRow,
  errorSchema,
  keyRow,
  linksIn,
  type Membership,
  membershipRow,
  PAGE_SIZE,
  PENALTY_MS,
  PER_MINUTE,
  permissionRow,
} from './wire.ts';

export interface KeycafeParts {
  readonly sync: VendorSync;
  readonly http: HttpClient;
  readonly baseUrl: string;
  /** `EMAIL/token:TOKEN`, `EMAIL/key:KEY` or `EMAIL:PASSWORD`, asked for at each call. */
  readonly credentials: () => string;
  readonly poll: Millis;
  readonly places: KeycafePlaces;
  readonly reportExchanges: boolean;
  readonly log: VendorLog;
}

const KINDS = ['key', 'key-code', 'access'] as const;
const MEMBER_KINDS = [...KINDS, MEMBERSHIP, PERMISSION] as const;
/** More pages than a minute of requests would bring in an hour: the `Link` headers go in a circle. */
const PAGES_MOST = 3600;

export class KeycafeConnector implements Connector {
  readonly #parts: KeycafeParts;
  readonly #host: VendorHost;
  readonly #rounds: Rounds;
  readonly #accesses: Outward;
  readonly #keys: Outward;
  readonly #members: readonly Outward[];
  /** What each round reads whole. */
  readonly #kinds: readonly string[];
  readonly #custody: CustodyReport;
  readonly #absence: MassAbsence;
  readonly #broken: (error: unknown) => void;

  constructor(parts: KeycafeParts) {
    this.#parts = parts;
    const { sync, http, baseUrl, credentials, places, poll, log } = parts;
    const { clock, random } = sync.desk;
    this.#host = new VendorHost({
      http,
      clock,
      random,
      baseUrl,
      authorization: () => `Basic ${Buffer.from(credentials()).toString('base64')}`,
      budget: new RequestBudget(clock, PER_MINUTE),
      penalty: PENALTY_MS,
      wordOf: ({ body }) => errorIdIn(body),
    });
    const wake = () => this.wake();
    const broken = tellingFaults('keycafe', sync.desk, log);
    this.#broken = broken;
    const push = { sync, host: this.#host, places };
    const keyPush = new KeyPush(push);
    this.#keys = new Outward({
      sync,
      kind: 'key',
      wants: () => false,
      create: (task, signal) => keyPush.create(task, signal),
      update: (task, signal) => keyPush.update(task, signal),
      revoke: (task) => keyPush.revoke(task),
      wake,
      broken,
    });
    const hasMembers = (places.memberRoles ?? []).length > 0;
    this.#kinds = hasMembers ? MEMBER_KINDS : KINDS;
    this.#members = hasMembers
      ? (
          [
            [MEMBERSHIP, MemberPush.memberships(push)],
            [PERMISSION, MemberPush.permissions(push)],
          ] as const
        ).map(
          ([kind, member]) =>
            new Outward({
              sync,
              kind,
              wants: () => false,
              fingerprint: (task) => member.fingerprint(task),
              create: (task, signal) => member.create(task, signal),
              update: (task, signal) => member.update(task, signal),
              revoke: (task, signal) => member.revoke(task, signal),
              wake,
              broken,
            }),
        )
      : [];
    const accessPush = new AccessPush(push);
    this.#accesses = new Outward({
      sync,
      kind: 'access',
      wants: ({ targets }) => targets.some(({ kind, id }) => kind === 'key' && this.#isTheirs(id)),
      fingerprint: (task) => accessPush.fingerprint(task),
      create: (task, signal) => accessPush.create(task, signal),
      update: (task, signal) => accessPush.update(task, signal),
      revoke: (task, signal) => accessPush.revoke(task, signal),
      wake,
      broken,
    });
    this.#custody = new CustodyReport({
      sync,
      host: this.#host,
      places,
      byExchange: parts.reportExchanges,
    });
    this.#absence = new MassAbsence({
      sync,
      isShown: (kind, ref, signal) => this.#isShown(kind, ref, signal),
    });
    this.#rounds = new Rounds({
      clock,
      random,
      poll,
      log: (event, fields) => log(event, { vendor: 'keycafe', ...fields }),
      round: (signal) => this.#round(signal),
      changed: vendorTurned(sync, log),
      broken,
    });
  }

  get status(): ConnectorStatus {
    const { sync } = this.#parts;
    const syncedAt = sync.syncedAt;
    return {
      vendor: 'keycafe',
      online: this.#rounds.online,
      ...(syncedAt === undefined ? {} : { syncedAt }),
      detail: this.#rounds.detail,
      drift: driftOf(this.differences()),
      pending: this.#accesses.pending,
    };
  }

  differences(): readonly Difference[] {
    return differencesOf(this.#parts.sync);
  }

  wake(): void {
    this.#rounds.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const outward of [this.#accesses, ...this.#members]) outward.follow(signal);
    await this.#rounds.run(signal);
  }

  /** @throws VendorError */
  async #round(signal: AbortSignal): Promise<void> {
    await this.#parts.sync.recover();
    await this.#keys.run(signal);
    for (const outward of [this.#accesses, ...this.#members]) {
      await outward.run(signal, ['to-revoke']);
    }
    const reading = new Reading(this.#parts.sync);
    await this.#read(reading, signal);
    // Whatever moves up a page while the next is fetched is on neither; so nothing is gone by one look alone.
    if (reading.isMissing(this.#kinds)) await this.#read(reading, signal);
    const again = () => this.#read(reading, signal);
    const told = await this.#absence.confirmed(reading, this.#kinds, again, signal);
    if (signal.aborted) return;
    await reading.complete(this.#kinds, 'keycafe', told);
    // After what was edited there is known: an edit from here must not undo a narrower one from there.
    for (const outward of [this.#accesses, ...this.#members]) await outward.run(signal);
    await this.#forgetSent();
    await this.#custody.run(signal);
  }

  /** Keycafe has the access, so it has told the guest by its own SMS or mail. */
  async #forgetSent(): Promise<void> {
    const { sync } = this.#parts;
    const sent = [...sync.records()].filter(
      ([, { kind, extra }]) =>
        kind === 'message' && sync.record(String(extra?.['grant']))?.ref !== undefined,
    );
    await sync.apply(
      sent.map(([id]) => ({ id, record: null })),
      { by: 'keycafe' },
    );
  }

  async #read(reading: Reading, signal: AbortSignal): Promise<void> {
    const { sync } = this.#parts;
    const { desk } = sync;
    const places = this.#named;
    const lost = lostKeys(sync);
    for await (const rows of this.#list('/key', keyRow, signal)) {
      const things = this.#things(
        rows,
        (key) => keyThings(key, lost(key) ?? keyIdFor(key.id, places), desk, places),
        (key) => this.#unreadKey(key),
      );
      await reading.page(things, 'keycafe');
    }
    const known = (key: KeyId) => desk.grants.key(key) !== undefined;
    for await (const rows of this.#list('/access', accessRow, signal)) {
      const things = this.#things(
        rows,
        (access) => {
          const id = grantId(sync.idOf('access', access.id) ?? `keycafe:access:${access.id}`);
          return [accessThing(access, id, desk, places, known)];
        },
        (access) => this.#unread('access', access),
      );
      await reading.page(things, 'keycafe');
    }
    if (this.#members.length > 0) await this.#readMembers(reading, signal);
  }

  /** All members first, since a permission means nothing without its member's code. */
  async #readMembers(reading: Reading, signal: AbortSignal): Promise<void> {
    const { sync } = this.#parts;
    const { desk } = sync;
    const places = this.#named;
    const members = new Map<string, Membership>();
    for await (const found of this.#list('/organizationMembership', membershipRow, signal)) {
      for (const member of readOf(found)) members.set(member.user.id, member);
      const things = this.#things(
        found,
        (member) => [membershipThing(member)],
        (member) => this.#unread(MEMBERSHIP, member),
      );
      await reading.page(things, 'keycafe');
    }
    const known = (key: KeyId) => desk.grants.key(key) !== undefined;
    for await (const rows of this.#list('/permission', permissionRow, signal)) {
      const things = this.#things(
        rows,
        (permission) => {
          const id = sync.idOf(PERMISSION, permission.id) ?? `keycafe:permission:${permission.id}`;
          const member = members.get(permission.user.id);
          return [permissionThing(permission, member, id, desk, places, known)];
        },
        (permission) => this.#unread(PERMISSION, permission),
      );
      await reading.page(things, 'keycafe');
    }
  }

  /** That one can be asked for by itself is not certain (vendor-apis.md 2.2): only the thing itself is an answer. */
  async #isShown(kind: string, ref: string, signal: AbortSignal): Promise<boolean> {
    if (kind !== 'access' && kind !== 'key') return false;
    const path = `/${kind}/${encodeURIComponent(ref)}`;
    const asked = this.#host.call({ method: 'GET', path, signal }).then(({ body }) => {
      const row =
        kind === 'access' ? answerIn(body, accessRow, path) : answerIn(body, keyRow, path);
      return row instanceof Unread ? row.ref : row.id;
    });
    return isAnswered(asked, ref);
  }

  /** What the rows of one page come to; one that is not understood, by whoever's fault, refuses alone. */
  #things<T extends { readonly id: string }>(
    rows: readonly (T | Unread)[],
    make: (row: T) => readonly SeenThing[],
    unread: (row: Unread) => SeenThing,
  ): readonly SeenThing[] {
    const faults = new RowFaults(this.#parts.sync, this.#broken);
    const things = rows.flatMap((row) =>
      row instanceof Unread
        ? [unread(row)]
        : faults.alone(
            () => make(row),
            () => unread(new Unread(row.id, row)),
          ),
    );
    faults.unlessAll();
    return things;
  }

  #unread(kind: string, row: Unread): SeenThing {
    return row.thing(kind, this.#parts.sync.idOf(kind, row.ref) ?? `keycafe:${kind}:${row.ref}`);
  }

  /** A key that is known stays: what lets nobody in by itself must come back all the same (P7). */
  #unreadKey(row: Unread): SeenThing {
    const { sync } = this.#parts;
    const id = keyIdFor(row.ref, this.#named);
    const thing = row.thing('key', id);
    return sync.desk.grants.key(id) === undefined ? thing : { ...thing, wanted: { nothing: true } };
  }

  /** Keys that were made here keep the name they have here. */
  get #named(): KeycafePlaces {
    const { sync, places } = this.#parts;
    return { ...places, madeHere: (ref) => sync.idOf('key', ref) };
  }

  /** Pages of a bare array, as the `Link` header names them. */
  async *#list<T>(
    path: string,
    schema: z.ZodType<T>,
    signal: AbortSignal,
  ): AsyncIterable<readonly T[]> {
    for (let page = 1; page <= PAGES_MOST; page += 1) {
      const reply = await this.#host.call({ method: 'GET', path, query: { page }, signal });
      const rows = answerIn(reply.body, z.array(schema), path);
      yield unlessNone(rows, path);
      const links = linksIn(reply.headers['link']);
      // Without any link, as when a proxy took the header away, a full page says nothing of what comes after it.
      const isCut = links.size === 0 && rows.length >= PAGE_SIZE;
      if (!links.has('next') && !isCut) return;
    }
    throw new VendorError('malformed', `${path}: pages without end`);
  }

  #isTheirs(id: string): boolean {
    const { sync, places } = this.#parts;
    return Object.values(places.keys).includes(id) || sync.record(id)?.kind === 'key';
  }
}

function errorIdIn(body: string): string | undefined {
  try {
    const read = errorSchema.safeParse(JSON.parse(body));
    return read.success ? read.data.error.errorId : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
