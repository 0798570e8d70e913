/** Keycafe's cloud as its pages describe it (vendor-apis 2.11), with what they leave open marked as ours. */

import { type AccessRequest, accessRequestSchema } from '../../daemon/vendors/keycafe/wire.ts';
import type { Millis } from '../../drivers/contract/time.ts';
import { type CloudReply, type CloudRequest, CloudServer } from './common.ts';
import { KeycafeAccesses, type SimulatedAccess } from './keycafe-accesses.ts';
import { KeycafeBoxes } from './keycafe-boxes.ts';
import { KeycafeDoor, type KeycafeDoorOptions } from './keycafe-door.ts';
import { KeycafeKeys, type SimulatedKey } from './keycafe-keys.ts';
import { KeycafeMembers } from './keycafe-members.ts';
import { pageOf } from './keycafe-page.ts';
import { Refused } from './refused.ts';
import { WebhookSender } from './webhook-sender.ts';

export interface KeycafeCloudOptions extends KeycafeDoorOptions {
  readonly exchangeEnabled?: boolean;
  /** How wrong its clock is, as far as it tells the time. */
  readonly skew?: Millis;
  /** Of boxes whose location is not told. */
  readonly zone?: string;
  /** How a webhook is called, if not over HTTP; answers the status. */
  readonly post?: (call: WebhookCall) => Promise<number>;
}

export interface WebhookCall {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
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
  readonly #keys: KeycafeKeys;
  readonly #accesses: KeycafeAccesses;
  readonly events: Happening[] = [];
  readonly server: CloudServer;
  readonly members: KeycafeMembers;
  readonly boxes: KeycafeBoxes;
  readonly webhooks: WebhookSender<Happening>;
  readonly #hooks: Webhook[] = [];
  readonly #options: KeycafeCloudOptions;
  readonly #door: KeycafeDoor;
  #next = 1000;

  constructor(options: KeycafeCloudOptions) {
    this.#options = options;
    this.#door = new KeycafeDoor(options);
    this.server = new CloudServer((request) => this.#answer(request), options.clock);
    const nextId = () => this.#id();
    const code = (digits: number) => this.#code(digits);
    this.#keys = new KeycafeKeys({ nextId, code });
    this.members = new KeycafeMembers({ nextId, code });
    this.#accesses = new KeycafeAccesses({
      clock: options.clock,
      zone: options.zone,
      personLike: (user) => this.members.personLike(user),
    });
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

  /** How often somebody went over the limit. */
  get penalties(): number {
    return this.#door.penalties;
  }

  get baseUrl(): string {
    return `${this.server.url}/v0`;
  }

  get keys(): Map<number, SimulatedKey> {
    return this.#keys.all;
  }

  get accesses(): Map<number, SimulatedAccess> {
    return this.#accesses.all;
  }

  addKey(key: Partial<SimulatedKey> & { readonly name: string }): SimulatedKey {
    return this.#keys.add(key);
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
    const { post = overHttp } = this.#options;
    const statuses = await Promise.all(
      this.#hooks.map(({ url, username, password }) => {
        const secret = Buffer.from(`${username}:${password}`).toString('base64');
        const headers = { authorization: `Basic ${secret}`, 'content-type': 'application/json' };
        return post({ url, headers, body: JSON.stringify(event) });
      }),
    );
    return statuses.find((status) => status !== 200) ?? 200;
  }

  #answer(request: CloudRequest): CloudReply {
    try {
      this.#door.admit(request);
      return this.#route(request);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const isFrench = /^fr/i.test(request.headers['accept-language'] ?? '');
      const errorMessage = isFrench ? FRENCH : `Refused: ${error.message}`;
      return { status: error.status, body: { error: { errorId: error.message, errorMessage } } };
    }
  }

  #route(request: CloudRequest): CloudReply {
    const [, what = '', id, operation] = request.path.replace(/^\/v0/, '').split('/');
    const { method, body, query } = request;
    const ok = (shown: object): CloudReply => ({ status: 200, body: shown });
    switch (`${method} ${what}${id === undefined ? '' : '/'}${operation ?? ''}`) {
      case 'GET key':
        return pageOf(request, this.#keys.list(query.get('query')));
      case 'POST key':
        return ok(this.#keys.create(body));
      case 'PUT key/':
        return ok(this.#keys.edit(Number(id), body));
      case 'PUT key/exchange':
        return this.#exchange(Number(id));
      case 'GET access':
        return pageOf(request, this.#accesses.list(query));
      case 'GET access/':
        return ok(this.#accesses.shown(this.#accesses.at(Number(id))));
      case 'POST access':
        return ok(this.#create(body));
      case 'PUT access/':
        return ok(this.#accesses.edit(Number(id), body));
      case 'DELETE access/':
        this.cancel(Number(id));
        return { status: 200 };
      case 'GET location':
        return pageOf(request, [...this.boxes.locations.values()]);
      case 'GET box':
        return pageOf(request, this.boxes.shownBoxes());
      case 'GET bin':
        return pageOf(request, this.boxes.shownBins(query.get('box')));
      case 'PUT bin/':
        return this.#bin(Number(id), body);
      case 'POST release':
        return ok(this.boxes.release(body));
      case 'GET release/':
        return ok(this.boxes.shownRelease(Number(id)));
      case 'GET event':
        return pageOf(request, this.#eventsLike(query));
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
      case 'POST authorization':
        return ok({ token: this.#door.makeToken(request) });
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
        return pageOf(
          request,
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
        return pageOf(
          request,
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

  #create(body: unknown): object {
    const read = this.#accesses.read(body);
    const key = this.#keys.named(read.key ?? {});
    return this.#accesses.shown(this.addAccess(read, key.id));
  }

  #exchange(id: number): CloudReply {
    const key = this.#keys.at(id);
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
      const found = this.#keys.at(Number(Object(key).id));
      for (const each of this.boxes.bins.values()) if (each.key === found.id) delete each.key;
      bin.key = found.id;
      this.dropOff(found, this.boxes.locationOf(bin) ?? 1);
    } else if (before?.location !== undefined) {
      this.pickUp(before);
    }
    return { status: 200 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.webhooks[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

async function overHttp({ url, headers, body }: WebhookCall): Promise<number> {
  const reply = await fetch(url, { method: 'POST', headers, body });
  return reply.status;
}
