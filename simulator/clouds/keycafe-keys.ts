/** Keys at Keycafe. A key is checked in somewhere or with somebody, never both. */
import { type KeyRequest, keyRequestSchema } from '../../daemon/vendors/keycafe/wire.ts';
import { isLike } from './keycafe-page.ts';
import { Refused } from './refused.ts';

export interface SimulatedKey {
  readonly id: number;
  name: string;
  serialNumber?: string;
  virtual: boolean;
  code?: string;
  roaming: boolean;
  notes?: string;
  description?: string;
  pickupNote?: string;
  address?: unknown;
  homeLocation?: number;
  /** Checked in there; checked out without it. */
  location?: number;
}

export interface KeysParts {
  readonly nextId: () => number;
  readonly code: (digits: number) => string;
}

export class KeycafeKeys {
  readonly all = new Map<number, SimulatedKey>();
  readonly #parts: KeysParts;

  constructor(parts: KeysParts) {
    this.#parts = parts;
  }

  add(key: Partial<SimulatedKey> & { readonly name: string }): SimulatedKey {
    const made: SimulatedKey = { id: this.#parts.nextId(), virtual: false, roaming: true, ...key };
    this.all.set(made.id, made);
    return made;
  }

  at(id: number): SimulatedKey {
    const key = this.all.get(id);
    if (key === undefined) throw new Refused(404, 'key.notFound');
    return key;
  }

  /** By id or by the serial number of its fob. */
  named(asked: {
    readonly id?: string | undefined;
    readonly serialNumber?: string | undefined;
  }): SimulatedKey {
    const found = [...this.all.values()].find(
      ({ id, serialNumber }) =>
        String(id) === asked.id ||
        (serialNumber !== undefined && serialNumber === asked.serialNumber),
    );
    if (found === undefined) throw new Refused(404, 'key.notFound');
    return found;
  }

  list(text: string | null): readonly object[] {
    return [...this.all.values()]
      .filter(({ name, notes, serialNumber }) => isLike(text, name, notes, serialNumber))
      .map((key) => this.shown(key));
  }

  create(body: unknown): object {
    const read = keyRequestSchema.safeParse(body);
    if (!read.success) throw new Refused(400, faultOf(read.error.issues[0]?.path[0]));
    const { name, virtual, roaming, code, ...rest } = read.data;
    if (code != null && !virtual) throw new Refused(400, 'key.code.invalid');
    this.#checkFob(rest.serialNumber, undefined);
    const digits = virtual ? (code ?? this.#parts.code(6)) : undefined;
    const made = this.add({
      name,
      virtual,
      roaming,
      ...(digits === undefined ? {} : { code: digits }),
    });
    this.#fill(made, rest);
    return this.shown(made);
  }

  edit(id: number, body: unknown): object {
    const key = this.at(id);
    const read = keyRequestSchema.partial().safeParse(body);
    if (!read.success) throw new Refused(400, faultOf(read.error.issues[0]?.path[0]));
    const given = Object.keys(Object(body));
    const { name, code, roaming, virtual: _fixed, ...rest } = read.data;
    if (rest.homeLocation != null && key.location !== undefined) {
      throw new Refused(400, 'key.homeLocation.invalid');
    }
    this.#checkFob(rest.serialNumber, id);
    if (name !== undefined) key.name = name;
    // A new code kills the old one at once.
    if (code != null && key.virtual) key.code = code;
    if (roaming !== undefined && given.includes('roaming')) key.roaming = roaming;
    this.#fill(key, rest);
    return this.shown(key);
  }

  #fill(
    key: SimulatedKey,
    {
      notes,
      description,
      pickupNote,
      address,
      serialNumber,
      homeLocation,
    }: Partial<
      Pick<
        KeyRequest,
        'notes' | 'description' | 'pickupNote' | 'address' | 'serialNumber' | 'homeLocation'
      >
    >,
  ): void {
    if (notes != null) key.notes = notes;
    if (description != null) key.description = description;
    if (pickupNote != null) key.pickupNote = pickupNote;
    if (address != null) key.address = address;
    if (serialNumber != null) key.serialNumber = serialNumber;
    if (homeLocation != null) key.homeLocation = Number(homeLocation.id);
  }

  #checkFob(serial: string | null | undefined, own: number | undefined): void {
    const other = [...this.all.values()].find(
      (key) => key.serialNumber !== undefined && key.serialNumber === serial,
    );
    if (other !== undefined && other.id !== own) throw new Refused(400, 'key.serialNumber.taken');
  }

  shown({ location, homeLocation, ...key }: SimulatedKey): object {
    return {
      ...key,
      ...(homeLocation === undefined ? {} : { homeLocation: { id: homeLocation } }),
      ...(location === undefined
        ? { currentUser: { id: 1 } }
        : { currentLocation: { id: location } }),
    };
  }
}

const FAULTS: Readonly<Record<string, string>> = {
  description: 'key.description.maxSize.exceeded',
  notes: 'key.notes.maxSize.exceeded',
  pickupNote: 'key.pickupNote.maxSize.exceeded',
  serialNumber: 'key.serialNumber.invalid',
  homeLocation: 'key.homeLocation.invalid',
  code: 'key.code.invalid',
};

function faultOf(field: PropertyKey | undefined): string {
  return FAULTS[String(field)] ?? 'key.name.required';
}
