/** Keycafe's cloud as its pages describe it (vendor-apis 2.11), with what they leave open marked as ours. */

import {
  type AccessRequest,
  accessRequestSchema,
  accessUpdateSchema,
  keyRequestSchema,
  PAGE_SIZE,
  PENALTY_MS,
  PER_MINUTE,
} from '../../daemon/vendors/keycafe/wire.ts';
import type { Clock, Random } from '../../drivers/contract/time.ts';
import { type CloudReply, type CloudRequest, CloudServer } from './common.ts';

export interface SimulatedKey {
  readonly id: number;
  name: string;
  serialNumber?: string;
  virtual: boolean;
  code?: string;
  roaming: boolean;
  notes?: string;
  homeLocation?: number;
  /** Checked in there; checked out without it. */
  location?: number;
}

export interface SimulatedAccess {
  readonly id: number;
  readonly bookingCode: string;
  readonly keys: readonly number[];
  body: AccessRequest;
}

export interface KeycafeCloudOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** `EMAIL/token:TOKEN`: the whole of it. */
  readonly credentials: string;
  /** Requests a minute; above, a penalty minute. */
  readonly perMinute?: number;
  readonly exchangeEnabled?: boolean;
}

/** Told to its webhook; Keycafe repeats until it is answered with 200. */
export interface Happening {
  readonly id: number;
  readonly dateCreated: string;
  readonly type: 'PICKUP' | 'DROPOFF' | 'ACCESS_CREATED' | 'ACCESS_CANCELLED';
  readonly key?: { readonly id: number };
  readonly access?: { readonly id: number };
}

class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  constructor(status: number, id: string) {
    super(id);
    this.status = status;
  }
}

const FRENCH = 'Demande refusée';

export class KeycafeCloud implements AsyncDisposable {
  readonly keys = new Map<number, SimulatedKey>();
  readonly accesses = new Map<number, SimulatedAccess>();
  readonly events: Happening[] = [];
  readonly server: CloudServer;
  readonly #options: KeycafeCloudOptions;
  /** How often somebody went over the limit. */
  penalties = 0;
  #next = 1000;
  #sent: number[] = [];
  #penaltyUntil = 0;

