/**
 * The HTTP server, through `fastify` and its plugins. Whoever serves something hands in routes as data; what holds for
 * all of them is kept here: who may call by which name, how much, how often, and how errors look.
 */

import { once } from 'node:events';
import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';

export interface HttpRequest {
  readonly method: string;
  /** With the query, as it came. */
  readonly url: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly cookies: Readonly<Record<string, string | undefined>>;
  /** Parsed JSON, or the fields of a form; undefined without a body. */
  readonly body: unknown;
  /** The bytes of the body, for signatures over it. */
  readonly raw: Uint8Array;
  /** Address of the caller. */
  readonly remote: string;
  readonly isEncrypted: boolean;
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** An object is sent as JSON; text and bytes as they are, with the content type in `headers`; a stream as it comes. */
  readonly body?: object | string | Uint8Array | AsyncIterable<string>;
}

export interface HttpRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/api/v1/keys/:key` */
  readonly path: string;
  /** Calls a minute and caller, where fewer than usual are right. */
  readonly perMinute?: number;
  handle(request: HttpRequest): Promise<HttpResponse> | HttpResponse;
}

export interface HttpOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Where the port is taken, another one will do. */
  readonly orAnyPort?: boolean;
  /** PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Names it may be called by, beside its address and localhost. */
  readonly names?: readonly string[];
  readonly routes: readonly HttpRoute[];
  /** What is answered where there is no route; `{error}` with `not_found` by default. */
  readonly otherwise?: (request: HttpRequest) => Promise<HttpResponse> | HttpResponse;
  readonly perMinute?: number;
  /** A request broke; the caller is told `internal` and no more. */
  readonly broken: (error: unknown, route: string) => void;
}

export interface HttpServer extends AsyncDisposable {
  /** `http://127.0.0.1:4180` */
  readonly url: string;
  readonly port: number;
}

const BODY_MAX = 256 * 1024;
const PER_MINUTE = 1200;
/** Connections at one time; who comes beyond that is hung up on. */
const CONNECTIONS_MOST = 256;
const HEADERS_WITHIN_MS = 15_000;
const WRITING = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

export async function createServer(options: HttpOptions): Promise<HttpServer> {
  const server = build(options);
  await protect(server, options);
  for (const route of options.routes) addRoute(server, route);
  server.setNotFoundHandler((request, reply) =>
    options.otherwise === undefined
      ? refuse(reply, 404, 'not_found', 'there is nothing at this address')
      : answer(options.otherwise, request, reply),
  );
  server.server.maxConnections = CONNECTIONS_MOST;
  // Streams of events never end by themselves, and Fastify ends them only where it listened itself.
  server.addHook('preClose', async () => {
    server.server.close();
    server.server.closeAllConnections();
  });
  const port = await listen(server, options);
  const scheme = options.tls === undefined ? 'http' : 'https';
  const host = isIP(options.host) === 6 ? `[${options.host}]` : options.host;
  return {
    url: `${scheme}://${host}:${port}`,
    port,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

function build({ tls, broken }: HttpOptions): FastifyInstance {
  const common = {
    bodyLimit: BODY_MAX,
    requestTimeout: HEADERS_WITHIN_MS,
    routerOptions: { maxParamLength: 300, ignoreTrailingSlash: true },
    exposeHeadRoutes: false,
  } as const;
  // The types of an instance differ by the server below it; all that is used here is the same.
  const server: FastifyInstance =
    tls === undefined
      ? fastify(common)
      : (fastify({
          ...common,
          https: { ...tls, minVersion: 'TLSv1.2' },
        }) as unknown as FastifyInstance);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    ['application/json', 'application/x-www-form-urlencoded'],
    { parseAs: 'buffer' },
    (_request, body, done) => done(null, body),
  );
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const known = KNOWN_ERRORS[error.statusCode ?? 500];
    if (known !== undefined) return refuse(reply, error.statusCode ?? 500, known[0], known[1]);
    broken(error, `${request.method} ${request.routeOptions.url ?? '?'}`);
    return refuse(reply, 500, 'internal', 'this failed; the log says why');
  });
  return server;
}

const KNOWN_ERRORS: Readonly<Record<number, readonly [code: string, message: string]>> = {
  400: ['bad_request', 'this is no request that can be read'],
  404: ['not_found', 'there is nothing at this address'],
  413: ['too_large', `a body has at most ${BODY_MAX} bytes`],
  414: ['too_large', 'the address is too long'],
  415: ['unsupported_media_type', 'send application/json'],
  429: ['too_many_requests', 'fewer requests, please'],
};

