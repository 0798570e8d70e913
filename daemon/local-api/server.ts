/** The local API: each endpoint with its check of caller and request, and one shape for all errors. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { pause } from '../../drivers/contract/time.ts';
import { StorageError } from '../store/ports.ts';
import type { VendorPart } from '../vendors/vendor.ts';
import type { Accounts } from './accounts.ts';
import { clockEndpoints } from './clock.ts';
import type { SiteDesk } from './desk.ts';
import { deviceEndpoints } from './devices.ts';
import {
  type ApiRoute,
  type Endpoint,
  type Idempotency,
  type IncomingRequest,
  type OutgoingResponse,
  type Principal,
  Raw,
  WithHeaders,
} from './endpoint.ts';
import { Enrolments, enrolmentEndpoints } from './enrolments.ts';
import { entryEndpoints } from './entries.ts';
import { ApiError, ERROR_CODES } from './errors.ts';
import { grantEndpoints } from './grants.ts';
import { healthEndpoints } from './health.ts';
import { holderDataEndpoints } from './holder-data.ts';
import { holderEndpoints } from './holders.ts';
import { keyEndpoints } from './keys.ts';
import { type LoginParts, loginEndpoints } from './login.ts';
import { LoginFailures } from './login-failures.ts';
import { metricsEndpoint } from './metrics.ts';
import { openApiEndpoint } from './openapi.ts';
import { placeEndpoints } from './places.ts';
import { reasonEndpoints } from './reasons.ts';
import { Requests } from './requests.ts';
import { COOKIE, type Sessions } from './sessions.ts';
import { siteEndpoints } from './site.ts';
import { includes, type Tokens } from './tokens.ts';
import { vendorEndpoints } from './vendors.ts';

export interface LocalApiOptions {
  readonly desk: SiteDesk;
  readonly tokens: Tokens;
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  /** People at the panel may open slots and locks too, not only programs with a token. */
  readonly panelOpening: boolean;
  /** Clouds of vendors that the config names. */
  readonly vendors?: () => readonly VendorPart[];
  /** An endpoint broke; told to the operator's log. */
  readonly broken: (error: unknown, where: string) => void;
}

/** Everything under `/api/v1`, with health and metrics, as routes for the platform's HTTP server. */
export function localApi(options: LocalApiOptions): readonly ApiRoute[] {
  const failures = new LoginFailures(options.desk);
  return apiEndpoints({ ...options, failures }).map((endpoint) =>
    route(endpoint, options, failures),
  );
}

export function apiEndpoints(
  parts: LoginParts & Pick<LocalApiOptions, 'vendors'>,
): readonly Endpoint[] {
  const { desk, vendors = () => [] } = parts;
  const requests = new Requests(desk);
  const enrolments = new Enrolments(desk);
  const endpoints = [
    ...loginEndpoints(parts),
    ...siteEndpoints(desk, requests),
    ...clockEndpoints(desk),
    ...deviceEndpoints(desk, requests),
    ...placeEndpoints(desk, requests),
    ...keyEndpoints(desk, requests, enrolments),
    ...grantEndpoints(desk, requests, enrolments),
    ...holderEndpoints(desk),
    ...holderDataEndpoints(desk),
    ...enrolmentEndpoints(desk, enrolments),
    ...entryEndpoints(desk),
    ...reasonEndpoints(desk),
    ...vendorEndpoints(desk, vendors),
    ...healthEndpoints(desk),
    metricsEndpoint(desk),
  ];
  return [...endpoints, openApiEndpoint(endpoints)];
}

function route(endpoint: Endpoint, options: LocalApiOptions, failures: LoginFailures): ApiRoute {
  const { method, path, perMinute } = endpoint;
  return {
    method,
    path: path.replaceAll(/\{(\w+)\}/g, ':$1'),
    ...(perMinute === undefined ? {} : { perMinute }),
    async handle(request) {
      try {
        return await answer(endpoint, request, options, failures);
      } catch (error) {
        return refusal(error, `${method} ${path}`, options);
      }
    },
  };
}

async function answer(
  endpoint: Endpoint,
  request: IncomingRequest,
  options: LocalApiOptions,
  failures: LoginFailures,
): Promise<OutgoingResponse> {
  const { principal, over, stands } = caller(endpoint, request, options, failures);
  const params = read(endpoint.params, request.params, '');
  const query = read(endpoint.query, request.query, '');
  const body = read(endpoint.body, request.body, '');
  const left = over === undefined ? request.signal : AbortSignal.any([request.signal, over]);
  const reply = await endpoint.call({
    params,
    query,
    body,
    principal,
    idempotency: idempotency(request, [endpoint.method, endpoint.path, params, body]),
    signal: endpoint.lasts === true ? whileStanding(stands, left, options) : left,
    headers: request.headers,
    remote: request.remote,
    isEncrypted: request.isEncrypted,
    session: request.cookies[COOKIE],
  });
  if (reply instanceof Raw) {
    return {
      status: reply.status,
      headers: { 'content-type': reply.contentType },
      body: reply.body,
    };
  }
  if (reply instanceof WithHeaders) {
    return { status: 200, headers: reply.headers, body: reply.body };
  }
  return { status: 200, body: Object(reply) };
}

