/** Access keys as this box keeps them: made and changed by the dialect, told to IntServ by the connector. */
import { z } from 'zod';
import type { StoredGrant } from '../../access/lookup.ts';
import { type GrantId, grantId, holderId } from '../../access/model.ts';
import type { WantedGrant } from '../sync-change.ts';
import { drawnUuid, uuidOf } from '../uuid.ts';
import type { VendorRecord } from '../vendor-record.ts';
import type { VendorSync } from '../vendor-sync.ts';
import {
  credentialsOf,
  datesOf,
  type IntservPlaces,
  keyText,
  targetsOf,
  windowOf,
} from './mapping.ts';
import { type AddRequest, type KeySpec, keySpecSchema } from './wire.ts';

/** What is kept of one, sealed: numbers, names and the PIN are needed to tell IntServ. */
const keptSchema = z.object({
  key: keySpecSchema,
  pin: z.string().optional(),
  access_levels: z.array(z.string()),
  person: z.object({ id: z.string(), first_name: z.string(), last_name: z.string() }),
});
export type Kept = z.output<typeof keptSchema>;

export class IntservRefusal extends Error {
  override readonly name = 'IntservRefusal';
  readonly status: number;
  readonly word: string;
  constructor(status: number, word: string, message: string) {
    super(message);
    this.status = status;
    this.word = word;
  }
}

export const KIND = 'accesskey';

export interface AccessKeyBookParts {
  readonly sync: VendorSync;
  readonly places: IntservPlaces;
}

export class AccessKeyBook {
  readonly #parts: AccessKeyBookParts;

  constructor(parts: AccessKeyBookParts) {
    this.#parts = parts;
  }

