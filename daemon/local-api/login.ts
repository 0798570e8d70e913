/** Setting up, logging in and out, and who may: for people at the panel. Programs send tokens instead. */
import { z } from 'zod';
import type { JsonObject } from '../access/entry.ts';
import { type Accounts, PASSWORD_LEAST } from './accounts.ts';
import type { SiteDesk } from './desk.ts';
import { type Endpoint, endpoint, SCOPES, WithHeaders } from './endpoint.ts';
import { ApiError } from './errors.ts';
import type { LoginFailures } from './login-failures.ts';
import { COOKIE, type Sessions } from './sessions.ts';

export interface LoginParts {
  readonly desk: SiteDesk;
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly failures: LoginFailures;
}

/** Tries a minute and caller: a password is guessed no faster than this. */
const TRIES = 5;

const name = z.string().regex(/^[a-z0-9-]{1,32}$/, '1 to 32 of a-z, 0-9 and "-"');
const password = z
  .string()
  .min(PASSWORD_LEAST, `at least ${PASSWORD_LEAST} characters`)
  .max(256)
  .describe('a sentence is easier to remember than signs');
const me = z.object({ name: z.string(), scope: z.enum(SCOPES) });

export function loginEndpoints(parts: LoginParts): readonly Endpoint[] {
  const { desk, accounts, sessions, failures } = parts;
  return [
    endpoint({
      method: 'GET',
      path: '/api/v1/setup',
      scope: undefined,
      summary: 'Whether anybody can log in yet',
      reply: z.object({ done: z.boolean() }),
      call: () => ({ done: accounts.isSetUp }),
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/setup',
      scope: undefined,
      summary: 'Makes the first account, with the setup code that lies in the store of the box',
      perMinute: TRIES,
      body: z.strictObject({ code: z.string().min(1).max(64), name, password }),
      reply: me,
      async call({ body, remote, isEncrypted }) {
        const made = await accounts.setUp(body.code, body.name, body.password, desk.clock.now());
        if (made === 'set-up-before') throw new ApiError('conflict', 'this was done before');
        if (made === 'wrong-code') {
          failures.failed(remote);
          throw new ApiError('unauthorized', 'another code', 'code');
        }
        recorded(desk, { by: 'setup-code', account: body.name, scope: 'admin' });
        return welcome(sessions, body.name, 'admin', isEncrypted);
      },
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/login',
      scope: undefined,
      summary: 'Begins a session, in a cookie',
      perMinute: TRIES,
      body: z.strictObject({ name: z.string().max(64), password: z.string().max(256) }),
      reply: me,
      async call({ body, remote, isEncrypted }) {
        const scope = await accounts.login(body.name, body.password);
        if (scope === undefined) {
          failures.failed(remote);
          throw new ApiError('unauthorized', 'name or password is wrong');
        }
        return welcome(sessions, body.name, scope, isEncrypted);
      },
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/logout',
      scope: 'read',
      summary: 'Ends the session',
      reply: z.object({ ok: z.literal(true) }),
      call({ session }) {
        sessions.end(session);
        return new WithHeaders({ ok: true }, { 'set-cookie': `${COOKIE}=; Path=/; Max-Age=0` });
      },
    }),
    endpoint({
      method: 'GET',
      path: '/api/v1/me',
      scope: 'read',
      summary: 'Who calls, and what they may',
      reply: me,
      call: ({ principal }) => ({ name: principal.name, scope: principal.scope }),
    }),
    ...accountEndpoints(parts),
  ];
}

function accountEndpoints({ desk, accounts, sessions }: LoginParts): readonly Endpoint[] {
  const params = z.strictObject({ account: name });
  return [
    endpoint({
      method: 'GET',
      path: '/api/v1/accounts',
      scope: 'admin',
      summary: 'Who can log in',
      reply: z.object({ accounts: z.array(me) }),
      call: () => ({ accounts: accounts.names.map((each) => ({ ...each })) }),
    }),
    endpoint({
      method: 'PUT',
      path: '/api/v1/accounts/{account}',
      scope: 'admin',
      summary: 'Makes an account, or changes its scope and password; its sessions end',
      params,
      body: z.strictObject({
        scope: z.enum(SCOPES),
        password: password.optional().describe('missing: it stays; a new account needs one'),
      }),
      reply: me,
      async call({ params: { account }, body, principal }) {
        const result = await accounts.put(account, body.scope, body.password, desk.clock.now());
        if (result === 'last-admin') {
          throw new ApiError('conflict', 'the last account with scope admin keeps it', 'scope');
        }
        if (result === 'too-many') {
          throw new ApiError('limit_exceeded', 'there are as many accounts as there may be');
        }
        if (result === 'no-password') {
          const message = `there is no account ${account} yet: a new one needs a password`;
          throw new ApiError('bad_request', message, 'password');
        }
        recorded(desk, { by: principal.by, account, scope: body.scope });
        sessions.endOf(account);
        return { name: account, scope: body.scope };
      },
    }),
    endpoint({
      method: 'DELETE',
      path: '/api/v1/accounts/{account}',
      scope: 'admin',
      summary: 'Takes an account away',
      params,
      reply: z.object({ account: z.string() }),
      call({ params: { account }, principal }) {
        if (!removed(accounts, account)) {
          throw new ApiError('not_found', `there is no account ${account}`, 'account');
        }
        recorded(desk, { by: principal.by, account, removed: true });
        sessions.endOf(account);
        return { account };
      },
    }),
  ];
}

/** Who may do what here is a setting like others: evidence of each change. */
function recorded(desk: SiteDesk, body: JsonObject): void {
  desk.journal
    .append({
      stamp: desk.stamp(),
      entries: [{ type: 'system.config_changed', body }],
      keep: true,
    })
    .committed.catch(() => {}); // a full disk has its own alarm
}

function removed(accounts: Accounts, name: string): boolean {
  try {
    return accounts.remove(name);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ApiError('conflict', `${error.message} stays`, 'account');
  }
}

/** Never sent to another site, nor shown to scripts; over TLS only where there is TLS. */
function welcome(
  sessions: Sessions,
  who: string,
  scope: (typeof SCOPES)[number],
  isEncrypted: boolean,
): WithHeaders {
  const secret = sessions.begin(who, scope);
  const secure = isEncrypted ? '; Secure' : '';
  const cookie = `${COOKIE}=${secret}; Path=/; HttpOnly; SameSite=Strict${secure}`;
  return new WithHeaders({ name: who, scope }, { 'set-cookie': cookie });
}
