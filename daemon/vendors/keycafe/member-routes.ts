/** Members and permissions as Keycafe's clients ask for them. */
import type { DialectRequest, DialectResponse, DialectRoute } from '../dialect.ts';
import type { MemberBook } from './member-book.ts';
import { bodyOf, pageOf } from './reply.ts';
import {
  membershipRequestSchema,
  permissionRequestSchema,
  permissionUpdateSchema,
} from './wire.ts';

/** The path is ours: that there are such calls is documented, where is not. */
const MEMBERS = '/organizationMembership';

export interface MemberRoutesParts {
  readonly members: MemberBook;
  readonly route: (
    method: DialectRoute['method'],
    path: string,
    handle: (request: DialectRequest) => Promise<DialectResponse> | DialectResponse,
  ) => DialectRoute;
  /** The connector is to tell the vendor. */
  readonly changed: () => void;
}

export function memberRoutes({
  members,
  route,
  changed,
}: MemberRoutesParts): readonly DialectRoute[] {
  const number = ({ params }: DialectRequest) => params['id'] ?? '';
  const requestKey = ({ headers }: DialectRequest) => headers['idempotency-key'];
  const ok = (body: object): DialectResponse => ({ status: 200, body });
  const done = async (making: Promise<object>): Promise<DialectResponse> => {
    const shown = await making;
    changed();
    return ok(shown);
  };
  const ended = async (ending: Promise<void>): Promise<DialectResponse> => {
    await ending;
    changed();
    return { status: 200 };
  };
  return [
    route('GET', MEMBERS, (asked) => pageOf(asked, members.memberships())),
    route('GET', `${MEMBERS}/:id`, (asked) => ok(members.membership(number(asked)))),
    route('POST', MEMBERS, (asked) => {
      const body = bodyOf('organizationMembership', membershipRequestSchema, asked);
      return done(members.join(body, requestKey(asked)));
    }),
    route('DELETE', `${MEMBERS}/:id`, (asked) => ended(members.leave(number(asked)))),
    route('GET', '/permission', (asked) => pageOf(asked, members.permissions())),
    route('GET', '/permission/:id', (asked) => ok(members.permission(number(asked)))),
    route('POST', '/permission', (asked) => {
      const body = bodyOf('permission', permissionRequestSchema, asked);
      return done(members.permit(body, requestKey(asked)));
    }),
    route('PUT', '/permission/:id', (asked) =>
      done(members.change(number(asked), bodyOf('permission', permissionUpdateSchema, asked))),
    ),
    route('DELETE', '/permission/:id', (asked) => ended(members.forbid(number(asked)))),
  ];
}
