/** Reads what Seam has: all grants and codes as lists, and around a grant what is new, changed, named or not settled. */
import type { z } from 'zod';
import { grantId } from '../../access/model.ts';
import { readOf, Unread, unlessNone } from '../answer.ts';
import { VendorError } from '../http.ts';
import type { Reading, SeenThing } from '../reading.ts';
import { RowFaults } from '../row-faults.ts';
import { digestOf, type PlaceState, type VendorRecord } from '../vendor-record.ts';
import type { VendorSync } from '../vendor-sync.ts';
import type { SeamClient } from './client.ts';
import { codePrint } from './code-print.ts';
import { idHere, KINDS } from './dialect-parts.ts';
import { codeFields, grantFields } from './fields.ts';
import {
  codeThing,
  DEVICE_CODE,
  type GrantSeen,
  grantThings,
  mirrorDigest,
  placeStates,
} from './mapping.ts';
import { PersonReader } from './person-reader.ts';
import type { SeamPlaces } from './places.ts';
import { withoutOverridden } from './reservation.ts';
import { asMadeHere } from './vendor-fields.ts';
import {
  type AccessCode,
  type AccessGrant,
  accessCodeRow,
  accessGrantRow,
  accessGrantSchema,
  accessMethodRow,
} from './wire.ts';

interface PageParts {
  readonly isDue: (id: string) => boolean;
  readonly people: PersonReader;
  readonly faults: RowFaults;
}

export class CloudReader {
  readonly #sync: VendorSync;
  readonly #client: SeamClient;
  readonly #places: SeamPlaces;
  readonly #broken: (error: unknown) => void;
  /** Of the grants and codes of one page. */
  readonly #states = new Map<string, readonly PlaceState[]>();

  constructor(
    sync: VendorSync,
    client: SeamClient,
    places: SeamPlaces,
    broken: (error: unknown) => void,
  ) {
    this.#sync = sync;
    this.#client = client;
    this.#places = places;
    this.#broken = broken;
  }

