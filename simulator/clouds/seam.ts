/**
 * Seam's cloud as its pages describe it (vendor-apis.md 3): what is accepted is programmed later, a wished code may come
 * out otherwise, an update of times is a re-issue, and events say only where to look.
 */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { Clock, Millis, Random } from '../../drivers/contract/time.ts';
import { type CloudReply, type CloudRequest, CloudServer } from './common.ts';

export interface SimulatedMethod {
  readonly access_method_id: string;
  readonly mode: string;
  code: string | null;
  /** When it is in force; a method whose times are changed is revoked until then. */
  issuedAt: number;
  wasIssued: boolean;
  readonly createdAt: string;
}

export interface SimulatedCode {
  readonly access_code_id: string;
  readonly device_id: string;
  code: string;
  name: string | null;
  starts_at: string | null;
  ends_at: string | null;
  /** Of the grant's, where it comes from one. */
  readonly method: string | undefined;
  readonly createdAt: string;
  setAt: number;
  fault?: string;
}

export interface SimulatedGrant {
  readonly access_grant_id: string;
  readonly access_grant_key: string | undefined;
  readonly user_identity_id: string;
  readonly device_ids: readonly string[];
  readonly requested: readonly { readonly mode: string; readonly code?: string | undefined }[];
  /** Methods may belong to several grants of one person. */
  readonly methods: string[];
  name: string | null;
  starts_at: string;
  ends_at: string | null;
  readonly createdAt: string;
}

export interface CloudEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly created_at: string;
  readonly [name: string]: unknown;
}

export interface SeamCloudOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly apiKey: string;
  /** From being accepted to being in force. */
  readonly programming?: Millis;
  readonly pageSize?: number;
  /** Code creations a minute and device. */
  readonly createsPerMinute?: number;
}