  constructor(options: KeycafeCloudOptions) {
    this.#options = options;
    this.server = new CloudServer((request) => this.#answer(request));
  }

  get baseUrl(): string {
    return `${this.server.url}/v0`;
  }

  addKey(key: Partial<SimulatedKey> & { readonly name: string }): SimulatedKey {
    const made: SimulatedKey = { id: this.#id(), virtual: false, roaming: true, ...key };
    this.keys.set(made.id, made);
    return made;
  }

  addAccess(body: Partial<AccessRequest>, ...keys: number[]): SimulatedAccess {
    const made: SimulatedAccess = {
      id: this.#id(),
      bookingCode: this.#code(),
      keys,
      body: accessRequestSchema.parse({ ...body, key: { id: keys[0] } }),
    };
    this.accesses.set(made.id, made);
    this.#happen('ACCESS_CREATED', { access: { id: made.id } });
    return made;
  }

  cancel(id: number): void {
    if (!this.accesses.delete(id)) throw new Refused(404, 'access.notFound');
    this.#happen('ACCESS_CANCELLED', { access: { id } });
  }

  /** Somebody drops the key off there: it is checked in, and its home moves along. */
  dropOff(key: SimulatedKey, location: number): void {
    key.location = location;
    key.homeLocation = location;
    this.#happen('DROPOFF', { key: { id: key.id } });
  }

  pickUp(key: SimulatedKey): void {
    delete key.location;
    this.#happen('PICKUP', { key: { id: key.id } });
  }

  #id(): number {
    this.#next += 1;
    return this.#next;
  }

  #code(): string {
    const number = Math.floor(this.#options.random.fraction() * 1e8);
    return String(number).padStart(8, '0');
  }

  #happen(type: Happening['type'], about: Pick<Happening, 'key' | 'access'>): void {
    const dateCreated = new Date(this.#options.clock.now()).toISOString();
    this.events.push({ id: this.#id(), dateCreated, type, ...about });
  }

  #answer(request: CloudRequest): CloudReply {
    try {
      this.#admit(request);
      return this.#route(request);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const isFrench = /^fr/i.test(request.headers['accept-language'] ?? '');
      const errorMessage = isFrench ? FRENCH : `Refused: ${error.message}`;
      return { status: error.status, body: { error: { errorId: error.message, errorMessage } } };
    }
  }

  #admit({ headers }: CloudRequest): void {
    const { clock, credentials, perMinute = PER_MINUTE } = this.#options;
    const now = clock.uptime();
    this.#sent = [...this.#sent.filter((at) => at > now - 60_000), now];
    if (this.#sent.length > perMinute && now >= this.#penaltyUntil) {
      this.#penaltyUntil = now + PENALTY_MS;
      this.penalties += 1;
    }
    // Everything fails, whoever asks and for what.
    if (now < this.#penaltyUntil) throw new Refused(429, 'error.limitExceeded');
    const expected = `Basic ${Buffer.from(credentials).toString('base64')}`;
    if (headers.authorization !== expected) throw new Refused(401, 'unauthorized');
  }

  #route(request: CloudRequest): CloudReply {
    const [, what = '', id, operation] = request.path.replace(/^\/v0/, '').split('/');
    switch (`${request.method} ${what}${id === undefined ? '' : '/'}${operation ?? ''}`) {
      case 'GET key':
        return this.#page(
          request,
          [...this.keys.values()].map((key) => this.#shownKey(key)),
        );
      case 'POST key':
        return this.#createKey(request.body);
      case 'PUT key/':
        return this.#editKey(Number(id), request.body);
      case 'PUT key/exchange':
        return this.#exchange(Number(id));
      case 'GET access':
        return this.#page(
          request,
          this.#live().map((access) => this.#shown(access)),
        );
      case 'GET access/':
        return { status: 200, body: this.#shown(this.#at(Number(id))) };
      case 'POST access':
        return this.#create(request.body);
      case 'PUT access/':
        return this.#edit(Number(id), request.body);
      case 'DELETE access/':
        this.cancel(Number(id));
        return { status: 200 };
      case 'PUT bin/':
        return this.#bin(request.body);
      default:
        throw new Refused(404, 'operation.notFound');
    }
  }

  #live(): readonly SimulatedAccess[] {
    const today = new Date(this.#options.clock.now()).toISOString().slice(0, 10);
    // Ended ones vanish; a day's grace, since the zone of the end is not looked at here.
    return [...this.accesses.values()].filter(
      ({ body }) => body.accessEndDate === undefined || body.accessEndDate >= today,
    );
  }

  #page({ query, path }: CloudRequest, rows: readonly object[]): CloudReply {
    const page = Number(query.get('page') ?? 1);
    const last = Math.max(1, Math.ceil(rows.length / PAGE_SIZE));
    const links = [`<${path}?page=1>; rel="first"`, `<${path}?page=${last}>; rel="last"`];
    if (page > 1) links.push(`<${path}?page=${page - 1}>; rel="prev"`);
    if (page < last) links.push(`<${path}?page=${page + 1}>; rel="next"`);
    return {
      status: 200,
      headers: { link: links.join(', ') },
      body: rows.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE),
    };
  }

  #at(id: number): SimulatedAccess {
    const found = this.accesses.get(id);
    if (found === undefined) throw new Refused(404, 'access.notFound');
    return found;
  }

  #create(body: unknown): CloudReply {
    const read = accessRequestSchema.safeParse(body);
    if (!read.success) throw new Refused(400, 'access.invalid');
    const { key, user, name } = read.data;
    if (user == null && name == null) throw new Refused(400, 'access.name.required');
    const found = [...this.keys.values()].find(
      ({ id, serialNumber }) =>
        String(id) === key?.id ||
        (serialNumber !== undefined && serialNumber === key?.serialNumber),
    );
    if (key == null) throw new Refused(400, 'key.required');
    if (found === undefined) throw new Refused(404, 'key.notFound');
    return { status: 200, body: this.#shown(this.addAccess(read.data, found.id)) };
  }

  #edit(id: number, body: unknown): CloudReply {
    const access = this.#at(id);
    const read = accessUpdateSchema.safeParse(body);
    if (!read.success) throw new Refused(400, 'access.invalid');
    if (access.body.accessStartDate === undefined) throw new Refused(400, 'access.ongoing');
    if (access.keys.length !== 1) throw new Refused(400, 'access.multipleKeys');
    if (access.body.timeZone === undefined && read.data.timeZone !== undefined) {
      throw new Refused(400, 'access.timeZone.notAllowed');
    }
    const { name, ...rest } = read.data;
    const given = Object.fromEntries(
      Object.entries(rest).filter(([, value]) => value !== undefined),
    );
    access.body = { ...access.body, ...given, ...(name === undefined ? {} : { name }) };
    return { status: 200, body: this.#shown(access) };
  }

  #shown({ id, bookingCode, keys, body }: SimulatedAccess): object {
    const { key: _key, startDate: _start, endDate: _end, user, ...fields } = body;
    const all = keys.map((each) => ({ id: each }));
    return {
      id,
      bookingCode,
      ...(body.accessStartDate === undefined ? {} : { checkinLink: `https://guest.example/${id}` }),
      ...fields,
      ...(user == null
        ? {}
        : { user: { ...user, ...(user.id === undefined ? {} : { id: Number(user.id) }) } }),
      ...(all.length === 1 ? { key: all[0] } : { keys: all }),
    };
  }

  #createKey(body: unknown): CloudReply {
    const read = keyRequestSchema.safeParse(body);
    if (!read.success) throw new Refused(400, 'key.name.required');
    const { name, virtual, roaming, code, serialNumber } = read.data;
    const isTaken = [...this.keys.values()].some(
      (key) => key.serialNumber !== undefined && key.serialNumber === serialNumber,
    );
    if (isTaken) throw new Refused(400, 'key.serialNumber.taken');
    const made = this.addKey({
      name,
      virtual,
      roaming,
      ...(code == null ? {} : { code }),
      ...(serialNumber == null ? {} : { serialNumber }),
    });
    return { status: 200, body: this.#shownKey(made) };
  }

  #editKey(id: number, body: unknown): CloudReply {
    const key = this.#key(id);
    const { name, notes } = Object(body);
    if (typeof name === 'string') key.name = name;
    if (typeof notes === 'string') key.notes = notes;
    return { status: 200, body: this.#shownKey(key) };
  }

  #exchange(id: number): CloudReply {
    const key = this.#key(id);
    if (this.#options.exchangeEnabled === false)
      throw new Refused(400, 'key.exchange.error.disabled');
    if (key.location === undefined) this.dropOff(key, key.homeLocation ?? 1);
    else this.pickUp(key);
    return { status: 200 };
  }

  #bin(body: unknown): CloudReply {
    const { key } = Object(body);
    if (key != null) this.dropOff(this.#key(Number(Object(key).id)), 1);
    return { status: 200 };
  }

  #key(id: number): SimulatedKey {
    const key = this.keys.get(id);
    if (key === undefined) throw new Refused(404, 'key.notFound');
    return key;
  }

  #shownKey({ location, homeLocation, ...key }: SimulatedKey): object {
    return {
      ...key,
      ...(homeLocation === undefined ? {} : { homeLocation: { id: homeLocation } }),
      ...(location === undefined
        ? { currentUser: { id: 1 } }
        : { currentLocation: { id: location } }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}