  /** Answers the kinds of which all were read. */
  async read(
    reading: Reading,
    isDue: (id: string) => boolean,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const ofGrants = new Set(this.#knownOfGrants());
    const kinds: string[] = [KINDS.code];
    try {
      await this.#readGrants(reading, isDue, ofGrants, signal);
      kinds.push(KINDS.grant, DEVICE_CODE);
    } catch (error) {
      // A workspace (or a fake) without access grants: what has none takes none away.
      if (!(error instanceof VendorError && error.code === 'not-found')) throw error;
    }
    for (const device_id of Object.keys(this.#places.devices)) {
      const asked = { device_id };
      const pages = this.#client.pages(
        '/access_codes/list',
        asked,
        'access_codes',
        accessCodeRow,
        signal,
      );
      for await (const codes of pages) {
        const own = unlessNone(codes, '/access_codes/list').filter(
          (code) => !ofGrants.has(codeRef(code)),
        );
        const faults = new RowFaults(this.#sync, this.#broken);
        const things = own.flatMap((code) =>
          code instanceof Unread
            ? [this.#unread(KINDS.code, code)]
            : faults.alone(
                () => [this.#codeThing(code)],
                () => this.#unread(KINDS.code, new Unread(code.access_code_id, code)),
              ),
        );
        faults.unlessAll();
        await reading.page(things, 'seam');
        await this.#keepStates();
      }
    }
    return kinds;
  }

  #codeThing(code: AccessCode): SeenThing {
    const sync = this.#sync;
    const id = sync.idOf(KINDS.code, code.access_code_id) ?? idHere(code.access_code_id);
    const print = codePrint(code);
    // What was accepted just now is told by its attempt.
    const isAsked = sync.record(id)?.extra?.['attempt'] !== undefined;
    if (!isAsked) this.#states.set(id, placeStates([code]));
    const thing = this.#asKnown(id, codeThing(id, code, sync.desk, this.#places));
    return print === undefined ? thing : { ...thing, fingerprints: [print] };
  }

  /** A device may have a code for a while after its grant is gone: it never becomes one that was made by itself. */
  *#knownOfGrants(): Iterable<string> {
    for (const [, { kind, extra }] of this.#sync.records()) {
      if (kind === KINDS.grant) yield* textsOf(extra?.['codes']);
    }
  }

  /** A code made by the dialect is known to its client by the id that was given out here. */
  #asKnown(id: string, thing: SeenThing): SeenThing {
    const sync = this.#sync;
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
    const people = new PersonReader(this.#client);
    const pages = this.#client.pages(
      '/access_grants/list',
      {},
      'access_grants',
      accessGrantRow,
      signal,
    );
    for await (const grants of pages) {
      const things: SeenThing[] = [];
      const faults = new RowFaults(this.#sync, this.#broken);
      for (const grant of unlessNone(grants, '/access_grants/list')) {
        const found =
          grant instanceof Unread
            ? [await this.#unreadGrant(grant, signal)]
            : await this.#thingsOf(grant, { isDue, people, faults }, signal);
        things.push(...found);
      }
      faults.unlessAll();
      for (const { extra } of things) for (const id of textsOf(extra?.['codes'])) ofGrants.add(id);
      await reading.page(things, 'seam');
      await this.#keepStates();
    }
  }

  /** How each grant stands in their devices, beside the grant itself. */
  async #keepStates(): Promise<void> {
    const sync = this.#sync;
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
    { isDue, people, faults }: PageParts,
    signal: AbortSignal,
  ): Promise<readonly SeenThing[]> {
    const sync = this.#sync;
    const { access_grant_id } = grant;
    const id =
      sync.idOf(KINDS.grant, access_grant_id) ?? this.#askedFor(grant) ?? idHere(access_grant_id);
    const record = sync.record(id);
    if (record?.origin === 'mirror') return this.#mirrored(id, grant, signal);
    const { extra, seen } = record ?? {};
    const isSettled = extra?.['shown'] === digestOf(grant) && extra['isWaiting'] !== true;
    const names = [access_grant_id, ...grant.access_method_ids, ...textsOf(extra?.['codes'])];
    const isNamed = names.some(isDue);
    if (isSettled && !isNamed && seen !== undefined) {
      const others = textsOf(extra?.['others']).flatMap((ref) => this.#unchanged(DEVICE_CODE, ref));
      return [...this.#unchanged(KINDS.grant, access_grant_id), ...others];
    }
    const around = await this.#around(access_grant_id, signal);
    if (around === undefined) return this.#confirmGone(access_grant_id, signal);
    const unreadAs = (row: object) =>
      this.#unread(KINDS.grant, new Unread(access_grant_id, row), around.refs);
    if (around.unread !== undefined) return [unreadAs([grant, around.unread.digest])];
    const person = await people.at(grant.user_identity_id, signal);
    return faults.alone(
      () => this.#seenThings(id, grant, { ...around, person }),
      () => unreadAs(grant),
    );
  }

  #seenThings(
    id: string,
    grant: AccessGrant,
    around: Pick<GrantSeen, 'methods' | 'codes' | 'person'>,
  ): readonly SeenThing[] {
    const sync = this.#sync;
    const record = sync.record(id);
    const stored = sync.desk.grants.grant(grantId(id))?.grant;
    const seen = { grant, ...around, before: stored?.window };
    const { main, others, places: states } = grantThings(id, seen, sync.desk, this.#places);
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
    const levels = this.#sync.desk.ports().site.policies.accessLevels;
    return things.flatMap((thing) => {
      if (!('grant' in thing.wanted)) return [thing];
      const grant = withoutOverridden(thing.wanted.grant, record, levels);
      // A device with a code of its own is a grant of its own, and goes with its door.
      if (thing.kind === DEVICE_CODE && grant.state === 'superseded') return [];
      return [{ ...thing, wanted: { grant } }];
    });
  }

  async #around(access_grant_id: string, signal: AbortSignal) {
    const asked = { access_grant_id };
    const client = this.#client;
    const methods = await unlessGone(
      client.all('/access_methods/list', asked, 'access_methods', accessMethodRow, signal),
    );
    const codes = methods === undefined ? undefined : await this.#codesOf(access_grant_id, signal);
    if (methods === undefined || codes === undefined) return undefined;
    return {
      methods: readOf(methods),
      codes: readOf(codes),
      refs: codes.map(codeRef),
      unread: [...methods, ...codes].find((each) => each instanceof Unread),
    };
  }

  /** Taken back there since it was listed: the next look has it no more. @throws VendorError where it is there all the same */
  async #confirmGone(access_grant_id: string, signal: AbortSignal): Promise<readonly []> {
    const path = '/access_grants/get';
    const asked = { access_grant_id };
    const found = await unlessGone(
      this.#client.one(path, asked, 'access_grant', accessGrantSchema, signal),
    );
    if (found !== undefined) throw new VendorError('malformed', 'a grant without its methods');
    return [];
  }

  #codesOf(access_grant_id: string, signal: AbortSignal) {
    const asked = { access_grant_id };
    return unlessGone(
      this.#client.all('/access_codes/list', asked, 'access_codes', accessCodeRow, signal),
    );
  }

  /** Its codes open nothing either, though their devices list them beside those that were made by themselves. */
  async #unreadGrant(row: Unread, signal: AbortSignal): Promise<SeenThing> {
    const codes = row.isNamed ? await this.#codesOf(row.ref, signal) : undefined;
    return this.#unread(KINDS.grant, row, codes?.map(codeRef));
  }