async function protect(server: FastifyInstance, options: HttpOptions): Promise<void> {
  await server.register(helmet, {
    contentSecurityPolicy: {
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        objectSrc: ["'none'"],
        frameAncestors: ["'none'"],
        // Without TLS there is nothing to upgrade to.
        upgradeInsecureRequests: null,
      },
    },
    strictTransportSecurity: options.tls !== undefined,
    crossOriginEmbedderPolicy: false,
  });
  await server.register(cookie);
  await server.register(rateLimit, {
    max: options.perMinute ?? PER_MINUTE,
    timeWindow: 60_000,
    keyGenerator: (request) => request.ip,
  });
  const names = new Set(
    ['localhost', options.host, ...(options.names ?? [])].map((name) => name.toLowerCase()),
  );
  server.addHook('onRequest', async (request, reply) => {
    const host = hostName(request.headers.host);
    // A page of somebody else can make a browser call us, but not under our own name (DNS rebinding).
    if (host === undefined || !(names.has(host) || isIP(host) !== 0)) {
      return refuse(reply, 421, 'misdirected', 'this server is not called by that name');
    }
    const { origin } = request.headers;
    if (origin !== undefined && WRITING.has(request.method) && !isOwn(origin, request, options)) {
      return refuse(reply, 403, 'forbidden', 'another site may not write here');
    }
  });
}

function hostName(header: string | undefined): string | undefined {
  const url = `http://${header ?? ''}/`;
  if (header === undefined || !URL.canParse(url)) return undefined;
  return new URL(url).hostname.toLowerCase().replace(/^\[|\]$/g, '');
}

function isOwn(origin: string, request: FastifyRequest, { tls }: HttpOptions): boolean {
  const scheme = tls === undefined ? 'http' : 'https';
  return origin === `${scheme}://${request.headers.host ?? ''}`;
}

function addRoute(server: FastifyInstance, route: HttpRoute): void {
  const { perMinute } = route;
  server.route({
    method: route.method,
    url: route.path,
    ...(perMinute === undefined
      ? {}
      : { config: { rateLimit: { max: perMinute, timeWindow: 60_000 } } }),
    handler: (request, reply) => answer((each) => route.handle(each), request, reply),
  });
}

async function answer(
  handle: (request: HttpRequest) => Promise<HttpResponse> | HttpResponse,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const raw = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const body = read(raw, request.headers['content-type'] ?? '');
  if (body.kind === 'malformed') {
    return refuse(reply, 400, 'bad_request', 'the body is not what its content type says');
  }
  const gone = new AbortController();
  reply.raw.on('close', () => gone.abort());
  const {
    status,
    headers = {},
    body: content,
  } = await handle({
    method: request.method,
    url: request.url,
    params: texts(request.params),
    query: queryOf(request.query),
    headers: headersOf(request),
    cookies: request.cookies,
    body: body.value,
    raw,
    remote: request.ip,
    isEncrypted: request.protocol === 'https',
    signal: gone.signal,
  });
  reply.code(status);
  for (const [name, value] of Object.entries(headers)) {
    reply.header(name, typeof value === 'string' ? value : [...value]);
  }
  if (!('cache-control' in headers)) reply.header('cache-control', 'no-store');
  if (content === undefined) return reply.send();
  if (typeof content === 'string' || content instanceof Uint8Array) return reply.send(content);
  if (isStream(content)) return reply.send(Readable.from(content, { objectMode: false }));
  reply.header('content-type', 'application/json; charset=utf-8');
  return reply.send(JSON.stringify(content));
}

function isStream(content: object): content is AsyncIterable<string> {
  return Symbol.asyncIterator in content;
}

function refuse(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .header('content-type', 'application/json; charset=utf-8')
    .send(JSON.stringify({ error: { code, message } }));
}

type Body = { readonly kind: 'read'; readonly value: unknown } | { readonly kind: 'malformed' };

function read(raw: Buffer, contentType: string): Body {
  if (raw.length === 0) return { kind: 'read', value: undefined };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(raw);
  } catch {
    return { kind: 'malformed' };
  }
  if (contentType.startsWith('application/x-www-form-urlencoded')) {
    return { kind: 'read', value: Object.fromEntries(new URLSearchParams(text)) };
  }
  try {
    return { kind: 'read', value: JSON.parse(text) satisfies unknown };
  } catch {
    return { kind: 'malformed' };
  }
}

function texts(params: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Object(params)).map(([name, value]) => [name, String(value)]),
  );
}

function queryOf(query: unknown): Record<string, string | readonly string[]> {
  return Object.fromEntries(
    Object.entries(Object(query)).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(String) : String(value),
    ]),
  );
}

function headersOf({ headers }: FastifyRequest): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
}

async function listen(server: FastifyInstance, options: HttpOptions): Promise<number> {
  const { host, port, orAnyPort = false } = options;
  await server.ready();
  try {
    await listenAt(server, host, port);
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (!isTaken || !orAnyPort || port === 0) throw error;
    await listenAt(server, host, 0);
  }
  const address = server.server.address();
  if (address === null || typeof address === 'string')
    throw new TypeError('a server that listens has a port');
  return address.port;
}

/** Fastify's own `listen` asks for all interfaces at 0.0.0.0, for a line of its log: the unit allows no such socket. */
async function listenAt({ server }: FastifyInstance, host: string, port: number): Promise<void> {
  server.listen({ host, port });
  await once(server, 'listening');
}
