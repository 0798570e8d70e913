/**
 * Seam's own calls, answered by the daemon: an existing client works against the box with the internet gone. Every
 * path takes POST; reads also GET, deletes also DELETE, updates also PATCH and PUT (vendor-apis.md 3.2).
 */
import { StorageError } from '../../store/ports.ts';
import {
  bearerOf,
  type DialectRequest,
  type DialectResponse,
  type DialectRoute,
  isSameSecret,
} from '../dialect.ts';
import { drawnUuid } from '../uuid.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { ActionAttempts } from './action-attempts.ts';
import { DeviceLimits } from './device-limits.ts';
import { absentEndpoints } from './dialect-absent.ts';
import { codeSetEndpoints } from './dialect-code-sets.ts';
import { codeEndpoints } from './dialect-codes.ts';
import { deviceEndpoints } from './dialect-devices.ts';
import { eventEndpoints } from './dialect-events.ts';
import { grantEndpoints } from './dialect-grants.ts';
import { methodEndpoints } from './dialect-methods.ts';
import { type DialectParts, shelvesOf } from './dialect-parts.ts';
import { peopleEndpoints } from './dialect-people.ts';
import { placeEndpoints } from './dialect-places.ts';
import { relatedEndpoints } from './dialect-related.ts';
import { webhookEndpoints } from './dialect-webhooks.ts';
import { callOf, inputOf, type Method, READ, type SeamEndpoint } from './endpoint.ts';
import { isTheirs, NO_PLACES, type SeamPlaces } from './places.ts';
import { errorAnswer, SeamError } from './seam-error.ts';
import { SiteDevices } from './site-devices.ts';

export interface SeamDialectParts {
  readonly sync: VendorSync;
  /** Each starts with `seam_`; clients refuse any other. Asked at each call. */
  readonly apiKeys: () => readonly string[];
  readonly places?: SeamPlaces;
  /** The vendor's cloud is kept in step too: what is on a device of its is told to it. */
  readonly isConnected?: boolean;
  /** Something waits for the vendor. */
  readonly changed?: () => void;
  /** `/seam` by default. */
  readonly mount?: string;
}

const METHODS: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

export function dialectParts({
  sync,
  places = NO_PLACES,
  isConnected = false,
}: Pick<SeamDialectParts, 'sync' | 'places' | 'isConnected'>): DialectParts {
  const { desk } = sync;
  return {
    desk,
    sync,
    devices: new SiteDevices(desk, places),
    stateOf: (targets) => (isConnected && isTheirs(targets, places) ? 'to-create' : 'in-step'),
    attempts: new ActionAttempts(desk),
    limits: new DeviceLimits(desk.clock),
    shelves: shelvesOf(sync),
  };
}

/** Routes for the HTTP server; also for what Seam has and this dialect has not, so that its clients can read the answer. */
export function seamDialect(
  options: SeamDialectParts,
  parts: DialectParts = dialectParts(options),
): readonly DialectRoute[] {
  const { apiKeys, changed = () => {}, mount = '/seam' } = options;
  const { desk } = parts;
  const writing = new Turns();
  const handle = async (
    found: SeamEndpoint | undefined,
    request: DialectRequest,
  ): Promise<DialectResponse> => {
    const requestId = drawnUuid(desk.random);
    try {
      authorize(request, apiKeys());
      if (found === undefined) throw new SeamError(404, 'not_found', 'there is no such path');
      const input = inputFor(found, request);
      const call = callOf(request, input);
      const answer = () => found.answer(input, call);
      // Changes read before they write; one after the other, none is lost. Doors do not wait for them.
      const isWrite = found.methods !== READ && !/^\/locks\/|\/unlock(_door)?$/.test(found.path);
      const result = await (isWrite ? writing.next(answer) : answer());
      if (isWrite) changed();
      const headers = { 'seam-request-id': requestId };
      return { status: 200, headers, body: { ...result, ok: true } };
    } catch (error) {
      if (error instanceof SeamError) return errorAnswer(error, requestId);
      if (!(error instanceof StorageError)) throw error;
      // Nothing moved, and nothing was granted: what cannot be written down is not done (P2).
      const full = new SeamError(503, 'storage_unavailable', 'the site cannot store anything now');
      return errorAnswer(full, requestId);
    }
  };
  const endpoints = [
    ...grantEndpoints(parts),
    ...methodEndpoints(parts),
    ...codeEndpoints(parts),
    ...deviceEndpoints(parts),
    ...eventEndpoints(parts),
    ...peopleEndpoints(parts),
    ...webhookEndpoints(parts),
    ...codeSetEndpoints(parts),
    ...placeEndpoints(parts),
    ...relatedEndpoints(parts),
    ...absentEndpoints(parts),
  ];
  return METHODS.flatMap((method) => [
    ...endpoints.map(
      (each): DialectRoute => ({
        method,
        path: `${mount}${each.path}`,
        handle: (request) => handle(each, request),
      }),
    ),
    { method, path: `${mount}/*`, handle: (request) => handle(undefined, request) },
  ]);
}

function authorize(request: DialectRequest, apiKeys: readonly string[]): void {
  const token = bearerOf(request);
  if (token === undefined || !apiKeys.some((each) => isSameSecret(token, each))) {
    throw new SeamError(401, 'unauthorized', 'no valid API key was sent');
  }
}

function inputFor(
  { methods }: SeamEndpoint,
  request: DialectRequest,
): Readonly<Record<string, unknown>> {
  if (!methods.some((each) => each === request.method)) {
    throw new SeamError(405, 'method_not_allowed', `this path takes ${methods.join(', ')}`);
  }
  const input = inputOf(request);
  if (input === undefined) throw new SeamError(400, 'invalid_input', 'a JSON object is expected');
  return input;
}

class Turns {
  #last: Promise<unknown> = Promise.resolve();

  next<Result>(body: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(body);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
