/** The control of the simulator over HTTP: one route a verb, so that hands can be lent to it from a shell or a page. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ArgumentError, type Arguments, checkNames } from './arguments.ts';
import { benchTopFile, type PageFile } from './bench-top-routes.ts';
import type { BusVerb } from './bus-verbs.ts';
import type { SimJson } from './device.ts';
import type { Hardware } from './hardware.ts';
import { listen } from './tcp.ts';

export interface ControlOptions {
  /** Taken where it is free, otherwise the system picks one. */
  readonly port: number;
  /** One line that stands above the list of routes. */
  readonly title: string;
  /** What surrounds the hardware, where there is a whole site. */
  readonly site?: SiteControl;
}

export interface SiteControl {
  look(): SimJson;
  readonly verbs: Readonly<Record<string, BusVerb>>;
}

const BODY_MAX = 65_536;
/** Loopback only, also by name: a page of somebody else's must not reach it through a name of its own. */
const HOSTS = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

class HttpFault extends Error {
  override readonly name = 'HttpFault';
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;
  constructor(status: number, code: string, message: string, field?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = field;
  }
}

export interface Control extends AsyncDisposable {
  readonly url: string;
}

export async function serveControl(hardware: Hardware, options: ControlOptions): Promise<Control> {
  const server = createServer((request, response) => {
    answer(hardware, options, request).then(
      (reply) => send(response, 200, reply),
      (error: unknown) => sendFault(response, error),
    );
  });
  const port = await listen(server, '127.0.0.1', options.port);
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => close(server),
  };
}

type Reply = { readonly json: SimJson } | PageFile;

async function answer(
  hardware: Hardware,
  options: ControlOptions,
  request: IncomingMessage,
): Promise<Reply> {
  if (!HOSTS.test(request.headers.host ?? '')) {
    throw new HttpFault(403, 'forbidden', 'only from this machine, as 127.0.0.1 or localhost');
  }
  const { method = 'GET' } = request;
  const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
  const [, version, ...parts] = pathname.split('/');
  if (version === '') {
    mustBe('GET', method);
    return /application\/json/.test(request.headers.accept ?? '')
      ? { json: { title: options.title, routes: routes(hardware, options.site) } }
      : {
          contentType: 'text/plain; charset=utf-8',
          text: page(hardware, options.title, options.site),
        };
  }
  const file = benchTopFile(pathname);
  if (file !== undefined) {
    mustBe('GET', method);
    return file;
  }
  const [kind = '', name, verb, ...more] = parts.map(decodeURIComponent);
  if (version === 'v1' && more.length === 0 && (kind === 'devices' || kind === 'buses')) {
    const things = thingsOf(hardware, kind);
    if (name === undefined) {
      mustBe('GET', method);
      return { json: Object.fromEntries(things.names.map((each) => [each, things.look(each)])) };
    }
    if (!things.names.includes(name)) {
      throw new HttpFault(404, 'not-found', `there is no ${name} among the ${kind}`, 'name');
    }
    if (verb === undefined) {
      mustBe('GET', method);
      return { json: things.look(name) };
    }
    if (!Object.hasOwn(things.verbs(name), verb)) {
      const all = Object.keys(things.verbs(name)).join(', ');
      throw new HttpFault(404, 'not-found', `${name} cannot "${verb}"; it can: ${all}`, 'verb');
    }
    mustBe('POST', method);
    return { json: { result: await things.act(name, verb, await body(request)) } };
  }
  if (version === 'v1' && kind === 'site' && verb === undefined && options.site !== undefined) {
    return { json: await atSite(options.site, name, method, request) };
  }
  throw new HttpFault(404, 'not-found', 'there is nothing here; GET / lists what there is');
}

async function atSite(
  site: SiteControl,
  name: string | undefined,
  method: string,
  request: IncomingMessage,
): Promise<SimJson> {
  if (name === undefined) {
    mustBe('GET', method);
    return site.look();
  }
  const verb = Object.hasOwn(site.verbs, name) ? site.verbs[name] : undefined;
  if (verb === undefined) {
    const all = Object.keys(site.verbs).join(', ');
    throw new HttpFault(404, 'not-found', `a site cannot "${name}"; it can: ${all}`, 'verb');
  }
  mustBe('POST', method);
  const given = await body(request);
  checkNames(verb, given);
  return { result: await verb.run(given) };
}

interface Things {
  readonly names: readonly string[];
  look(name: string): SimJson;
  verbs(name: string): Readonly<Record<string, BusVerb>>;
  act(name: string, verb: string, given: Arguments): Promise<SimJson>;
}

