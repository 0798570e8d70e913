/** Keycafe's own calls, answered by the box itself with the internet gone (vendor-apis 2.2). Mounted at `/keycafe/v0`. */
import {
  basicOf,
  type DialectRequest,
  type DialectResponse,
  type DialectRoute,
  isPrivate,
  isSameSecret,
  queryText,
} from '../dialect.ts';
import type { HttpClient } from '../http.ts';
import { RequestBudget } from '../request-budget.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { AccessBook } from './access-book.ts';
import { BoxBook } from './box-book.ts';
import { EventBook } from './event-book.ts';
import { KeyBook } from './key-book.ts';
import { derivedId, drawnId } from './local-id.ts';
import { MemberBook } from './member-book.ts';
import { memberRoutes } from './member-routes.ts';
import { bodyOf, KeycafeRefusal, pageOf, refusalReply } from './reply.ts';
import type { KeycafePlaces } from './thing.ts';
import { WebhookCourier } from './webhook-courier.ts';
import {
  accessRequestSchema,
  accessUpdateSchema,
  keyRequestSchema,
  PENALTY_MS,
  PER_MINUTE,
  webhookRequestSchema,
} from './wire.ts';

export interface KeycafeDialectParts {
  readonly sync: VendorSync;
  readonly places: KeycafePlaces;
  /** `EMAIL/token:TOKEN`, `EMAIL/key:KEY` or `EMAIL:PASSWORD`: who may call. */
  readonly credentials: readonly string[];
  /** The connector is to tell the vendor. */
  readonly changed: () => void;
  readonly linkBase?: string;
  readonly http: HttpClient;
}

const BASE = '/keycafe/v0';
const RELEASE_KEPT = 200;
const CONTROL = /[\u0000-\u001f]/;

type Handler = (request: DialectRequest) => Promise<DialectResponse> | DialectResponse;

export class KeycafeDialect {
  readonly #parts: KeycafeDialectParts;
  readonly #accesses: AccessBook;
  readonly #keys: KeyBook;
  readonly #boxes: BoxBook;
  readonly #members: MemberBook;
  readonly #happened: EventBook;
  readonly #courier: WebhookCourier;
  readonly #budgets = new Map<string, RequestBudget>();
  readonly #releases = new Map<
    string,
    { state: 'waiting' | 'completed' | 'expired'; readonly bin: number }
  >();

