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
import type { Clock, Millis, Random } from '../../drivers/contract/time.ts';
import { type CloudReply, type CloudRequest, CloudServer } from './common.ts';
import { KeycafeBoxes } from './keycafe-boxes.ts';
import { KeycafeMembers } from './keycafe-members.ts';
import { Refused } from './refused.ts';
import { WebhookSender } from './webhook-sender.ts';

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
  /** `EMAIL/token:TOKEN`, `EMAIL/key:KEY` or `EMAIL:PASSWORD`: the whole of it; with two-factor login on, no password. */
  readonly credentials: string | readonly string[];
  readonly hasTwoFactor?: boolean;
  /** How wrong its clock is, as far as it tells the time. */
  readonly skew?: Millis;
  /** Of boxes whose location is not told. */
  readonly zone?: string;
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
  readonly anonymous?: boolean;
}

interface Webhook {
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

/** Webhooks tell of keys only (vendor-apis 2.6). */
const TOLD: readonly Happening['type'][] = ['PICKUP', 'DROPOFF'];
const WEBHOOK_TRIES = 10;
const WEBHOOK_FIRST_WAIT: Millis = 5000;

const FRENCH = 'Demande refusée';

export class KeycafeCloud implements AsyncDisposable {
  readonly keys = new Map<number, SimulatedKey>();
  readonly accesses = new Map<number, SimulatedAccess>();
  readonly events: Happening[] = [];
  readonly server: CloudServer;
  readonly members: KeycafeMembers;
  readonly boxes: KeycafeBoxes;
  readonly webhooks: WebhookSender<Happening>;
  readonly #hooks: Webhook[] = [];
  readonly #options: KeycafeCloudOptions;
  /** How often somebody went over the limit. */
  penalties = 0;
  #next = 1000;
  #sent: number[] = [];
  #penaltyUntil = 0;
  readonly #tokens: string[] = [];