const NOBODY: Principal = { name: 'nobody', by: 'nobody', scope: 'read' };

interface Caller {
  readonly principal: Principal;
  /** Aborted when they are logged out. */
  readonly over: AbortSignal | undefined;
  /** Whether they would still be let in; asking is no sign that they are there. */
  readonly stands: () => boolean;
}

function caller(
  { scope, opens }: Endpoint,
  { headers, cookies, remote }: IncomingRequest,
  { tokens, sessions, panelOpening }: LocalApiOptions,
  failures: LoginFailures,
): Caller {
  if (scope === undefined) return { principal: NOBODY, over: undefined, stands: () => true };
  const { authorization } = headers;
  const person = authorization === undefined ? sessions.find(cookies[COOKIE]) : undefined;
  const principal =
    person === undefined
      ? tokens.principal(authorization)
      : { name: person.name, scope: person.scope, by: `panel:${person.name}` };
  if (principal === undefined) {
    // An open page whose session is over is nobody who guesses.
    if (authorization !== undefined) failures.failed(remote);
    throw new ApiError('unauthorized', 'log in, or send a token: Authorization: Bearer …');
  }
  if (!includes(principal.scope, scope)) {
    throw new ApiError('forbidden', `this needs the scope ${scope}, not ${principal.scope}`);
  }
  if (person !== undefined && opens === true && !panelOpening) {
    throw new ApiError(
      'forbidden',
      'opening from the panel is off: api.panelOpening in the config',
    );
  }
  if (person === undefined) {
    const stands = () => tokens.principal(authorization) !== undefined;
    return { principal, over: undefined, stands };
  }
  return { principal, over: person.over, stands: () => sessions.stands(cookies[COOKIE]) };
}

/** A token that was taken back and a session that ran out end what they listen to, after this time at the latest. */
const LOOK_AGAIN_MS = 1000;

function whileStanding(
  stands: () => boolean,
  left: AbortSignal,
  { desk, broken }: LocalApiOptions,
): AbortSignal {
  const fallen = new AbortController();
  const watch = async () => {
    while (!left.aborted && stands()) await pause(desk.clock, LOOK_AGAIN_MS, left);
  };
  watch()
    .catch((error: unknown) => broken(error, 'whether a caller may listen still'))
    .finally(() => fallen.abort());
  return fallen.signal;
}

function read(schema: z.ZodType | undefined, value: unknown, at: string): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    throw new ApiError('bad_request', `there is no field "${key.slice(0, 64)}"`, key.slice(0, 64));
  }
  const field = `${at}${fieldOf(issue?.path ?? [])}`;
  const message = issue?.message ?? 'not understood';
  throw new ApiError('bad_request', message, field === '' ? undefined : field);
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number'
        ? `${text}[${part}]`
        : text === ''
          ? String(part)
          : `${text}.${String(part)}`,
    '',
  );
}

/** @param asked read by the schemas first, so that order and defaults make no difference. */
function idempotency(
  { headers }: IncomingRequest,
  asked: readonly unknown[],
): Idempotency | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (/^[A-Za-z0-9_.:-]{8,128}$/.test(key)) {
    const fingerprint = createHash('sha256').update(JSON.stringify(asked)).digest('base64url');
    return { key, fingerprint };
  }
  throw new ApiError('bad_request', '8 to 128 of letters, digits and _ . : -', 'Idempotency-Key');
}

function refusal(error: unknown, where: string, { broken }: LocalApiOptions): OutgoingResponse {
  const known = asApiError(error);
  if (known === undefined) broken(error, where);
  const { code, message, field } =
    known ?? new ApiError('internal', 'this failed; the log says why');
  return {
    status: ERROR_CODES[code],
    ...(code === 'unauthorized' ? { headers: { 'www-authenticate': 'Bearer' } } : {}),
    body: { error: { code, message, ...(field === undefined ? {} : { field }) } },
  };
}

function asApiError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (error instanceof StorageError) {
    return new ApiError('storage_full', 'entries cannot be stored now; nothing was done');
  }
  return undefined;
}
