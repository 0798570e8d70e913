/** Members and their permissions as the dialect makes, shows and ends them. */
import { grantId, type KeyId } from '../../access/model.ts';
import type { SyncChange } from '../sync-change.ts';
import { stateOnChange, type VendorRecord } from '../vendor-record.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { drawnId, idFromKey } from './local-id.ts';
import { MEMBERSHIP, PERMISSION, permissionGrant } from './member-thing.ts';
import { KeycafeRefusal } from './reply.ts';
import type { KeycafePlaces } from './thing.ts';
import {
  type Membership,
  type MembershipRequest,
  membershipSchema,
  type Permission,
  type PermissionRequest,
  permissionSchema,
} from './wire.ts';

const CODE_DIGITS = 6;
const BY = 'dialect:keycafe';

export interface MemberBookParts {
  readonly sync: VendorSync;
  readonly places: KeycafePlaces;
  /** As the dialect numbers the keys of this site. */
  readonly keyNamed: (number: string) => KeyId;
}

interface Found<Fields> {
  readonly id: string;
  readonly record: VendorRecord;
  readonly fields: Fields;
}

export class MemberBook {
  readonly #parts: MemberBookParts;

  constructor(parts: MemberBookParts) {
    this.#parts = parts;
  }

  async join(body: MembershipRequest, requestKey: string | undefined): Promise<object> {
    const { sync } = this.#parts;
    this.#checkWanted();
    const number =
      requestKey === undefined ? drawnId(sync.desk.random) : idFromKey(MEMBERSHIP, requestKey);
    const id = `keycafe:membership:local:${number}`;
    if (sync.record(id) !== undefined) return this.membership(number);
    const code = body.code ?? sync.desk.secrets.drawPin(CODE_DIGITS);
    if (code === undefined) throw new KeycafeRefusal(500, 'error.unknown', 'no code is left');
    // Nobody is a full user of Keycafe's before Keycafe has heard of them.
    const user = { ...body.user, id: body.user.id ?? number, type: 'SMARTBOX' };
    await sync.alone(async () => {
      // Asked for twice at one time: what the other call made stands, with its code.
      if (sync.record(id) !== undefined) return;
      const record = this.#record(id, MEMBERSHIP, number, { user, code });
      await sync.applyNow([{ id, record }], { by: BY });
    });
    return this.membership(number);
  }

  memberships(): readonly object[] {
    return this.#all(MEMBERSHIP, membershipSchema).map((found) => shownMembership(found));
  }