  constructor(options: KeycafeCloudOptions) {
    this.#options = options;
    this.server = new CloudServer((request) => this.#answer(request), options.clock);
    const nextId = () => this.#id();
    this.members = new KeycafeMembers({ nextId, code: (digits) => this.#code(digits) });
    this.boxes = new KeycafeBoxes({ nextId, uptime: () => options.clock.uptime() });
    this.webhooks = new WebhookSender({
      clock: options.clock,
      post: (event) => this.#post(event),
      // 201 and 204 do not count.
      isReceived: (status) => status === 200,
      triesMost: WEBHOOK_TRIES,
      firstWait: WEBHOOK_FIRST_WAIT,
    });
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

  /** As in the settings of an account. */
  addWebhook(hook: Webhook): void {
    this.#hooks.push(hook);
  }

  cancel(id: number): void {
    if (!this.accesses.delete(id)) throw new Refused(404, 'access.notFound');
    this.#happen('ACCESS_CANCELLED', { access: { id } });
  }

  /** Somebody drops the key off there: it is checked in, and its home moves along. */
  dropOff(key: SimulatedKey, location: number): void {
    if (!key.roaming && key.homeLocation !== undefined && key.homeLocation !== location) {
      throw new Refused(400, 'key.exchange.error.location');
    }
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

  #code(digits = 8): string {
    const number = Math.floor(this.#options.random.fraction() * 10 ** digits);
    return String(number).padStart(digits, '0');
  }

  #happen(type: Happening['type'], about: Pick<Happening, 'key' | 'access'>): void {
    const { clock, skew = 0 } = this.#options;
    const dateCreated = new Date(clock.now() + skew).toISOString();
    const event: Happening = { id: this.#id(), dateCreated, type, ...about };
    this.events.push(event);
    if (TOLD.includes(type) && this.#hooks.length > 0) this.webhooks.tell(event);
  }

  async #post(event: Happening): Promise<number> {
    const statuses = await Promise.all(
      this.#hooks.map(async ({ url, username, password }) => {
        const secret = Buffer.from(`${username}:${password}`).toString('base64');
        const headers = { authorization: `Basic ${secret}`, 'content-type': 'application/json' };
        const reply = await fetch(url, { method: 'POST', headers, body: JSON.stringify(event) });
        return reply.status;
      }),
    );
    return statuses.find((status) => status !== 200) ?? 200;
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
    const { clock, perMinute = PER_MINUTE } = this.#options;
    const now = clock.uptime();
    this.#sent = [...this.#sent.filter((at) => at > now - 60_000), now];
    if (this.#sent.length > perMinute && now >= this.#penaltyUntil) {
      this.#penaltyUntil = now + PENALTY_MS;
      this.penalties += 1;
    }
    // Everything fails, whoever asks and for what.
    if (now < this.#penaltyUntil) throw new Refused(429, 'error.limitExceeded');
    if (!this.#isKnown(headers.authorization)) throw new Refused(401, 'unauthorized');
  }

  #isKnown(shown: string | undefined): boolean {
    const { credentials, hasTwoFactor = false } = this.#options;
    const all = typeof credentials === 'string' ? [credentials] : credentials;
    return [...all, ...this.#tokens].some((each) => {
      const isPassword = !/^[^:]*\/(token|key):/.test(each);
      if (isPassword && hasTwoFactor) return false;
      return shown === `Basic ${Buffer.from(each).toString('base64')}`;
    });
  }

  #route(request: CloudRequest): CloudReply {
    const [, what = '', id, operation] = request.path.replace(/^\/v0/, '').split('/');
    const { method, body, query } = request;
    const ok = (shown: object): CloudReply => ({ status: 200, body: shown });
    switch (`${method} ${what}${id === undefined ? '' : '/'}${operation ?? ''}`) {
      case 'GET key':
        return this.#page(request, this.#keysLike(query.get('query')));
      case 'POST key':
        return this.#createKey(body);
      case 'PUT key/':
        return this.#editKey(Number(id), body);
      case 'PUT key/exchange':
        return this.#exchange(Number(id));
      case 'GET access':
        return this.#page(request, this.#accessesLike(query));
      case 'GET access/':
        return ok(this.#shown(this.#at(Number(id))));
      case 'POST access':
        return this.#create(body);
      case 'PUT access/':
        return this.#edit(Number(id), body);
      case 'DELETE access/':
        this.cancel(Number(id));
        return { status: 200 };
      case 'GET location':
        return this.#page(request, [...this.boxes.locations.values()]);
      case 'GET box':
        return this.#page(request, this.boxes.shownBoxes());
      case 'GET bin':
        return this.#page(request, this.boxes.shownBins(query.get('box')));
      case 'PUT bin/':
        return this.#bin(Number(id), body);
      case 'POST release':
        return ok(this.boxes.release(body));
      case 'GET release/':
        return ok(this.boxes.shownRelease(Number(id)));
      case 'GET event':
        return this.#page(request, this.#eventsLike(query));
      case 'GET event/':
        return ok(this.#event(Number(id)));
      case 'POST webhook': {
        const { url, username, password } = Object(body);
        this.addWebhook({
          url: String(url),
          username: String(username),
          password: String(password),
        });
        return { status: 200 };
      }
      case 'GET organization/':
        return ok({ id: 1, name: 'Simulated' });
      case 'POST authorization': {
        const [email = ''] = this.#nameOf(request).split('/');
        const token = Buffer.from(this.#options.random.bytes(12)).toString('hex');
        this.#tokens.push(`${email}/token:${token}`);
        return ok({ token });
      }
      default:
        return this.#routeMembers(request, what, id);
    }
  }

  #routeMembers({ method, body, ...request }: CloudRequest, what: string, id?: string): CloudReply {
    const { members } = this;
    const ok = (shown: object): CloudReply => ({ status: 200, body: shown });
    switch (`${method} ${what}${id === undefined ? '' : '/'}`) {
      case 'GET organizationMembership': {
        const rows = [...members.memberships.values()];
        return this.#page(
          { method, body, ...request },
          rows.map((each) => members.shownMembership(each)),
        );
      }
      case 'POST organizationMembership':
        return ok(members.shownMembership(members.join(body)));
      case 'DELETE organizationMembership/':
        members.removeMember(Number(id));
        return { status: 200 };
      case 'GET permission': {
        const rows = [...members.permissions.values()];
        return this.#page(
          { method, body, ...request },
          rows.map((each) => members.shownPermission(each)),
        );
      }
      case 'POST permission':
        return ok(members.shownPermission(members.addPermission(body)));
      case 'PUT permission/':
        return ok(members.shownPermission(members.editPermission(Number(id), body)));
      case 'DELETE permission/':
        members.removePermission(Number(id));
        return { status: 200 };
      default:
        throw new Refused(404, 'operation.notFound');
    }
  }

  #nameOf({ headers }: CloudRequest): string {
    const encoded = headers.authorization?.replace(/^Basic /, '') ?? '';
    return Buffer.from(encoded, 'base64').toString('utf8').split(':')[0] ?? '';
  }

  #keysLike(text: string | null): readonly object[] {
    return [...this.keys.values()]
      .filter(({ name, notes, serialNumber }) => isLike(text, name, notes, serialNumber))
      .map((key) => this.#shownKey(key));
  }

  /** Ended ones vanish, without an event. */
  #accessesLike(query: URLSearchParams): readonly object[] {
    const key = query.get('key');
    const user = query.get('user');
    return [...this.accesses.values()]
      .filter(({ body }) => !this.#isOver(body))
      .filter(({ keys }) => key === null || keys.includes(Number(key)))
      .filter(({ body }) => user === null || body.user?.id === user)
      .filter(({ body }) => isLike(query.get('query'), body.name, body.user?.email))
      .map((access) => this.#shown(access));
  }

  /** By the wall clock of its zone; a floating one by that of the box. */
  #isOver({ accessEndDate, accessEndTime, timeZone }: AccessRequest): boolean {
    if (accessEndDate === undefined) return false;
    const { clock, zone = 'Europe/Stockholm' } = this.#options;
    const now = wallClock(clock.now(), timeZone ?? zone);
    return `${accessEndDate} ${accessEndTime ?? '00:00'}` <= now;
  }

  /** Newest first; one search property at least. */
  #eventsLike(query: URLSearchParams): readonly object[] {
    if ([...query.keys()].every((name) => name === 'page')) {
      throw new Refused(400, 'event.search.required');
    }
    const key = query.get('key');
    return this.events
      .filter((event) => key === null || String(event.key?.id) === key)
      .toReversed();
  }

