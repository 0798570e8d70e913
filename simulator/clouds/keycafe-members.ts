/** Members of Keycafe's organization, their codes and badges, and what each of them may do for good. */
import {
  membershipRequestSchema,
  type PermissionRequest,
  permissionRequestSchema,
} from '../../daemon/vendors/keycafe/wire.ts';
import { Refused } from './refused.ts';

export interface SimulatedMembership {
  readonly id: number;
  code: string;
  readonly user: {
    readonly id: number;
    readonly type: 'FULL' | 'SMARTBOX';
    readonly email?: string;
    readonly mobile?: string;
  };
  /** Serial number of a fob or sticker of Keycafe's. */
  badge?: string;
}

export interface SimulatedPermission {
  readonly id: number;
  body: PermissionRequest;
}

export interface MembersParts {
  readonly nextId: () => number;
  readonly code: (digits: number) => string;
}

export class KeycafeMembers {
  readonly memberships = new Map<number, SimulatedMembership>();
  readonly permissions = new Map<number, SimulatedPermission>();
  readonly #parts: MembersParts;

  constructor(parts: MembersParts) {
    this.#parts = parts;
  }

  addMember({
    email,
    mobile,
    code,
    badge,
    type = 'SMARTBOX',
  }: {
    readonly email?: string;
    readonly mobile?: string;
    readonly code?: string;
    readonly badge?: string;
    readonly type?: 'FULL' | 'SMARTBOX';
  }): SimulatedMembership {
    const made: SimulatedMembership = {
      id: this.#parts.nextId(),
      code: code ?? this.#parts.code(6),
      user: {
        id: this.#parts.nextId(),
        type,
        ...(email === undefined ? {} : { email }),
        ...(mobile === undefined ? {} : { mobile }),
      },
      ...(badge === undefined ? {} : { badge }),
    };
    this.memberships.set(made.id, made);
    return made;
  }

  /** Somebody with an account, as Keycafe shows them wherever they are named by what it knows of them. */
  personLike({
    email,
    mobile,
  }: {
    readonly email?: string | undefined;
    readonly mobile?: string | undefined;
  }): object | undefined {
    const found = [...this.memberships.values()].find(({ user }) => {
      const isMail = email !== undefined && user.email?.toLowerCase() === email.toLowerCase();
      return isMail || (mobile !== undefined && user.mobile === mobile);
    });
    if (found === undefined) return undefined;
    const { type: _type, ...person } = found.user;
    return person;
  }

  /** The user must be a member already. */
  addPermission(body: unknown): SimulatedPermission {
    const read = permissionRequestSchema.safeParse(body);
    if (!read.success) throw new Refused(400, 'permission.invalid');
    const isMember = [...this.memberships.values()].some(
      ({ user }) => String(user.id) === read.data.user.id,
    );
    if (!isMember) throw new Refused(400, 'permission.user.notMember');
    const made = { id: this.#parts.nextId(), body: read.data };
    this.permissions.set(made.id, made);
    return made;
  }

  /** With all that the member was permitted. */
  removeMember(id: number): void {
    const member = this.memberships.get(id);
    if (member === undefined) throw new Refused(404, 'organizationMembership.notFound');
    this.memberships.delete(id);
    for (const [permission, { body }] of this.permissions) {
      if (body.user.id === String(member.user.id)) this.permissions.delete(permission);
    }
  }

  join(body: unknown): SimulatedMembership {
    const read = membershipRequestSchema.safeParse(body);
    if (!read.success) throw new Refused(400, 'organizationMembership.invalid');
    const { user, code } = read.data;
    return this.addMember({
      ...(user.email === undefined ? {} : { email: user.email }),
      ...(user.mobile === undefined ? {} : { mobile: user.mobile }),
      ...(code == null ? {} : { code }),
    });
  }

  editPermission(id: number, body: unknown): SimulatedPermission {
    const permission = this.permissions.get(id);
    if (permission === undefined) throw new Refused(404, 'permission.notFound');
    const { role } = Object(body);
    if (typeof role === 'string') permission.body = { ...permission.body, role };
    return permission;
  }

  removePermission(id: number): void {
    if (!this.permissions.delete(id)) throw new Refused(404, 'permission.notFound');
  }

  shownMembership({ badge, ...member }: SimulatedMembership): object {
    return { ...member, ...(badge === undefined ? {} : { badge: { serialNumber: badge } }) };
  }

  shownPermission({ id, body: { user, role, key, group, location } }: SimulatedPermission): object {
    const named = (thing: { readonly id: string } | null | undefined) => ({
      id: Number(thing?.id),
    });
    return {
      id,
      role,
      user: named(user),
      ...(key == null ? {} : { key: named(key) }),
      ...(group == null ? {} : { group: named(group) }),
      ...(location == null ? {} : { location: named(location) }),
    };
  }
}
