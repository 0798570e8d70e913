/** IntServ's own calls, answered by the box itself with the internet gone (vendor-apis 4.2). Mounted at `/intserv/v1`. */
import type { z } from 'zod';
import { instant } from '../../../drivers/contract/time.ts';
import { textIn } from '../../access/body.ts';
import type { RecordedEntry } from '../../access/entry.ts';
import { grantId, type Reason } from '../../access/model.ts';
import {
  bearerOf,
  type DialectRequest,
  type DialectResponse,
  type DialectRoute,
  isPrivate,
  isSameSecret,
} from '../dialect.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { AccessKeyBook, IntservRefusal, numberOf } from './key-book.ts';
import { type IntservPlaces, iso } from './mapping.ts';
import { addSchema, EVENTS_MOST, eventsRequestSchema, LOOK_BACK_MS, removeSchema } from './wire.ts';

export interface IntservDialectParts {
  readonly sync: VendorSync;
  readonly places: IntservPlaces;
  /** Integration API keys of who may call. */
  readonly keys: readonly string[];
  /** The connector is to tell the vendor. */
  readonly changed: () => void;
}

const BASE = '/intserv/v1';

export function intservRoutes(parts: IntservDialectParts): readonly DialectRoute[] {
  const { sync, places, changed } = parts;
  const book = new AccessKeyBook({ sync, places });
  const told = new StatusOf(sync, book);
  const route = (path: string, handle: (request: DialectRequest) => Promise<DialectResponse>) =>
    routeOf(parts, path, handle);
  return [
    route('/accesskeys/add', async (asked) => {
      const shown = await book.add(bodyOf(addSchema, asked));
      changed();
      return { status: 200, body: shown };
    }),
    route('/accesskeys/remove', async (asked) => {
      await book.remove(bodyOf(removeSchema, asked));
      changed();
      return { status: 204 };
    }),
    route('/accesskeys/status', async ({ body }) => {
      const id = Object(body).id;
      if (typeof id !== 'string') throw new IntservRefusal(400, 'InvalidRequest', 'id');
      return { status: 200, body: told.of(id) };
    }),
    route('/accesslevels/list', async () => ({
      status: 200,
      body: {
        levels: Object.entries(book.levelNames()).map(([id, name]) => ({
          id,
          name,
          system_id: sync.desk.about.site,
        })),
      },
    })),
    route('/events/list', async (asked) => ({
      status: 200,
      body: eventsOf(sync, book, bodyOf(eventsRequestSchema, asked)),
    })),
    route('/appflows/auth_integration', async () => {
      throw new IntservRefusal(400, 'NotAvailable', 'integrations are set up in the portal');
    }),
  ];
}

function routeOf(
  { keys }: IntservDialectParts,
  path: string,
  handle: (request: DialectRequest) => Promise<DialectResponse>,
): DialectRoute {
  return {
    method: 'POST',
    path: `${BASE}${path}`,
    handle: async (request) => {
      const asked = bearerOf(request) ?? '';
      const isKnown = keys.filter((key) => isSameSecret(key, asked)).length > 0;
      if (!isKnown) return refused(401, 'Unauthorized', 'this API key is not known');
      if (!isPrivate(request)) return refused(403, 'Forbidden', 'codes are told over TLS only');
      try {
        return await handle(request);
      } catch (error) {
        if (error instanceof IntservRefusal)
          return refused(error.status, error.word, error.message);
        throw error;
      }
    },
  };
}

function refused(status: number, error: string, message: string): DialectResponse {
  return { status, body: { error, message } };
}

function bodyOf<T extends z.ZodType>(schema: T, { body }: DialectRequest): z.output<T> {
  const read = schema.safeParse(body ?? {});
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw new IntservRefusal(400, 'InvalidRequest', `${where}: ${issue?.message ?? 'not valid'}`);
}

/** Applied at this site from the moment it is stored; at IntServ's other systems as far as they say. */
class StatusOf {
  readonly #sync: VendorSync;
  readonly #book: AccessKeyBook;

  constructor(sync: VendorSync, book: AccessKeyBook) {
    this.#sync = sync;
    this.#book = book;
  }