  membership(number: string): object {
    return shownMembership(this.#membership(number));
  }

  /** Every permission ends with it; nothing of it opens when this resolves. */
  async leave(number: string): Promise<void> {
    const { sync } = this.#parts;
    await sync.alone(async () => {
      const { id, record, fields } = this.#membership(number);
      const ended = this.#all(PERMISSION, permissionSchema)
        .filter((each) => isOf(each, { id, record, fields }))
        .map((each) => this.#ended(each, 'gone'));
      await sync.applyNow([...ended, { id, record: this.#endedRecord(record) }], { by: BY });
    });
  }

  /** Works at the box when it resolves. */
  async permit(body: PermissionRequest, requestKey: string | undefined): Promise<object> {
    const { sync } = this.#parts;
    this.#checkWanted();
    const number =
      requestKey === undefined ? drawnId(sync.desk.random) : idFromKey(PERMISSION, requestKey);
    const id = `keycafe:permission:local:${number}`;
    if (sync.record(id) !== undefined) return this.permission(number);
    await sync.alone(async () => {
      // Asked for twice at one time; and a member who has left meanwhile is none.
      if (sync.record(id) !== undefined) return;
      const change = this.#permitted(id, number, body);
      if (requestKey === undefined) await sync.makeNow(change, { by: BY });
      else await sync.applyNow([change], { by: BY });
    });
    return this.permission(number);
  }

  permissions(): readonly object[] {
    return this.#all(PERMISSION, permissionSchema).map((found) => shownPermission(found));
  }

  permission(number: string): object {
    return shownPermission(this.#permission(number));
  }

  /** Of a role that opens nothing here it opens nothing any more. */
  async change(number: string, { role }: { readonly role: string }): Promise<object> {
    const { sync } = this.#parts;
    await sync.alone(async () => {
      const { id, record, fields } = this.#permission(number);
      const next = { ...fields, role };
      const member = this.#memberOf(fields.user.id);
      const grant = this.#grant(id, next, member?.fields);
      if (typeof grant === 'string') {
        throw new KeycafeRefusal(400, 'permission.role.invalid', grant, 'role');
      }
      const state = stateOnChange(record);
      const changed = sync.changed(record, state, { sealed: sync.seal(id, next) });
      await sync.applyNow([{ id, grant, record: changed }], { by: BY });
    });
    return this.permission(number);
  }

  async forbid(number: string): Promise<void> {
    const { sync } = this.#parts;
    await sync.alone(async () => {
      await sync.applyNow([this.#ended(this.#permission(number))], { by: BY });
    });
  }

  /** @throws KeycafeRefusal */
  #permitted(id: string, number: string, body: PermissionRequest) {
    const member = this.#memberOf(body.user.id);
    if (member === undefined) {
      const why = 'the user must be a member already';
      throw new KeycafeRefusal(400, 'permission.user.notMember', why, 'user');
    }
    const fields = { ...body, id: number };
    const grant = this.#grant(id, fields, member.fields);
    if (typeof grant === 'string') {
      throw new KeycafeRefusal(400, 'permission.invalid', grant, 'role');
    }
    const key = grant.targets.find(({ kind }) => kind === 'key')?.id;
    const record = this.#record(id, PERMISSION, number, fields, {
      member: member.id,
      ...(key === undefined ? {} : { key }),
    });
    return { id, grant, record };
  }

  #grant(
    id: string,
    fields: Parameters<typeof permissionGrant>[0],
    member: Membership | undefined,
  ) {
    const { sync, places, keyNamed } = this.#parts;
    const key = fields.key == null ? undefined : keyNamed(fields.key.id);
    const names = key === undefined ? places.keys : { ...places.keys, [fields.key?.id ?? '']: key };
    const known = (each: KeyId) => sync.desk.grants.key(each) !== undefined;
    return permissionGrant(fields, member, id, sync.desk, { ...places, keys: names }, known);
  }

  /** With the membership Keycafe ends the permission by itself: then there is nothing more to tell it. */
  #ended({ id, record }: Found<Permission>, known?: 'gone'): SyncChange {
    const { sync } = this.#parts;
    const isStored = sync.desk.grants.grant(grantId(id)) !== undefined;
    const next = known === undefined ? this.#endedRecord(record) : sync.changed(record, known);
    return { id, ...(isStored ? { revoke: true } : {}), record: next };
  }

  #endedRecord(record: VendorRecord): VendorRecord {
    const isKnownThere = record.ref !== undefined || record.state === 'creating';
    return this.#parts.sync.changed(record, isKnownThere ? 'to-revoke' : 'gone');
  }

  #record(
    id: string,
    kind: string,
    localId: string,
    fields: object,
    extra: { readonly member?: string; readonly key?: string } = {},
  ): VendorRecord {
    const { sync } = this.#parts;
    return {
      kind,
      origin: 'here',
      state: 'to-create',
      since: sync.desk.clock.now(),
      sealed: sync.seal(id, { ...fields, id: localId }),
      extra: { ...extra, localId },
    };
  }

  #checkWanted(): void {
    if ((this.#parts.places.memberRoles ?? []).length > 0) return;
    throw new KeycafeRefusal(403, 'action.forbidden', 'members open nothing at this site');
  }

  #memberOf(user: string): Found<Membership> | undefined {
    return this.#all(MEMBERSHIP, membershipSchema).find((each) => usersOf(each).includes(user));
  }

  #membership(number: string): Found<Membership> {
    const found = this.#all(MEMBERSHIP, membershipSchema).find((each) => numberOf(each) === number);
    if (found !== undefined) return found;
    throw new KeycafeRefusal(404, 'organizationMembership.notFound', 'there is no such member');
  }

  #permission(number: string): Found<Permission> {
    const found = this.#all(PERMISSION, permissionSchema).find((each) => numberOf(each) === number);
    if (found !== undefined) return found;
    throw new KeycafeRefusal(404, 'permission.notFound', 'there is no such permission');
  }

  #all<Fields>(
    kind: string,
    schema: {
      safeParse(value: unknown): { success: true; data: Fields } | { success: false };
    },
  ): readonly Found<Fields>[] {
    const { sync } = this.#parts;
    return [...sync.records()].flatMap(([id, record]) => {
      if (record.kind !== kind || record.state === 'gone' || record.state === 'to-revoke')
        return [];
      const read = schema.safeParse(sync.fields(id, record));
      return read.success ? [{ id, record, fields: read.data }] : [];
    });
  }
}

/** A member's user goes by the vendor's id, and by the number that was given out here before there was one. */
function usersOf({ fields, record }: Found<Membership>): readonly string[] {
  const local = record.extra?.['localId'];
  return typeof local === 'string' ? [fields.user.id, local] : [fields.user.id];
}

function isOf({ fields, record }: Found<Permission>, member: Found<Membership>): boolean {
  return record.extra?.['member'] === member.id || usersOf(member).includes(fields.user.id);
}

function numberOf({ record }: Found<unknown>): string {
  return String(record.extra?.['localId'] ?? record.ref ?? '');
}

function shownMembership(found: Found<Membership>): object {
  const { code, user, badge } = found.fields;
  return {
    id: Number(numberOf(found)),
    code: code ?? null,
    user: { ...user, id: Number(user.id), type: user.type ?? 'SMARTBOX' },
    ...(badge == null ? {} : { badge }),
  };
}

function shownPermission(found: Found<Permission>): object {
  const { role, user, key, group, location } = found.fields;
  const named = (thing: { readonly id: string }) => ({ id: Number(thing.id) });
  return {
    id: Number(numberOf(found)),
    role: role ?? null,
    user: named(user),
    ...(key == null ? {} : { key: named(key) }),
    ...(group == null ? {} : { group: named(group) }),
    ...(location == null ? {} : { location: named(location) }),
  };
}