class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly retryAfter: number | undefined;
  constructor(status: number, type: string, retryAfter?: number) {
    super(type);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

const requestedSchema = z.array(
  z.object({
    mode: z.enum(['code', 'card', 'mobile_key', 'cloud_key']),
    code: z
      .string()
      .regex(/^\d{4,9}$/)
      .optional(),
  }),
);
const createSchema = z.object({
  user_identity_id: z.string().optional(),
  user_identity: z.looseObject({}).optional(),
  requested_access_methods: requestedSchema,
  device_ids: z.array(z.string()).default([]),
  starts_at: z.string().optional(),
  ends_at: z.string().nullish(),
  name: z.string().nullish(),
  access_grant_key: z.string().optional(),
});
const updateSchema = z.object({
  access_grant_id: z.string(),
  starts_at: z.string().optional(),
  ends_at: z.string().nullish(),
  name: z.string().nullish(),
});
const codeSchema = z.object({
  device_id: z.string(),
  code: z
    .string()
    .regex(/^\d{4,12}$/)
    .optional(),
  name: z.string().nullish(),
  starts_at: z.string().nullish(),
  ends_at: z.string().nullish(),
});

const MINUTE = 60_000;

export class SeamCloud implements AsyncDisposable {
  readonly server: CloudServer;
  readonly devices = new Set<string>();
  readonly people = new Map<string, Readonly<Record<string, unknown>>>();
  readonly grants = new Map<string, SimulatedGrant>();
  readonly methods = new Map<string, SimulatedMethod>();
  readonly codes = new Map<string, SimulatedCode>();
  readonly events: CloudEvent[] = [];
  readonly #options: SeamCloudOptions;
  readonly #created = new Map<string, number[]>();

  constructor(options: SeamCloudOptions) {
    this.#options = options;
    this.server = new CloudServer((request) => this.#answer(request));
  }

  get baseUrl(): string {
    return this.server.url;
  }

  addDevice(): string {
    const id = this.#uuid();
    this.devices.add(id);
    return id;
  }

  addPerson(fields: Readonly<Record<string, unknown>> = {}): string {
    const user_identity_id = this.#uuid();
    this.people.set(user_identity_id, { ...fields, user_identity_id });
    return user_identity_id;
  }

  /** As a create call, by somebody else. `methods`: of the same person, to share a code with. */
  addGrant(body: unknown, methods: readonly string[] = []): SimulatedGrant {
    const asked = parsed(createSchema, body);
    const hasId = asked.user_identity_id !== undefined;
    if (hasId === (asked.user_identity !== undefined)) throw new Refused(400, 'invalid_input');
    const missing = asked.device_ids.some((id) => !this.devices.has(id));
    if (missing) throw new Refused(404, 'device_not_found');
    const isTaken = [...this.grants.values()].some(
      ({ access_grant_key: key }) => key !== undefined && key === asked.access_grant_key,
    );
    if (isTaken) throw new Refused(409, 'duplicate_access_grant_key');
    const { clock } = this.#options;
    const createdAt = this.#now();
    const grant: SimulatedGrant = {
      access_grant_id: this.#uuid(),
      access_grant_key: asked.access_grant_key,
      user_identity_id: asked.user_identity_id ?? this.addPerson(asked.user_identity),
      device_ids: asked.device_ids,
      requested: asked.requested_access_methods,
      methods: [...methods],
      name: asked.name ?? null,
      starts_at: asked.starts_at ?? createdAt,
      ends_at: asked.ends_at ?? null,
      createdAt,
    };
    this.grants.set(grant.access_grant_id, grant);
    this.#happen('access_grant.created', { access_grant_id: grant.access_grant_id });
    for (const { mode, code } of methods.length > 0 ? [] : asked.requested_access_methods) {
      const digits = mode === 'code' ? (code ?? this.#code()) : null;
      const issuedAt = clock.now() + this.#programming;
      const access_method_id = this.#uuid();
      const method = {
        access_method_id,
        mode,
        code: digits,
        issuedAt,
        wasIssued: false,
        createdAt,
      };
      this.methods.set(access_method_id, method);
      grant.methods.push(access_method_id);
      this.#happen('access_method.created', this.#about(access_method_id));
      if (digits === null) continue;
      for (const device_id of grant.device_ids) {
        this.#addCode({ ...grant, device_id, code: digits, method: access_method_id });
      }
    }
    return grant;
  }

  /** A code by itself. */
  addCode(body: unknown): SimulatedCode {
    const asked = parsed(codeSchema, body);
    if (!this.devices.has(asked.device_id)) throw new Refused(404, 'device_not_found');
    this.#limit(asked.device_id);
    if ((asked.starts_at == null) !== (asked.ends_at == null))
      throw new Refused(400, 'invalid_input');
    const code = asked.code ?? this.#code();
    const isTaken = [...this.codes.values()].some(
      (each) => each.device_id === asked.device_id && each.code === code,
    );
    if (isTaken) throw new Refused(409, 'duplicate_access_code');
    const made = this.#addCode({
      device_id: asked.device_id,
      code,
      name: asked.name ?? null,
      starts_at: asked.starts_at ?? null,
      ends_at: asked.ends_at ?? null,
      method: undefined,
    });
    this.#happen('access_code.created', { access_code_id: made.access_code_id });
    return made;
  }

  /** The times of a grant are changed: its methods are revoked, programmed again, and issued anew with the same code. */
  changeGrant(body: unknown): void {
    const asked = parsed(updateSchema, body);
    const grant = this.#grantAt(asked.access_grant_id);
    if (asked.name !== undefined) grant.name = asked.name;
    if (asked.starts_at === undefined && asked.ends_at === undefined) return;
    grant.starts_at = asked.starts_at ?? grant.starts_at;
    grant.ends_at = asked.ends_at === undefined ? grant.ends_at : asked.ends_at;
    this.#happen('access_grant.access_times_changed', { access_grant_id: grant.access_grant_id });
    for (const id of grant.methods) {
      const method = this.methods.get(id);
      if (method === undefined) continue;
      method.wasIssued = true;
      method.issuedAt = this.#options.clock.now() + this.#programming;
      this.#happen('access_method.revoked', this.#about(id));
    }
    for (const code of this.codes.values()) {
      if (code.method === undefined || !grant.methods.includes(code.method)) continue;
      code.starts_at = grant.starts_at;
      code.ends_at = grant.ends_at;
      code.setAt = this.#options.clock.now() + this.#programming;
    }
  }

  /** A method that another grant still has goes on. */
  deleteGrant(id: string): void {
    const grant = this.#grantAt(id);
    this.grants.delete(id);
    this.#happen('access_grant.deleted', { access_grant_id: id });
    for (const method of grant.methods) {
      if ([...this.grants.values()].some(({ methods }) => methods.includes(method))) continue;
      this.deleteMethod(method);
    }
  }

  deleteMethod(id: string): void {
    if (!this.methods.has(id)) throw new Refused(404, 'access_method_not_found');
    this.#happen('access_method.deleted', this.#about(id));
    this.methods.delete(id);
    for (const { methods } of this.grants.values()) {
      if (methods.includes(id)) methods.splice(methods.indexOf(id), 1);
    }
    for (const [code, { method }] of this.codes) if (method === id) this.codes.delete(code);
  }

  deleteCode(access_code_id: string): void {
    if (!this.codes.delete(access_code_id)) throw new Refused(404, 'access_code_not_found');
    this.#happen('access_code.deleted', { access_code_id, code: null });
  }

  /** A device took another code than the one wished for. */
  otherCode(grant: SimulatedGrant, device: string, digits: string): void {
    for (const each of this.codes.values()) {
      const isOf = each.method !== undefined && grant.methods.includes(each.method);
      if (!isOf || each.device_id !== device) continue;
      each.code = digits;
      // It names the code and the device, not the grant.
      const { access_code_id } = each;
      this.#happen('access_code.code_changed', { access_code_id, device_id: device });
    }
  }

  /** What Svix sends for an event; `skew` is how wrong the sender's clock is. */
  webhookCall(event: CloudEvent, secret: string, skew: Millis = 0) {
    const body = JSON.stringify(event);
    const timestamp = String(Math.floor((this.#options.clock.now() + skew) / 1000));
    const id = `msg_${event.event_id}`;
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    const signature = createHmac('sha256', key)
      .update(`${id}.${timestamp}.${body}`)
      .digest('base64');
    const headers = {
      'svix-id': id,
      'svix-timestamp': timestamp,
      'svix-signature': `v1,${signature}`,
      'content-type': 'application/json',
    };
    return { headers, body };
  }

  get #programming(): Millis {
    return this.#options.programming ?? 0;
  }

  #addCode(
    fields: Pick<SimulatedCode, 'device_id' | 'code' | 'name' | 'starts_at' | 'ends_at' | 'method'>,
  ): SimulatedCode {
    const { device_id, code, name, starts_at, ends_at, method } = fields;
    const made: SimulatedCode = {
      access_code_id: this.#uuid(),
      device_id,
      code,
      name,
      starts_at,
      ends_at,
      method,
      createdAt: this.#now(),
      setAt: this.#options.clock.now() + this.#programming,
    };
    this.codes.set(made.access_code_id, made);
    return made;
  }

  #answer(request: CloudRequest): CloudReply {
    const headers = { 'seam-request-id': this.#uuid() };
    try {
      if (request.headers.authorization !== `Bearer ${this.#options.apiKey}`) {
        throw new Refused(401, 'unauthorized');
      }
      const fields = fieldsOf(request);
      return { status: 200, headers, body: { ...this.#route(request.path, fields), ok: true } };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { status, message: type, retryAfter } = error;
      const wait = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
      const body = { error: { type, message: `refused: ${type}` }, ok: false };
      return { status, headers: { ...headers, ...wait }, body };
    }
  }

  #route(path: string, asked: Readonly<Record<string, unknown>>): object {
    const text = (name: string) => {
      const value = asked[name];
      return typeof value === 'string' ? value : '';
    };
    switch (path) {
      case '/access_grants/list':
        return this.#page(
          'access_grants',
          [...this.grants.values()].map((each) => this.#shownGrant(each)),
          asked,
        );
      case '/access_grants/get': {
        const key = text('access_grant_key');
        const found =
          key === ''
            ? this.#grantAt(text('access_grant_id'))
            : [...this.grants.values()].find((each) => each.access_grant_key === key);
        if (found === undefined) throw new Refused(404, 'access_grant_not_found');
        return { access_grant: this.#shownGrant(found) };
      }
      case '/access_grants/create':
        return { access_grant: this.#shownGrant(this.addGrant(asked)) };
      case '/access_grants/update':
        this.changeGrant(asked);
        return {};
      case '/access_grants/delete':
        this.deleteGrant(text('access_grant_id'));
        return {};
      case '/access_methods/list': {
        const { methods } = this.#grantAt(text('access_grant_id'));
        return { access_methods: methods.flatMap((id) => this.#shownMethod(id) ?? []) };
      }
      case '/access_codes/list': {
        const grant = text('access_grant_id');
        const methods = grant === '' ? undefined : this.#grantAt(grant).methods;
        const found = [...this.codes.values()].filter((code) =>
          methods === undefined
            ? code.device_id === text('device_id')
            : code.method !== undefined && methods.includes(code.method),
        );
        return this.#page(
          'access_codes',
          found.map((each) => this.#shownCode(each)),
          asked,
        );
      }
      case '/access_codes/create':
        return {
          access_code: this.#shownCode(this.addCode(asked)),
          action_attempt: this.#attempt(),
        };
      case '/access_codes/update': {
        const code = this.codes.get(text('access_code_id'));
        if (code === undefined) throw new Refused(404, 'access_code_not_found');
        const next = parsed(codeSchema.partial(), asked);
        if (next.code !== undefined) code.code = next.code;
        if (next.name !== undefined) code.name = next.name;
        if (next.starts_at !== undefined) code.starts_at = next.starts_at;
        if (next.ends_at !== undefined) code.ends_at = next.ends_at;
        this.#happen('access_code.changed', { access_code_id: code.access_code_id });
        return { action_attempt: this.#attempt() };
      }
      case '/access_codes/delete':
        this.deleteCode(text('access_code_id'));
        return { action_attempt: this.#attempt() };
      case '/user_identities/get': {
        const user_identity = this.people.get(text('user_identity_id'));
        if (user_identity === undefined) throw new Refused(404, 'user_identity_not_found');
        return { user_identity };
      }
      case '/events/list': {
        if (text('since') === '') throw new Refused(400, 'invalid_input');
        const since = Date.parse(text('since'));
        const found = this.events.filter(({ created_at }) => Date.parse(created_at) > since);
        return { events: found.slice(0, Number(asked['limit'] ?? 500)) };
      }
      default:
        throw new Refused(404, 'not_found');
    }
  }

  /** The cursor says after which id it goes on; other parameters beside it are refused. */
  #page(name: string, rows: readonly object[], asked: Readonly<Record<string, unknown>>): object {
    const { page_cursor, ...others } = asked;
    const mark = JSON.stringify(others);
    let from = 0;
    if (typeof page_cursor === 'string') {
      const [before, at] = z
        .tuple([z.string(), z.number()])
        .parse(JSON.parse(Buffer.from(page_cursor, 'base64').toString()));
      if (before !== mark) throw new Refused(400, 'mismatched_page_parameters');
      from = at;
    }
    const size = this.#options.pageSize ?? 500;
    const has_next_page = rows.length > from + size;
    const next = Buffer.from(JSON.stringify([mark, from + size])).toString('base64');
    return {
      [name]: rows.slice(from, from + size),
      pagination: {
        has_next_page,
        next_page_cursor: has_next_page ? next : null,
        next_page_url: null,
      },
    };
  }

  #shownGrant(grant: SimulatedGrant): object {
    const { methods, requested, createdAt, access_grant_key, ...fields } = grant;
    const isChanging = methods.some((id) => this.#isReissuing(this.methods.get(id)));
    return {
      ...fields,
      ...(access_grant_key === undefined ? {} : { access_grant_key }),
      workspace_id: this.#workspace,
      location_ids: [],
      space_ids: [],
      display_name: grant.name ?? 'Access',
      created_at: createdAt,
      access_method_ids: methods,
      requested_access_methods: requested.map((each) => ({
        ...each,
        display_name: each.mode,
        created_at: createdAt,
        created_access_method_ids: methods,
      })),
      warnings: [],
      errors: [],
      pending_mutations: isChanging
        ? [
            {
              mutation_code: 'updating_access_times',
              message: 'new times are programmed',
              created_at: createdAt,
              access_method_ids: methods,
              from: { starts_at: null, ends_at: null },
              to: { starts_at: grant.starts_at, ends_at: grant.ends_at },
            },
          ]
        : [],
    };
  }

  #shownMethod(id: string): object | undefined {
    const method = this.methods.get(id);
    if (method === undefined) return undefined;
    const { access_method_id, mode, code, issuedAt, createdAt } = method;
    const is_issued = this.#options.clock.now() >= issuedAt;
    const created_at = createdAt;
    return {
      access_method_id,
      workspace_id: this.#workspace,
      mode,
      display_name: mode,
      ...(mode === 'code' ? { code } : {}),
      is_issued,
      issued_at: is_issued ? new Date(issuedAt).toISOString() : null,
      created_at,
      errors: [],
      warnings: this.#isReissuing(method)
        ? [
            {
              warning_code: 'updating_access_times',
              message: 'new times are programmed',
              created_at,
            },
          ]
        : [],
      pending_mutations: [],
    };
  }

  #isReissuing(method: SimulatedMethod | undefined): boolean {
    return method?.wasIssued === true && this.#options.clock.now() < method.issuedAt;
  }

  #shownCode(code: SimulatedCode): object {
    const { access_code_id, device_id, name, starts_at, ends_at, createdAt, setAt, fault } = code;
    return {
      access_code_id,
      workspace_id: this.#workspace,
      device_id,
      code: code.code,
      name,
      type: starts_at === null ? 'ongoing' : 'time_bound',
      status: this.#options.clock.now() < setAt ? 'setting' : 'set',
      starts_at,
      ends_at,
      common_code_key: null,
      created_at: createdAt,
      is_managed: true,
      is_backup_access_code_available: false,
      is_external_modification_allowed: false,
      is_one_time_use: false,
      is_offline_access_code: false,
      errors:
        fault === undefined
          ? []
          : [
              {
                error_code: fault,
                is_access_code_error: true,
                message: fault,
                created_at: createdAt,
              },
            ],
      warnings: [],
      pending_mutations: [],
    };
  }

  #attempt(): object {
    return {
      action_attempt_id: this.#uuid(),
      action_type: 'UPDATE_ACCESS_CODE',
      status: 'pending',
      result: null,
      error: null,
    };
  }

  #grantAt(id: string): SimulatedGrant {
    const found = this.grants.get(id);
    if (found === undefined) throw new Refused(404, 'access_grant_not_found');
    return found;
  }

  #about(access_method_id: string) {
    const of = [...this.grants.values()].filter(({ methods }) =>
      methods.includes(access_method_id),
    );
    return { access_method_id, access_grant_ids: of.map((each) => each.access_grant_id) };
  }

  #happen(event_type: string, fields: Readonly<Record<string, unknown>>): void {
    const now = this.#now();
    const common = { workspace_id: this.#workspace, created_at: now, occurred_at: now };
    this.events.push({ event_id: this.#uuid(), event_type, ...common, ...fields });
  }

  #limit(device: string): void {
    const { clock, createsPerMinute = 10 } = this.#options;
    const now = clock.uptime();
    const recent = (this.#created.get(device) ?? []).filter((at) => at > now - MINUTE);
    if (recent.length >= createsPerMinute) throw new Refused(429, 'rate_limit_exceeded', 60);
    this.#created.set(device, [...recent, now]);
  }

  get #workspace(): string {
    return '00000000-0000-4000-8000-000000000001';
  }

  #now(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }

  #code(): string {
    return String(Math.floor(this.#options.random.fraction() * 1e6)).padStart(6, '0');
  }

  #uuid(): string {
    const bytes = Buffer.from(this.#options.random.bytes(16));
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    const hex = bytes.toString('hex');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}

function fieldsOf({ body, query }: CloudRequest): Readonly<Record<string, unknown>> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { ...body };
  return Object.fromEntries([...query].filter(([name]) => name !== '_strict'));
}

function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const read = schema.safeParse(value);
  if (!read.success) throw new Refused(400, 'invalid_input');
  return read.data;
}