  /** Read again in each round, until it is understood. */
  #unread(kind: string, row: Unread, codes?: readonly string[]): SeenThing {
    const thing = row.thing(kind, this.#sync.idOf(kind, row.ref) ?? idHere(row.ref));
    const extra = { isWaiting: true, ...(codes === undefined ? {} : { codes: [...codes] }) };
    return { ...thing, extra };
  }

  /** Of a grant that this site made there only its times are compared. */
  async #mirrored(
    id: string,
    grant: AccessGrant,
    signal: AbortSignal,
  ): Promise<readonly SeenThing[]> {
    const codes = await this.#codesOf(grant.access_grant_id, signal);
    if (codes === undefined) return this.#confirmGone(grant.access_grant_id, signal);
    const thing: SeenThing = {
      kind: KINDS.grant,
      ref: grant.access_grant_id,
      id,
      digest: mirrorDigest(grant),
      wanted: { nothing: true },
      extra: { codes: codes.map(codeRef) },
    };
    return [thing];
  }

  /** Made by us, with our key, and the answer was lost. */
  #askedFor({ access_grant_key }: AccessGrant): string | undefined {
    const id = /^latchkey:(.+)$/.exec(access_grant_key ?? '')?.[1];
    return id !== undefined && this.#sync.record(id)?.kind === KINDS.grant ? id : undefined;
  }

  #unchanged(kind: string, ref: string): readonly SeenThing[] {
    const sync = this.#sync;
    const id = sync.idOf(kind, ref);
    const record = id === undefined ? undefined : sync.record(id);
    if (id === undefined || record?.seen === undefined) return [];
    const { seen, extra } = record;
    const more = extra === undefined ? {} : { extra };
    return [{ kind, ref, id, digest: seen, wanted: { nothing: true }, ...more }];
  }
}

/** `undefined`: taken back there since it was listed. @throws VendorError */
async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof VendorError && error.code === 'not-found') return undefined;
    throw error;
  }
}

function codeRef(code: z.infer<typeof accessCodeRow>): string {
  return code instanceof Unread ? code.ref : code.access_code_id;
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