function thingsOf(hardware: Hardware, kind: 'devices' | 'buses'): Things {
  return kind === 'devices'
    ? {
        names: hardware.deviceNames,
        look: (name) => hardware.device(name)?.look() ?? null,
        verbs: (name) => hardware.verbsOfDevice(name) ?? {},
        act: (name, verb, given) => hardware.handle(name, verb, given),
      }
    : {
        names: hardware.busNames,
        look: (name) => hardware.lookAtBus(name) ?? null,
        verbs: (name) => hardware.verbsOfBus(name) ?? {},
        act: (name, verb, given) => hardware.meddle(name, verb, given),
      };
}

function mustBe(expected: 'GET' | 'POST', method: string): void {
  if (method !== expected) {
    throw new HttpFault(405, 'method-not-allowed', `this is for ${expected}, not ${method}`);
  }
}

/** A JSON object, or nothing where a verb needs nothing. */
async function body(request: IncomingMessage): Promise<Arguments> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > BODY_MAX) throw new HttpFault(413, 'too-large', `at most ${BODY_MAX} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8').trim();
  if (text === '') return {};
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw new HttpFault(400, 'invalid', 'the body is no JSON; send an object with the arguments');
  }
  if (!isArguments(given)) {
    throw new HttpFault(400, 'invalid', 'the body is a JSON object with the arguments');
  }
  return given;
}

/** JSON.parse gives nothing else but what a `SimJson` is. */
function isArguments(given: unknown): given is Arguments {
  return typeof given === 'object' && given !== null && !Array.isArray(given);
}

interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly what: string;
  readonly arguments: Readonly<Record<string, string>>;
}

function routes(hardware: Hardware, site: SiteControl | undefined): SimJson {
  return allRoutes(hardware, site).map((route) => ({ ...route }));
}

function allRoutes(hardware: Hardware, site: SiteControl | undefined): Route[] {
  const kinds = ['devices', 'buses'] as const;
  const around =
    site === undefined
      ? []
      : [
          get('/v1/site', 'what surrounds it, as it is now'),
          ...Object.entries(site.verbs).map(([verb, { what, arguments: takes }]) => ({
            method: 'POST' as const,
            path: `/v1/site/${verb}`,
            what,
            arguments: takes,
          })),
        ];
  const things = kinds.flatMap((kind) => {
    const things = thingsOf(hardware, kind);
    return [
      get(`/v1/${kind}`, `all ${kind}, as they are now`),
      ...things.names.flatMap((name) => [
        get(`/v1/${kind}/${name}`, 'as it is now'),
        ...Object.entries(things.verbs(name)).map(([verb, { what, arguments: takes }]) => ({
          method: 'POST' as const,
          path: `/v1/${kind}/${name}/${verb}`,
          what,
          arguments: takes,
        })),
      ]),
    ];
  });
  return [...things, ...around];
}

function get(path: string, what: string): Route {
  return { method: 'GET', path, what, arguments: {} };
}

function page(hardware: Hardware, title: string, site: SiteControl | undefined): string {
  const lines = allRoutes(hardware, site).map(({ method, path, what, arguments: takes }) => {
    const names = Object.keys(takes);
    const shown = names.length === 0 ? '' : `  {${names.join(', ')}}`;
    return `${method.padEnd(4)} ${path}${shown}\n       ${what}`;
  });
  const hint =
    'Arguments go as a JSON object: curl -X POST -d \'{"on": false}\' …; ? may be left out.';
  return `${title}\n\n${hint}\n\n${lines.join('\n')}\n`;
}

function send(response: ServerResponse, status: number, reply: Reply): void {
  const isText = 'text' in reply;
  const content = isText ? reply.text : `${JSON.stringify(reply.json)}\n`;
  response.writeHead(status, {
    'content-type': isText ? reply.contentType : 'application/json; charset=utf-8',
    'content-security-policy': "default-src 'self'",
    'cache-control': 'no-store',
  });
  response.end(content);
}

function sendFault(response: ServerResponse, error: unknown): void {
  const fault =
    error instanceof HttpFault
      ? error
      : error instanceof RangeError || error instanceof URIError
        ? new HttpFault(
            400,
            'invalid',
            error.message,
            error instanceof ArgumentError ? error.field : undefined,
          )
        : new HttpFault(500, 'failed', error instanceof Error ? error.message : String(error));
  const { status, code, message, field } = fault;
  send(response, status, {
    json: { error: { code, message, ...(field === undefined ? {} : { field }) } },
  });
}

function close(server: Server): Promise<void> {
  return new Promise((closed) => {
    server.close(() => closed());
    server.closeAllConnections();
  });
}
