/** Members and permissions that the dialect made or took back, told to Keycafe. */
import { keyId } from '../../access/model.ts';
import { answerIn } from '../answer.ts';
import type { Settled, Task } from '../outward.ts';
import type { VendorHost } from '../vendor-host.ts';
import type { VendorRecord } from '../vendor-record.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { memberPrints, permissionPrint } from './member-thing.ts';
import { refOfKey } from './push.ts';
import type { KeycafePlaces } from './thing.ts';
import {
  type Membership,
  membershipRequestSchema,
  membershipSchema,
  type Permission,
  permissionSchema,
} from './wire.ts';

export interface MemberPushParts {
  readonly sync: VendorSync;
  readonly host: VendorHost;
  readonly places: KeycafePlaces;
}

/** What one kind of record needs to be told. */
interface Told {
  readonly path: '/organizationMembership' | '/permission';
  /** `undefined`: something else must be there first. */
  readonly body: (task: Pick<Task, 'id' | 'record'>) => object | undefined;
  readonly read: (body: string) => Membership | Permission;
  readonly print: (fields: unknown) => string | undefined;
  /** What of it can be edited there; nothing where this is missing. */
  readonly edited?: (task: Task) => object;
}

export class MemberPush {
  readonly #parts: MemberPushParts;
  readonly #told: Told;

  private constructor(parts: MemberPushParts, told: Told) {
    this.#parts = parts;
    this.#told = told;
  }

  static memberships(parts: MemberPushParts): MemberPush {
    const { sync } = parts;
    const fieldsOf = ({ id, record }: Pick<Task, 'id' | 'record'>) => {
      const read = membershipSchema.safeParse(sync.fields(id, record));
      return read.success ? read.data : undefined;
    };
    return new MemberPush(parts, {
      path: '/organizationMembership',
      body: (task) => {
        const fields = fieldsOf(task);
        if (fields === undefined) return undefined;
        const { email, mobile } = fields.user;
        const user = { ...(email == null ? {} : { email }), ...(mobile == null ? {} : { mobile }) };
        return { user, ...(fields.code == null ? {} : { code: fields.code }) };
      },
      read: (body) => answerIn(body, membershipSchema, '/organizationMembership'),
      print: (fields) => {
        const read = membershipRequestSchema.safeParse(fields);
        return read.success ? memberPrints(read.data.user)[0] : undefined;
      },
    });
  }

  /** A permission waits until Keycafe knows its member. */
  static permissions(parts: MemberPushParts): MemberPush {
    const { sync, places } = parts;
    const bodyOf = ({ id, record }: Pick<Task, 'id' | 'record'>) => {
      const read = permissionSchema.safeParse(sync.fields(id, record));
      const member = sync.record(String(record.extra?.['member'] ?? ''));
      if (!read.success || member?.ref === undefined) return undefined;
      const known = membershipSchema.safeParse(
        sync.fields(String(record.extra?.['member']), member),
      );
      if (!known.success) return undefined;
      const { role, location } = read.data;
      const key = record.extra?.['key'];
      const ref = typeof key === 'string' ? refOfKey(keyId(key), sync, places) : undefined;
      if (typeof key === 'string' && ref === undefined) return undefined;
      return {
        user: { id: Number(known.data.user.id) },
        role: role ?? '',
        ...(ref === undefined ? {} : { key: { id: Number(ref) } }),
        ...(location == null ? {} : { location: { id: Number(location.id) } }),
      };
    };
    return new MemberPush(parts, {
      path: '/permission',
      body: bodyOf,
      read: (body) => answerIn(body, permissionSchema, '/permission'),
      print: (fields) => {
        const read = permissionSchema.safeParse(fields);
        return read.success ? permissionPrint(read.data) : undefined;
      },
      edited: ({ id, record }) => {
        const read = permissionSchema.safeParse(sync.fields(id, record));
        return { role: read.success ? (read.data.role ?? '') : '' };
      },
    });
  }

  fingerprint({ id, record }: Task): string | undefined {
    const body = this.#told.body({ id, record });
    const text = body === undefined ? undefined : JSON.stringify({ id: 0, ...body });
    return text === undefined ? undefined : this.#told.print(JSON.parse(text));
  }

  async create(task: Task, signal: AbortSignal): Promise<Settled> {
    const { sync, host } = this.#parts;
    const body = this.#told.body(task);
    if (body === undefined) return { record: sync.changed(task.record, 'to-create') };
    const reply = await host.call({ method: 'POST', path: this.#told.path, body, signal });
    const shown = this.#told.read(reply.body);
    return { record: this.#inStep(task, shown) };
  }

  async update(task: Task, signal: AbortSignal): Promise<Settled> {
    const { sync, host } = this.#parts;
    const { record } = task;
    const { edited, path } = this.#told;
    if (record.ref === undefined) return { record: sync.changed(record, 'to-create') };
    if (edited === undefined) return { record: sync.changed(record, 'in-step') };
    const reply = await host.call({
      method: 'PUT',
      path: `${path}/${record.ref}`,
      body: edited(task),
      signal,
    });
    return {
      record: this.#inStep(task, reply.body === '' ? undefined : this.#told.read(reply.body)),
    };
  }

  async revoke({ record }: Task, signal: AbortSignal): Promise<Settled> {
    const { sync, host } = this.#parts;
    // A create whose answer was lost: the reading finds it, or that there is none.
    if (record.ref === undefined) return { record: sync.changed(record, 'to-revoke') };
    await host.call({ method: 'DELETE', path: `${this.#told.path}/${record.ref}`, signal });
    return { record: sync.changed(record, 'gone') };
  }

  #inStep(task: Task, shown: Membership | Permission | undefined): VendorRecord {
    const { sync } = this.#parts;
    const { fingerprint: _print, ...extra } = task.record.extra ?? {};
    const { seen: _old, tries: _tries, ...kept } = task.record;
    return sync.changed(kept, 'in-step', {
      extra,
      ...(shown === undefined ? {} : { ref: shown.id, sealed: sync.seal(task.id, shown) }),
    });
  }
}
