/** IntServ's cloud as its pages describe it (vendor-apis 4.8), with what they leave open marked as ours. */
import {
  type AddRequest,
  addSchema,
  EVENTS_MOST,
  eventsRequestSchema,
  LOOK_BACK_MS,
  removeSchema,
} from '../../daemon/vendors/intserv/wire.ts';
import type { Clock, Millis, Random } from '../../drivers/contract/time.ts';
import { type CloudReply, type CloudRequest, CloudServer } from './common.ts';
import { Refused } from './refused.ts';

export interface SimulatedSystem {
  readonly id: string;
  /** How long a change takes to arrive. */
  delay: Millis;
  /** Digits of a code that it can hold; longer ones are cut from the left. */
  readonly codeMost?: number;
  /** Every change fails there, with this `error_type`. */
  fails?: string;
}

export interface SimulatedAccessKey {
  readonly id: string;
  body: AddRequest;
  person: { id: string; first_name: string; last_name: string };
  changedAt: number;
}

interface SimulatedEvent {
  readonly event_time: string;
  readonly sequence_id: number;
  readonly category: string;
  readonly type: number;
  readonly system_id: string;
  readonly door_name: string;
  readonly key_id: string | null;
  readonly key?: string | null;
  readonly person?: string | null;
  readonly subject?: string | null;
}

export interface IntservCloudOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly apiKey: string;
  /** Of the app, for what concerns no single integration. */
  readonly appKey?: string;
  readonly systems?: readonly SimulatedSystem[];
  readonly pageMost?: number;
}

export class IntservCloud implements AsyncDisposable {
  readonly keys = new Map<string, SimulatedAccessKey>();
  readonly levels = new Map<string, { readonly name: string; readonly system: string }>();
  readonly systems: readonly SimulatedSystem[];
  readonly events: SimulatedEvent[] = [];
  readonly server: CloudServer;
  readonly #options: IntservCloudOptions;
  #apiKey: string;
  /** By system: up to when its events have arrived. */
  readonly syncedTo = new Map<string, number>();

  constructor(options: IntservCloudOptions) {
    this.#options = options;
    this.#apiKey = options.apiKey;
    this.systems = options.systems ?? [{ id: 'brf42x-001', delay: 30_000 }];
    this.server = new CloudServer((request) => this.#answer(request), options.clock);
  }

  get baseUrl(): string {
    return `${this.server.url}/v1`;
  }

  /** A new key revokes the old at once. */
  regenerate(apiKey: string): void {
    this.#apiKey = apiKey;
  }

  addLevel(id: string, name: string, system = 'brf42x-001'): void {
    this.levels.set(id, { name, system });
  }

  happen(event: Partial<SimulatedEvent> & { readonly at: number }): void {
    const { at, ...rest } = event;
    this.events.push({
      event_time: new Date(at).toISOString(),
      sequence_id: this.events.length + 1,
      category: 'accessgranted',
      type: 102,
      system_id: 'brf42x-001',
      door_name: 'Entrance',
      key_id: null,
      ...rest,
    });
  }

  /** What a system's keypads take of the key's code. */
  effectiveCode(key: SimulatedAccessKey, system: SimulatedSystem): string | undefined {
    const code = key.body.key?.identification ?? undefined;
    if (key.body.key?.type !== 'code' || code === undefined) return undefined;
    return system.codeMost === undefined ? code : code.slice(-system.codeMost);
  }

  #answer(request: CloudRequest): CloudReply {
    try {
      const isApp = request.path.startsWith('/v1/appflows/');
      const key = isApp ? this.#options.appKey : this.#apiKey;
      if (key === undefined || request.headers.authorization !== `Bearer ${key}`) {
        throw new Refused(401, 'Unauthorized');
      }
      if (request.method !== 'POST') throw new Refused(405, 'MethodNotAllowed');
      return this.#route(request);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { status: error.status, body: { error: error.message, message: error.message } };
    }
  }

  #route({ path, body }: CloudRequest): CloudReply {
    switch (path.replace(/^\/v1/, '')) {
      case '/accesskeys/add':
        return { status: 200, body: this.#add(body) };
      case '/accesskeys/remove': {
        const read = removeSchema.safeParse(body);
        if (!read.success) throw new Refused(400, 'InvalidRequest');
        const { id, key: spec } = read.data;
        const key = id == null ? this.#byKey({ key: spec }) : this.keys.get(id);
        // Which status it is for an unknown id is ours.
        if (key === undefined) throw new Refused(400, 'UnknownId');
        this.keys.delete(key.id);
        return { status: 204 };
      }
      case '/accesskeys/status':
        return { status: 200, body: this.#status(String(Object(body).id)) };
      case '/accesslevels/list':
        return {
          status: 200,
          body: {
            levels: [...this.levels].map(([id, { name, system }]) => ({
              id,
              name,
              system_id: system,
            })),
          },
        };
      case '/events/list':
        return { status: 200, body: this.#events(body) };
      case '/appflows/auth_integration':
        // Its fields are not known.
        return { status: 200, body: {} };
      default:
        throw new Refused(404, 'NotFound');
    }
  }

  #add(body: unknown): object {
    const read = addSchema.safeParse(body);
    if (!read.success) throw new Refused(400, 'InvalidRequest');
    const { id, key, person } = read.data;
    const found = id == null ? this.#byKey(read.data) : this.keys.get(id);
    if (id != null && found === undefined) throw new Refused(400, 'UnknownId');
    if (found === undefined && key == null) throw new Refused(400, 'KeyRequired');
    const made = found?.id ?? this.#uuid();
    const kept: SimulatedAccessKey = {
      id: made,
      body: { ...found?.body, ...read.data },
      person: found?.person ?? {
        id: person?.id ?? this.#uuid(),
        first_name: person?.first_name ?? `P${made.slice(0, 6)}`,
        last_name: person?.last_name ?? 'Generated',
      },
      changedAt: this.#options.clock.now(),
    };
    this.keys.set(made, kept);
    return this.#shown(kept);
  }

  #shown({ id, body, person }: SimulatedAccessKey): object {
    return {
      id,
      key: body.key ?? { type: 'code' },
      valid_from_date: body.valid_from_date ?? null,
      valid_to_date: body.valid_to_date ?? null,
      access_levels: body.access_levels ?? [],
      person,
    };
  }

