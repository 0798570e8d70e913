/** Keys as the dialect makes, shows and edits them, and the places that they lie in. */
import { type Key, type KeyId, keyId } from '../../access/model.ts';
import type { SyncChange } from '../sync-change.ts';
import { stateOnChange, type VendorRecord } from '../vendor-record.ts';
import type { VendorSync } from '../vendor-sync.ts';
import type { BoxBook } from './box-book.ts';
import { derivedId, drawnId, idFromKey } from './local-id.ts';
import { KeycafeRefusal } from './reply.ts';
import {
  codeGrantId,
  codeGrantThing,
  fobOf,
  KEY_CODE,
  type KeycafePlaces,
  keyIdFor,
} from './thing.ts';
import { type KeyFields, type KeyRequest, keyFieldsSchema } from './wire.ts';

const CODE_DIGITS = 6;

export interface KeyBookParts {
  readonly sync: VendorSync;
  readonly places: KeycafePlaces;
  readonly boxes: BoxBook;
}

export class KeyBook {
  readonly #parts: KeyBookParts;

  constructor(parts: KeyBookParts) {
    this.#parts = parts;
  }

  async create(body: KeyRequest, requestKey: string | undefined): Promise<object> {
    const { sync } = this.#parts;
    const localId =
      requestKey === undefined ? drawnId(sync.desk.random) : idFromKey('key', requestKey);
    const id = keyId(`keycafe:local:${localId}`);
    if (sync.desk.grants.key(id) !== undefined) return this.show(localId);
    if (body.code != null && !body.virtual) {
      throw new KeycafeRefusal(400, 'key.code.invalid', 'only a virtual key has a code', 'code');
    }
    const fob = this.#freeFob(body.serialNumber, undefined);
    const code = body.virtual ? (body.code ?? sync.desk.secrets.drawPin(CODE_DIGITS)) : undefined;
    const fields = { ...body, ...(code === undefined ? {} : { code }), id: localId };
    const record: VendorRecord = {
      kind: 'key',
      origin: 'here',
      state: 'to-create',
      since: sync.desk.clock.now(),
      sealed: sync.seal(id, fields),
      extra: { localId },
    };
    const key = { ...this.#wanted(id, body, `local:${localId}`), ...fob };
    await sync.alone(async () => {
      // Asked for twice at one time: what the other call made stands, with its code.
      if (sync.desk.grants.key(id) !== undefined) return;
      await sync.applyNow([{ id, key, record }, ...this.#codeChange(id, localId, code)], {
        by: 'dialect:keycafe',
      });
    });
    return this.show(localId);
  }

  async update(number: string, body: Partial<KeyRequest>): Promise<object> {
    const { sync, places } = this.#parts;
    await sync.alone(async () => {
      const stored = this.#at(number);
      const record = sync.record(stored.id);
      if (record === undefined || stored.source.vendor !== 'keycafe') {
        throw new KeycafeRefusal(403, 'action.forbidden', 'this key is kept by its box');
      }
      const { home: _home, fob: _fob, notes: _notes, rev: _rev, ...kept } = stored;
      if (body.homeLocation != null && this.#placeOf(stored.id)?.kind === 'slot') {
        const why = 'only while the key is checked out';
        throw new KeycafeRefusal(400, 'key.homeLocation.invalid', why, 'homeLocation');
      }
      const fields = { ...this.#fields(stored.id, record), ...body };
      const whole = { ...asRequest(stored), ...body };
      const fob =
        body.serialNumber === undefined
          ? stored.fob === undefined
            ? {}
            : { fob: stored.fob }
          : this.#freeFob(body.serialNumber, stored.id);
      const home =
        body.homeLocation === undefined && stored.home !== undefined ? { home: stored.home } : {};
      const key = {
        ...kept,
        ...home,
        ...this.#wanted(stored.id, whole, stored.source.ref),
        ...fob,
      };
      const sealed = sync.seal(stored.id, fields);
      const next = sync.changed(record, stateOnChange(record), { sealed });
      const code = body.code ?? undefined;
      const mayHaveCode = code !== undefined && places.keyCodes && stored.virtual;
      await sync.applyNow(
        [
          { id: stored.id, key, record: next },
          ...(mayHaveCode ? this.#codeChange(stored.id, number, code) : []),
        ],
        { by: 'dialect:keycafe' },
      );
    });
    return this.show(number);
  }

  /** By number or by the fob's serial number, as `POST /access` names it. @throws KeycafeRefusal */
  named(
    asked:
      | { readonly id?: string | undefined; readonly serialNumber?: string | undefined }
      | undefined,
  ): Key {
    if (asked?.id === undefined && asked?.serialNumber === undefined) {
      throw new KeycafeRefusal(400, 'key.required', 'the key, by id or serialNumber', 'key');
    }
    if (asked.id !== undefined) return this.#at(asked.id);
    const serial = asked.serialNumber ?? '';
    const { fob } = fobOf(serial, this.#parts.sync.desk);
    const found =
      (fob === undefined ? undefined : this.#parts.sync.desk.grants.keyByFob(fob)) ??
      this.#all().find(
        (key) => this.#fields(key.id, this.#parts.sync.record(key.id)).serialNumber === serial,
      );
    if (found === undefined) throw notFound();
    return found;
  }

  show(number: string): object {
    return this.#shown(this.#at(number));
  }

  list(query: string | undefined): readonly object[] {
    const text = query?.toLowerCase();
    return this.#all()
      .map((key) => this.#shown(key))
      .filter(
        ({ name, notes, serialNumber, address }) =>
          text === undefined ||
          [name, notes, serialNumber, address == null ? null : JSON.stringify(address)].some(
            (each) => each?.toLowerCase().includes(text) === true,
          ),
      );
  }

  numberOf(id: KeyId): number {
    const { sync, places } = this.#parts;
    const record = sync.record(id);
    const configured = Object.entries(places.keys).find(([, ours]) => ours === id)?.[0];
    const number = record?.extra?.['localId'] ?? record?.ref ?? configured ?? derivedId('key', id);
    return Number(number);
  }

  brief(id: KeyId): { readonly id: number; readonly name?: string } {
    const key = this.#parts.sync.desk.grants.key(id);
    return { id: this.numberOf(id), ...(key === undefined ? {} : { name: key.name }) };
  }

  #all(): readonly Key[] {
    return this.#parts.sync.desk.grants.keys();
  }

  #at(number: string): Key {
    const { grants } = this.#parts.sync.desk;
    const key =
      grants.key(keyId(`keycafe:local:${number}`)) ??
      grants.key(keyIdFor(number, this.#parts.places)) ??
      this.#all().find(({ id }) => String(this.numberOf(id)) === number);
    if (key === undefined) throw notFound();
    return key;
  }

  #wanted(
    id: KeyId,
    body: Pick<KeyRequest, 'name' | 'virtual' | 'roaming' | 'notes' | 'homeLocation'>,
    ref: string,
  ) {
    const home =
      body.homeLocation == null ? undefined : this.#parts.boxes.named(body.homeLocation.id);
    return {
      id,
      name: body.name,
      source: { vendor: 'keycafe', ref, version: '' } as const,
      virtual: body.virtual,
      roaming: body.roaming,
      ...(home === undefined ? {} : { home: home.id }),
      ...(body.notes == null || body.notes === '' ? {} : { notes: body.notes }),
    };
  }

  #freeFob(serial: string | null | undefined, own: KeyId | undefined) {
    const found = fobOf(serial, this.#parts.sync.desk);
    const other =
      found.fob === undefined ? undefined : this.#parts.sync.desk.grants.keyByFob(found.fob);
    if (other !== undefined && other.id !== own) {
      throw new KeycafeRefusal(400, 'key.serialNumber.taken', 'another key has it', 'serialNumber');
    }
    return found;
  }

  #codeChange(id: KeyId, ref: string, code: string | undefined): readonly SyncChange[] {
    const { sync, places } = this.#parts;
    if (code === undefined || !places.keyCodes) return [];
    const { wanted } = codeGrantThing(id, ref, code, sync.desk);
    return 'grant' in wanted ? [{ id: codeGrantId(id), grant: wanted.grant }] : [];
  }

  #placeOf(id: KeyId) {
    return this.#parts.sync.desk.journal.ledger.get('key', id)?.place;
  }

  #fields(id: KeyId, record: VendorRecord | undefined): KeyFields {
    const read = keyFieldsSchema.safeParse(this.#parts.sync.fields(id, record));
    return read.success ? read.data : {};
  }

  #shown(key: Key) {
    const { sync } = this.#parts;
    const fields = this.#fields(key.id, sync.record(key.id));
    const place = key.virtual ? undefined : this.#placeOf(key.id);
    const at =
      place?.kind === 'slot'
        ? this.#parts.boxes.points().find(({ box }) => box?.device === place.box)
        : undefined;
    const home = this.#parts.boxes.points().find(({ id }) => id === key.home);
    const credential = sync.desk.grants
      .grant(codeGrantId(key.id))
      ?.grant.credentials.find(({ id }) => id === KEY_CODE);
    const code =
      credential?.sealed === undefined
        ? fields.code
        : sync.desk.secrets.reveal(credential.sealed, codeGrantId(key.id));
    return {
      id: this.numberOf(key.id),
      name: key.name,
      description: fields.description ?? null,
      notes: key.notes ?? null,
      pickupNote: fields.pickupNote ?? null,
      address: fields['address'] ?? null,
      serialNumber: fields.serialNumber ?? null,
      homeLocation: home === undefined ? null : this.#parts.boxes.location(home),
      ...(at === undefined ? {} : { currentLocation: this.#parts.boxes.location(at) }),
      ...(place?.kind === 'holder'
        ? { currentUser: { id: Number(derivedId('holder', place.holder)) } }
        : {}),
      virtual: key.virtual,
      roaming: key.roaming,
      ...(key.virtual && code != null ? { code } : {}),
    };
  }
}

function asRequest(key: Key): Pick<KeyRequest, 'name' | 'virtual' | 'roaming' | 'notes'> {
  const { name, virtual, roaming, notes } = key;
  return { name, virtual, roaming, ...(notes === undefined ? {} : { notes }) };
}

function notFound(): KeycafeRefusal {
  return new KeycafeRefusal(404, 'key.notFound', 'there is no such key');
}