  /** Works at the box when it resolves. The key itself is what a repeated call is known by. @throws IntservRefusal */
  add(body: AddRequest): Promise<object> {
    return this.#parts.sync.alone(async () => {
      const found = this.#named(body);
      if (body.id != null && found === undefined) {
        throw new IntservRefusal(400, 'UnknownId', 'there is no access key with this id');
      }
      const before = found === undefined ? undefined : this.kept(found.grant.id);
      const id = found?.grant.id ?? grantId(`intserv:${this.#uuid()}`);
      const key = this.#keySpec(body, before);
      const kept = this.#kept(body, key, before);
      const window = windowOf(
        body.valid_from_date === undefined ? datesIn(found).valid_from_date : body.valid_from_date,
        body.valid_to_date === undefined ? datesIn(found).valid_to_date : body.valid_to_date,
      );
      if (window === undefined) {
        throw new IntservRefusal(
          400,
          'InvalidDates',
          'valid_to_date must be after valid_from_date',
        );
      }
      const isDrawn = body.key?.type === 'code' && body.key.identification == null;
      await this.#store(id, kept, window, found, isDrawn);
      return this.show(id);
    });
  }

  /** By id, else by key. Opens nothing any more when it resolves. @throws IntservRefusal */
  remove(asked: {
    readonly id?: string | null | undefined;
    readonly key?: KeySpec | null | undefined;
  }): Promise<void> {
    const { sync } = this.#parts;
    return sync.alone(async () => {
      const found = this.#named(asked);
      if (found === undefined) {
        throw new IntservRefusal(404, 'NotFound', 'there is no such access key');
      }
      const { id } = found.grant;
      const record = sync.record(id);
      const isKnownThere = record?.ref !== undefined || record?.state === 'creating';
      await sync.applyNow(
        [
          {
            id,
            revoke: true,
            ...(record === undefined
              ? {}
              : { record: sync.changed(record, isKnownThere ? 'to-revoke' : 'gone') }),
          },
        ],
        { by: 'dialect:intserv' },
      );
    });
  }

  /** Of a live one. @throws IntservRefusal */
  at(number: string): StoredGrant {
    const found = this.#byId(number);
    if (found === undefined)
      throw new IntservRefusal(400, 'UnknownId', 'there is no such access key');
    return found;
  }

  kept(id: GrantId): Kept | undefined {
    const read = keptSchema.safeParse(this.#parts.sync.fields(id));
    return read.success ? read.data : undefined;
  }

  /** As the page has it: the PIN is not echoed. */
  show(id: GrantId): object {
    const stored = this.#parts.sync.desk.grants.grant(id);
    const kept = this.kept(id);
    if (stored === undefined || kept === undefined) {
      throw new IntservRefusal(400, 'UnknownId', 'there is no such access key');
    }
    const { window } = stored;
    return {
      id: numberOf(id),
      key: { identification: kept.key.identification, type: kept.key.type },
      ...datesOf(window.start, window.end),
      access_levels: kept.access_levels,
      person: kept.person,
    };
  }

  async #store(
    id: GrantId,
    kept: Kept,
    window: WantedGrant['window'],
    found: StoredGrant | undefined,
    isDrawn: boolean,
  ) {
    const { sync, places } = this.#parts;
    const before = sync.record(id);
    const pin = kept.pin;
    const grant: WantedGrant = {
      id,
      source: { vendor: 'intserv', ref: numberOf(id), version: '' },
      holder: found?.grant.holder ?? holderId(`intserv:person:${kept.person.id}`),
      credentials: credentialsOf(kept.key, pin, id, sync.desk.secrets, places),
      targets: targetsOf(kept.access_levels, this.levelNames()),
      window,
      operations: ['pickup', 'dropoff', 'unlock'],
      options: {},
      state: 'active',
    };
    const since = sync.desk.clock.now();
    const record: VendorRecord =
      before === undefined
        ? { kind: KIND, origin: 'here', state: 'to-create', since }
        : sync.changed(before, nextState(before));
    const by = 'dialect:intserv';
    const sealed = { ...record, sealed: sync.seal(id, kept) };
    if (found !== undefined || !isDrawn) {
      await sync.applyNow([{ id, grant, record: sealed }], { by });
      return;
    }
    // A code that was drawn is known to nobody until it is answered: a repeated call would draw another.
    await sync.applyNow([{ id, grant: { ...grant, state: 'pending' }, record: sealed }], { by });
    await sync.applyNow([{ id, grant }], { by, silent: true });
  }

  #named({
    id,
    key,
  }: {
    readonly id?: string | null | undefined;
    readonly key?: KeySpec | null | undefined;
  }): StoredGrant | undefined {
    if (id != null) return this.#byId(id);
    if (key == null || key.identification == null) return undefined;
    const text = this.#textOf(key);
    const [credential] = credentialsOf(
      key,
      undefined,
      grantId('x'),
      this.#parts.sync.desk.secrets,
      this.#parts.places,
    );
    if (credential === undefined) return undefined;
    return this.#parts.sync.desk.grants.byCredential(credential.index).find((match) => {
      const kept = this.kept(match.grant.id);
      return match.revoked === undefined && kept !== undefined && keyText(kept.key) === text;
    });
  }

  #byId(number: string): StoredGrant | undefined {
    const { sync } = this.#parts;
    const own = grantId(`intserv:${number.toLowerCase()}`);
    const there = sync.idOf(KIND, number);
    const id = sync.record(own) !== undefined || there === undefined ? own : grantId(there);
    const stored = sync.desk.grants.grant(id);
    return stored?.revoked === undefined ? stored : undefined;
  }

  #keySpec({ key }: AddRequest, before: Kept | undefined): KeySpec {
    const { sync, places } = this.#parts;
    if (key == null) {
      if (before !== undefined) return before.key;
      throw new IntservRefusal(400, 'KeyRequired', 'the key, or the id of one');
    }
    if (key.identification == null) {
      if (key.type !== 'code') {
        throw new IntservRefusal(400, 'IdentificationRequired', 'the number of the card');
      }
      const drawn = sync.desk.secrets.drawPin(places.codeLength);
      if (drawn === undefined) throw new IntservRefusal(400, 'NoCodeLeft', 'no code is left');
      return { type: 'code', identification: drawn };
    }
    this.#textOf(key);
    return key;
  }

  #textOf(key: KeySpec): string {
    const text = keyText(key);
    if (text === 'code-invalid') {
      throw new IntservRefusal(400, 'InvalidIdentification', 'a code is 4 to 16 digits');
    }
    if (text === 'identification-invalid') {
      const forms =
        'EM 13, MC 10 or MD 17 digits, 0x with 10, 8 or 14 hex digits, or with its prefix';
      throw new IntservRefusal(400, 'InvalidIdentification', forms);
    }
    return text;
  }

  #kept(body: AddRequest, key: KeySpec, before: Kept | undefined): Kept {
    const pin = body.pin === undefined ? before?.pin : (body.pin ?? undefined);
    if (pin !== undefined && key.type === 'code') {
      throw new IntservRefusal(400, 'PinNotAllowed', 'a code has no second factor');
    }
    return {
      key,
      ...(pin === undefined ? {} : { pin }),
      access_levels: body.access_levels ?? before?.access_levels ?? [],
      // Ignored on an update: a key stays with its person.
      person: before?.person ?? this.#person(body.person),
    };
  }

  #person(given: AddRequest['person']): Kept['person'] {
    const id = given?.id ?? this.#uuid();
    const known = this.#personAt(id);
    if (known !== undefined) return known;
    const made = id.slice(0, 8);
    return {
      id,
      first_name: given?.first_name ?? `First ${made}`,
      last_name: given?.last_name ?? `Last ${made}`,
    };
  }

  #personAt(id: string): Kept['person'] | undefined {
    const { grants } = this.#parts.sync.desk;
    for (const { grant } of grants.grantsOf(holderId(`intserv:person:${id}`))) {
      const person = this.kept(grant.id)?.person;
      if (person !== undefined) return person;
    }
    return undefined;
  }

  /** Levels of the config under IntServ's ids; those without one under an id that follows from their name. */
  levelNames(): Readonly<Record<string, string>> {
    const { levels } = this.#parts.places;
    const given = new Set(Object.values(levels));
    const { accessLevels } = this.#parts.sync.desk.ports().site.policies;
    const derived = [...accessLevels.keys()]
      .filter((name) => !given.has(name))
      .map((name) => [uuidOf(`latchkey access level ${name}`), name] as const);
    return { ...levels, ...Object.fromEntries(derived) };
  }

  #uuid(): string {
    return drawnUuid(this.#parts.sync.desk.random);
  }
}

function nextState({ ref, state }: VendorRecord): VendorRecord['state'] {
  if (ref !== undefined) return 'to-update';
  return state === 'creating' ? state : 'to-create';
}

function datesIn(found: StoredGrant | undefined) {
  return found === undefined
    ? { valid_from_date: undefined, valid_to_date: undefined }
    : datesOf(found.window.start, found.window.end);
}

export function numberOf(id: GrantId): string {
  return id.slice('intserv:'.length);
}