  #event(id: number): object {
    const found = this.events.find((event) => event.id === id);
    if (found === undefined) throw new Refused(404, 'event.notFound');
    return found;
  }

  #page({ query, path }: CloudRequest, rows: readonly object[]): CloudReply {
    const page = Number(query.get('page') ?? 1);
    const last = Math.max(1, Math.ceil(rows.length / PAGE_SIZE));
    const link = (to: number, rel: string) => {
      const next = new URLSearchParams(query);
      next.set('page', String(to));
      return `<${path}?${next}>; rel="${rel}"`;
    };
    const links = [link(1, 'first'), link(last, 'last')];
    if (page > 1) links.push(link(page - 1, 'prev'));
    if (page < last) links.push(link(page + 1, 'next'));
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
    checkBounds(read.data);
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
    const edited = { ...access.body, ...given, ...(name === undefined ? {} : { name }) };
    checkBounds(edited);
    access.body = edited;
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
    const read = keyRequestSchema.partial().safeParse(body);
    if (!read.success) throw new Refused(400, 'key.name.required');
    const given = Object.keys(Object(body));
    const { name, notes, code, serialNumber, roaming, homeLocation } = read.data;
    if (homeLocation != null && key.location !== undefined) {
      throw new Refused(400, 'key.homeLocation.invalid');
    }
    if (name !== undefined) key.name = name;
    if (notes != null) key.notes = notes;
    // A new code kills the old one at once.
    if (code != null && key.virtual) key.code = code;
    if (serialNumber != null) key.serialNumber = serialNumber;
    if (roaming !== undefined && given.includes('roaming')) key.roaming = roaming;
    if (homeLocation != null) key.homeLocation = Number(homeLocation.id);
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

  /** The inventory is set right by hand: what lies in the bin lies there, whatever was said before. */
  #bin(id: number, body: unknown): CloudReply {
    const bin = this.boxes.bin(id);
    const { key } = Object(body);
    const before = bin.key === undefined ? undefined : this.keys.get(bin.key);
    delete bin.key;
    if (key != null) {
      const found = this.#key(Number(Object(key).id));
      for (const each of this.boxes.bins.values()) if (each.key === found.id) delete each.key;
      bin.key = found.id;
      this.dropOff(found, this.boxes.locationOf(bin) ?? 1);
    } else if (before?.location !== undefined) {
      this.pickUp(before);
    }
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
    await this.webhooks[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

function isLike(query: string | null, ...texts: readonly (string | null | undefined)[]): boolean {
  const wanted = query?.toLowerCase();
  return wanted === undefined || texts.some((text) => text?.toLowerCase().includes(wanted));
}

/** `2026-03-02 10:00` */
function wallClock(at: number, zone: string): string {
  const parts = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'short',
  });
  return parts.format(at);
}

/** Both ends or none, and the end after the start. */
function checkBounds(body: AccessRequest): void {
  const { accessStartDate, accessStartTime, accessEndDate, accessEndTime, timeZone } = body;
  const given = [accessStartDate, accessStartTime, accessEndDate, accessEndTime].filter(
    (each) => each !== undefined,
  );
  if (given.length === 0) return;
  const start = `${accessStartDate} ${accessStartTime}`;
  if (given.length < 4 || start >= `${accessEndDate} ${accessEndTime}`) {
    throw new Refused(400, 'access.dates.invalid');
  }
  if (timeZone !== undefined && !Intl.supportedValuesOf('timeZone').includes(timeZone)) {
    throw new Refused(400, 'access.timeZone.invalid');
  }
}