  of(number: string): object {
    const { grant } = this.#book.at(number);
    const record = this.#sync.record(grant.id);
    const site = this.#sync.desk.about.site;
    const at = record?.since ?? 0;
    const here =
      grant.targets.length === 0
        ? []
        : [{ system_id: site, applied_at: iso(Math.floor(at / 1000)) }];
    const of = (state: string) => (record?.places ?? []).filter((place) => place.state === state);
    const applied = [
      ...here,
      ...of('active').map(({ place, detail }) => ({
        system_id: place,
        applied_at: detail ?? null,
      })),
    ];
    const pending = of('pending').map(({ place }) => ({ system_id: place }));
    const failed = of('failed').map(({ place, detail }) => ({
      system_id: place,
      error_type: detail ?? null,
    }));
    return {
      status: statusOf(applied.length, pending.length, failed.length),
      systems_where_applied: applied,
      systems_where_pending: pending,
      systems_where_failed: failed,
    };
  }
}

function statusOf(applied: number, pending: number, failed: number): string {
  if (applied + pending + failed === 0) return 'NotApplied';
  if (applied === 0) return pending > 0 ? 'Pending' : 'Failed';
  return pending + failed > 0 ? 'PartiallyApplied' : 'Applied';
}

/** Oldest first. Complete up to now, since this site is the only system behind it. */
function eventsOf(
  sync: VendorSync,
  book: AccessKeyBook,
  asked: z.output<typeof eventsRequestSchema>,
): object {
  const { desk } = sync;
  const now = desk.clock.now();
  const limit = asked.limit ?? EVENTS_MOST;
  const after = /^\d{1,15}$/.test(asked.continuation_key ?? '')
    ? Number(asked.continuation_key)
    : undefined;
  const { systems } = asked;
  const isOther = systems != null && systems.length > 0 && !systems.includes(desk.about.site);
  const isGranted = asked.include_access_granted === true || asked.include_access_denied !== true;
  const isDenied = asked.include_access_denied === true || asked.include_access_granted !== true;
  const found = isOther
    ? []
    : desk.journal.read({
        types: [
          ...(isGranted ? (['access.granted'] as const) : []),
          ...(isDenied ? (['access.denied'] as const) : []),
        ],
        from: instant(asked.from_date == null ? now - LOOK_BACK_MS : Date.parse(asked.from_date)),
        to: instant(asked.to_date == null ? now : Date.parse(asked.to_date)),
        ...(after === undefined ? {} : { after }),
        limit: limit + 1,
      });
  const page = found.slice(0, limit);
  const hasMore = found.length > limit;
  return {
    least_sync_time: iso(Math.floor(now / 1000)),
    has_more: hasMore,
    continuation_key: hasMore ? String(page.at(-1)?.seq ?? '') : null,
    events: page.map((entry) => eventOf(entry, sync, book)),
  };
}

function eventOf({ type, body, stamp, seq }: RecordedEntry, sync: VendorSync, book: AccessKeyBook) {
  const isGranted = type === 'access.granted';
  const grant = textIn(body, 'grant');
  const id = grant?.startsWith('intserv:') === true ? grantId(grant) : undefined;
  const kept = id === undefined ? undefined : book.kept(id);
  return {
    event_time: new Date(stamp.at).toISOString(),
    sequence_id: seq,
    category: isGranted ? 'accessgranted' : 'accessdenied',
    type: isGranted
      ? grantedType(textIn(body, 'method'))
      : (DENIED[textIn(body, 'reason') ?? ''] ?? 200),
    system_id: sync.desk.about.site,
    door_name: textIn(body, 'accessPoint') ?? null,
    key_id: id === undefined ? null : numberOf(id),
    key:
      kept === undefined ? null : { identification: kept.key.identification, type: kept.key.type },
    person: kept?.person ?? null,
    subject: null,
  };
}

function grantedType(method: string | undefined): number {
  if (method === 'pin') return 101;
  if (method === 'card' || method === 'fob') return 102;
  return method?.includes('pin') === true ? 103 : 100;
}

const DENIED: Readonly<Partial<Record<Reason | string, number>>> = {
  'unknown-credential': 201,
  expired: 202,
  revoked: 203,
  'credential-disabled': 204,
  'second-factor-required': 205,
  'wrong-access-point': 206,
  'operation-not-allowed': 206,
  'not-yet-valid': 207,
  'outside-schedule': 207,
  holiday: 207,
};