  constructor(parts: KeycafeDialectParts) {
    this.#parts = parts;
    const { sync, places, linkBase } = parts;
    this.#boxes = new BoxBook({ sync, places });
    this.#keys = new KeyBook({ sync, places, boxes: this.#boxes });
    this.#happened = new EventBook({ sync, keys: this.#keys, boxes: this.#boxes });
    this.#courier = new WebhookCourier({ sync, events: this.#happened, http: parts.http });
    this.#members = new MemberBook({
      sync,
      places,
      keyNamed: (number) => this.#keys.named({ id: number }).id,
    });
    this.#accesses = new AccessBook({
      sync,
      keys: this.#keys,
      ...(linkBase === undefined ? {} : { linkBase }),
    });
  }

  /** Calls the webhooks that callers registered, until the signal. */
  run(signal: AbortSignal): Promise<void> {
    return this.#courier.run(signal);
  }

  routes(): readonly DialectRoute[] {
    const number = ({ params }: DialectRequest) => params['id'] ?? '';
    const requestKey = ({ headers }: DialectRequest) => headers['idempotency-key'];
    const ok = (body: object): DialectResponse => ({ status: 200, body });
    const done = async (body: Promise<object>): Promise<DialectResponse> => {
      const shown = await body;
      this.#parts.changed();
      return ok(shown);
    };
    return [
      this.#route('POST', '/access', (asked) =>
        done(
          this.#accesses.create(bodyOf('access', accessRequestSchema, asked), requestKey(asked)),
        ),
      ),
      this.#route('GET', '/access', (asked) =>
        pageOf(
          asked,
          this.#accesses.list({
            query: queryText(asked, 'query'),
            key: queryText(asked, 'key'),
            user: queryText(asked, 'user'),
          }),
        ),
      ),
      this.#route('GET', '/access/:id', (asked) => ok(this.#accesses.show(number(asked)))),
      this.#route('PUT', '/access/:id', (asked) =>
        done(this.#accesses.update(number(asked), bodyOf('access', accessUpdateSchema, asked))),
      ),
      this.#route('DELETE', '/access/:id', async (asked) => {
        await this.#accesses.cancel(number(asked));
        this.#parts.changed();
        return { status: 200 };
      }),
      this.#route('PUT', '/access/:id/:operation', () => {
        throw new KeycafeRefusal(400, 'operation.notFound', 'there is no such operation');
      }),
      this.#route('POST', '/key', (asked) =>
        done(this.#keys.create(bodyOf('key', keyRequestSchema, asked), requestKey(asked))),
      ),
      this.#route('GET', '/key', (asked) =>
        pageOf(asked, this.#keys.list(queryText(asked, 'query'))),
      ),
      this.#route('GET', '/key/:id', (asked) => ok(this.#keys.show(number(asked)))),
      this.#route('PUT', '/key/:id', (asked) =>
        done(this.#keys.update(number(asked), editedKey(asked))),
      ),
      this.#route('PUT', '/key/:id/:operation', ({ params }) => {
        if (params['operation'] !== 'exchange') {
          throw new KeycafeRefusal(400, 'operation.notFound', 'there is no such operation');
        }
        // Keys move when hands move them; a box with real doors has no such test facility.
        throw new KeycafeRefusal(400, 'key.exchange.error.disabled', 'exchanges happen at the box');
      }),
      this.#route('GET', '/location', (asked) => pageOf(asked, this.#boxes.locations())),
      this.#route('GET', '/box', (asked) => pageOf(asked, this.#boxes.boxes())),
      this.#route('GET', '/bin', (asked) =>
        pageOf(
          asked,
          this.#bins(queryText(asked, 'box')).map(({ shown }) => shown),
        ),
      ),
      this.#route('POST', '/release', (asked) => this.#release(asked)),
      this.#route('GET', '/release/:id', (asked) => ok(this.#releaseAt(number(asked)))),
      this.#route('PUT', '/bin/:id', (asked) => this.#stock(asked)),
      this.#route('GET', '/event', (asked) => this.#events(asked)),
      this.#route('GET', '/event/:id', (asked) => ok(this.#happened.event(number(asked)))),
      this.#route('GET', '/exchange', (asked) =>
        pageOf(
          asked,
          this.#happened.exchanges({
            key: queryText(asked, 'key'),
            type: queryText(asked, 'type'),
            before: queryText(asked, 'before'),
            after: queryText(asked, 'after'),
          }),
        ),
      ),
      this.#route('GET', '/exchange/:id', (asked) => ok(this.#happened.exchange(number(asked)))),
      this.#route('POST', '/exchange', () => {
        throw new KeycafeRefusal(400, 'key.exchange.error.disabled', 'exchanges happen at the box');
      }),
      this.#route('POST', '/webhook', async (asked) => {
        await this.#courier.register(bodyOf('webhook', webhookRequestSchema, asked));
        return { status: 200 };
      }),
      this.#route('GET', '/organization/current', () =>
        ok({
          id: Number(derivedId('organization', this.#parts.sync.desk.about.site)),
          name: this.#parts.sync.desk.about.site,
        }),
      ),
      ...memberRoutes({
        members: this.#members,
        route: (method, path, handle) => this.#route(method, path, handle),
        changed: () => this.#parts.changed(),
      }),
      this.#route('POST', '/authorization', () => {
        throw new KeycafeRefusal(403, 'action.forbidden', 'tokens are made at the box');
      }),
    ];
  }

  #route(method: DialectRoute['method'], path: string, handle: Handler): DialectRoute {
    return {
      method,
      path: `${BASE}${path}`,
      handle: async (request) => {
        try {
          this.#admit(request);
          // No id of ours has any, and so there is no such thing.
          if (Object.values(request.params).some((each) => CONTROL.test(each)))
            throw new KeycafeRefusal(404, 'notFound', 'there is no such thing');
          return await handle(request);
        } catch (error) {
          if (error instanceof KeycafeRefusal) return refusalReply(error);
          throw error;
        }
      },
    };
  }

  #admit(request: DialectRequest): void {
    const shown = basicOf(request);
    const asked = shown === undefined ? '' : `${shown.name}:${shown.password}`;
    const isKnown = this.#parts.credentials.filter((each) => isSameSecret(each, asked)).length > 0;
    if (!isKnown) throw new KeycafeRefusal(401, 'unauthorized', 'these credentials are not known');
    if (!isPrivate(request)) {
      throw new KeycafeRefusal(403, 'action.forbidden', 'codes are told over TLS only');
    }
    const { clock } = this.#parts.sync.desk;
    const budget = this.#budgets.get(asked) ?? new RequestBudget(clock, PER_MINUTE);
    this.#budgets.set(asked, budget);
    if (!budget.takeNow()) {
      // Going over costs a whole minute, in which nothing is answered.
      if (!budget.isHeld) budget.hold(PENALTY_MS);
      throw new KeycafeRefusal(429, 'error.limitExceeded', 'too many requests');
    }
  }

  #bins(box: string | undefined) {
    return this.#boxes.bins(box, (key) => this.#keys.brief(key));
  }

  async #release({ body }: DialectRequest): Promise<DialectResponse> {
    const { sync } = this.#parts;
    const asked = String(Object(Object(body).bin).id ?? '');
    const bin = this.#bins(undefined).find(({ id }) => String(id) === asked);
    const box = bin?.point.box;
    if (bin === undefined || box === undefined) {
      throw new KeycafeRefusal(404, 'bin.notFound', 'there is no such bin', 'bin');
    }
    const id = drawnId(sync.desk.random);
    const attempt = sync.desk.command(
      {
        kind: 'slot.open',
        by: 'dialect:keycafe',
        id: `keycafe:release:${id}`,
        device: box.device,
        slot: bin.slot,
      },
      [],
    );
    const release = { state: 'waiting' as 'waiting' | 'completed' | 'expired', bin: bin.id };
    this.#releases.set(id, release);
    for (const old of [...this.#releases.keys()].slice(0, -RELEASE_KEPT))
      this.#releases.delete(old);
    void attempt.outcome.then(({ result }) => {
      release.state = result === 'done' ? 'completed' : 'expired';
    });
    await attempt.recorded;
    return { status: 200, body: this.#releaseAt(id) };
  }

  #releaseAt(id: string): object {
    const release = this.#releases.get(id);
    if (release === undefined)
      throw new KeycafeRefusal(404, 'release.notFound', 'there is no such release');
    return {
      id: Number(id),
      bin: { id: release.bin },
      retrieved: true,
      completed: release.state === 'completed',
      expired: release.state === 'expired',
    };
  }

  /** Newest first; one search property at least, as Keycafe asks. */
  #events(request: DialectRequest): DialectResponse {
    const isSearch = Object.keys(request.query).some((name) => name !== 'page');
    if (!isSearch)
      throw new KeycafeRefusal(400, 'event.search.required', 'one search property at least');
    return pageOf(request, this.#happened.events({ key: queryText(request, 'key') }));
  }

  /** The inventory is set right by hand; nothing opens. */
  async #stock({ params, body }: DialectRequest): Promise<DialectResponse> {
    const { sync } = this.#parts;
    const bin = this.#bins(undefined).find(({ id }) => String(id) === params['id']);
    const box = bin?.point.box;
    if (bin === undefined || box === undefined) {
      throw new KeycafeRefusal(404, 'bin.notFound', 'there is no such bin', 'bin');
    }
    const asked = Object(body).key;
    const inside = sync.desk.grants.keys().find(({ id }) => {
      const place = sync.desk.journal.ledger.get('key', id)?.place;
      return place?.kind === 'slot' && place.box === box.device && place.slot === bin.slot;
    });
    const key = asked == null ? inside?.id : this.#keys.named({ id: String(Object(asked).id) }).id;
    if (key !== undefined) {
      const place =
        asked == null
          ? ({ kind: 'unknown' } as const)
          : ({ kind: 'slot', box: box.device, slot: bin.slot } as const);
      const by = 'dialect:keycafe';
      const { outcome } = sync.desk.command({ kind: 'key.correct', by, key, place }, []);
      const { result, reason } = await outcome;
      if (result !== 'done') {
        throw new KeycafeRefusal(400, 'bin.key.invalid', reason ?? result, 'key');
      }
    }
    const shown = this.#bins(undefined).find(({ id }) => id === bin.id)?.shown;
    return { status: 200, body: shown ?? bin.shown };
  }
}

/** Only what is named in the body changes: the defaults are those of a new key. */
function editedKey(request: DialectRequest) {
  const given = Object.keys(Object(request.body));
  const read = bodyOf('key', keyRequestSchema.partial(), request);
  return Object.fromEntries(Object.entries(read).filter(([name]) => given.includes(name)));
}
