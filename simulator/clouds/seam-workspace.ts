/** What there is in one workspace of the simulated Seam, and how it changes; each change is an event. */
import type { Clock, Millis, Random } from '../../drivers/contract/time.ts';
import { SeamAttempts } from './seam-attempts.ts';
import { WORKSPACE } from './seam-shown.ts';
import {
  type CloudEvent,
  codeSchema,
  createSchema,
  digitsFrom,
  parsed,
  Refused,
  type SimulatedCode,
  type SimulatedGrant,
  type SimulatedMethod,
  updateSchema,
  uuidFrom,
} from './seam-things.ts';

export interface SeamWorkspaceOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** From being accepted to being in force. */
  readonly programming?: Millis;
  /** Code creations a minute and device. */
  readonly createsPerMinute?: number;
}

/** A minute and device (vendor-apis.md 3.3). */
const PER_MINUTE = { create: 10, update: 10, delete: 20 } as const;

const MINUTE = 60_000;

export class SeamWorkspace {
  readonly devices = new Set<string>();
  readonly people = new Map<string, Readonly<Record<string, unknown>>>();
  readonly grants = new Map<string, SimulatedGrant>();
  readonly methods = new Map<string, SimulatedMethod>();
  readonly codes = new Map<string, SimulatedCode>();
  readonly events: CloudEvent[] = [];
  /** Devices that do not answer just now. */
  readonly offline = new Set<string>();
  readonly attempts: SeamAttempts;
  readonly #options: SeamWorkspaceOptions;
  readonly #told: (event: CloudEvent) => void;
  readonly #asked = new Map<string, number[]>();

  /** `told` hears of each event as it happens. */
  constructor(options: SeamWorkspaceOptions, told: (event: CloudEvent) => void) {
    this.#options = options;
    this.#told = told;
    this.attempts = new SeamAttempts(options.clock, () => this.uuid(), this.#programming);
  }

  addDevice(): string {
    const id = this.uuid();
    this.devices.add(id);
    return id;
  }

  addPerson(fields: Readonly<Record<string, unknown>> = {}): string {
    const user_identity_id = this.uuid();
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
      access_grant_id: this.uuid(),
      access_grant_key: asked.access_grant_key,
      reservation_key: asked.reservation_key,
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
      const access_method_id = this.uuid();
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
    this.#limit('create', asked.device_id);
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
    const grant = this.grantAt(asked.access_grant_id);
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
    const grant = this.grantAt(id);
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

  changeCode(body: unknown): SimulatedCode {
    const asked = parsed(codeSchema.partial(), body);
    const code = this.#codeAt(asked.access_code_id ?? '');
    this.#limit('update', code.device_id);
    code.code = asked.code ?? code.code;
    if (asked.name !== undefined) code.name = asked.name;
    if (asked.starts_at !== undefined) code.starts_at = asked.starts_at;
    if (asked.ends_at !== undefined) code.ends_at = asked.ends_at;
    this.#happen('access_code.changed', { access_code_id: code.access_code_id });
    return code;
  }

  /** `isAsked`: by a call, which is counted. */
  deleteCode(access_code_id: string, isAsked = false): void {
    const { device_id } = this.#codeAt(access_code_id);
    if (isAsked) this.#limit('delete', device_id);
    this.codes.delete(access_code_id);
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

  get #programming(): Millis {
    return this.#options.programming ?? 0;
  }

  #addCode(
    fields: Pick<SimulatedCode, 'device_id' | 'code' | 'name' | 'starts_at' | 'ends_at' | 'method'>,
  ): SimulatedCode {
    const { device_id, code, name, starts_at, ends_at, method } = fields;
    const made: SimulatedCode = {
      access_code_id: this.uuid(),
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

  grantAt(id: string): SimulatedGrant {
    const found = this.grants.get(id);
    if (found === undefined) throw new Refused(404, 'access_grant_not_found');
    return found;
  }

  #codeAt(id: string): SimulatedCode {
    const found = this.codes.get(id);
    if (found === undefined) throw new Refused(404, 'access_code_not_found');
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
    const common = { workspace_id: WORKSPACE, created_at: now, occurred_at: now };
    const event = { event_id: this.uuid(), event_type, ...common, ...fields };
    this.events.push(event);
    this.#told(event);
  }

  #limit(what: keyof typeof PER_MINUTE, device: string): void {
    const { clock, createsPerMinute } = this.#options;
    const most = what === 'create' ? (createsPerMinute ?? PER_MINUTE.create) : PER_MINUTE[what];
    const now = clock.uptime();
    const name = `${what} ${device}`;
    const recent = (this.#asked.get(name) ?? []).filter((at) => at > now - MINUTE);
    if (recent.length >= most) throw new Refused(429, 'rate_limit_exceeded', 60);
    this.#asked.set(name, [...recent, now]);
  }

  #now(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }

  #code(): string {
    return digitsFrom(this.#options.random);
  }

  uuid(): string {
    return uuidFrom(this.#options.random);
  }
}