  #byKey({ key }: Pick<AddRequest, 'key'>): SimulatedAccessKey | undefined {
    const text = normal(key);
    return text === undefined
      ? undefined
      : [...this.keys.values()].find(({ body }) => normal(body.key) === text);
  }

  #status(id: string): object {
    const key = this.keys.get(id);
    if (key === undefined) throw new Refused(400, 'UnknownId');
    const levels = (key.body.access_levels ?? []).flatMap((level) => this.levels.get(level) ?? []);
    const systems = this.systems.filter((system) =>
      levels.some((each) => each.system === system.id),
    );
    const now = this.#options.clock.now();
    const failed = systems.filter((system) => system.fails !== undefined);
    const pending = systems.filter(
      (system) => system.fails === undefined && now < key.changedAt + system.delay,
    );
    const applied = systems.filter(
      (system) => !failed.includes(system) && !pending.includes(system),
    );
    return {
      status: word(systems.length, applied.length, pending.length),
      systems_where_applied: applied.map((system) => ({
        system_id: system.id,
        applied_at: new Date(key.changedAt + system.delay).toISOString(),
      })),
      systems_where_pending: pending.map((system) => ({ system_id: system.id })),
      systems_where_failed: failed.map((system) => ({
        system_id: system.id,
        error_type: system.fails,
      })),
    };
  }

  #events(body: unknown): object {
    const read = eventsRequestSchema.safeParse(body ?? {});
    if (!read.success) throw new Refused(400, 'InvalidRequest');
    const { from_date, to_date, systems, limit, continuation_key } = read.data;
    // Both or neither: no filter.
    const isGranted = read.data.include_access_granted === true;
    const isDenied = read.data.include_access_denied === true;
    const now = this.#options.clock.now();
    const from = from_date == null ? now - LOOK_BACK_MS : Date.parse(from_date);
    const to = to_date == null ? now : Date.parse(to_date);
    const synced = (system: string) => this.syncedTo.get(system) ?? now;
    const all = this.events
      .filter(({ event_time, system_id, type }) => {
        const at = Date.parse(event_time);
        const isKind = isGranted === isDenied || type < 200 === isGranted;
        const isSystem = systems == null || systems.includes(system_id);
        return isKind && isSystem && at >= from && at <= Math.min(to, synced(system_id));
      })
      .sort((one, other) => Date.parse(one.event_time) - Date.parse(other.event_time));
    const most = Math.min(limit ?? EVENTS_MOST, this.#options.pageMost ?? EVENTS_MOST);
    const start = continuation_key == null ? 0 : Number(continuation_key);
    const hasMore = all.length > start + most;
    return {
      least_sync_time: new Date(Math.min(now, ...this.syncedTo.values())).toISOString(),
      has_more: hasMore,
      continuation_key: hasMore ? String(start + most) : null,
      events: all.slice(start, start + most).map((event) => ({
        key: null,
        person: null,
        subject: null,
        ...event,
      })),
    };
  }

  #uuid(): string {
    const hex = Buffer.from(this.#options.random.bytes(16)).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}

function word(all: number, applied: number, pending: number): string {
  if (all === 0) return 'NotApplied';
  if (applied === all) return 'Applied';
  if (applied > 0) return 'PartiallyApplied';
  return pending > 0 ? 'Pending' : 'Failed';
}

/** Written here a second time on purpose: a mistake in the connector's reading must not pass on both sides. */
function normal(key: AddRequest['key']): string | undefined {
  if (key?.identification == null) return undefined;
  if (key.type === 'code') return `code ${key.identification}`;
  const parts = key.identification.split('|').map((part) => {
    const [, prefix = '', digits = ''] = /^(?:(EM|MC|MD):)?(.*)$/.exec(part) ?? [];
    const length = digits.startsWith('0x') ? digits.length - 2 : digits.length;
    const byLength = {
      13: 'EM',
      10: digits.startsWith('0x') ? 'EM' : 'MC',
      8: 'MC',
      17: 'MD',
      14: 'MD',
    };
    const chip =
      prefix !== '' ? prefix : Object.entries(byLength).find(([at]) => Number(at) === length)?.[1];
    return `${chip} ${BigInt(digits)}`;
  });
  return parts.sort().join(' ');
}
