/** Calls of vendors and of their clients at the box, handed to its routes without a socket. */
import type {
  DialectRequest,
  DialectResponse,
  DialectRoute,
} from '../../daemon/vendors/dialect.ts';

export interface DeskCall {
  readonly method: DialectRoute['method'];
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** Rejects with what the route does; a path that nobody serves is 404. */
export async function handed(
  routes: readonly DialectRoute[],
  { method, path, headers, body }: DeskCall,
): Promise<DialectResponse> {
  const url = new URL(path, 'http://127.0.0.1');
  for (const route of routes) {
    const params = route.method === method ? paramsOf(route.path, url.pathname) : undefined;
    if (params === undefined) continue;
    const request: DialectRequest = {
      ...{ method, url: path, params, headers },
      query: Object.fromEntries(url.searchParams),
      body: body === undefined ? undefined : JSON.parse(body),
      raw: Buffer.from(body ?? ''),
      remote: '127.0.0.1',
      isEncrypted: false,
      signal: new AbortController().signal,
    };
    return route.handle(request);
  }
  return { status: 404 };
}

function paramsOf(pattern: string, path: string): Record<string, string> | undefined {
  const [wanted, found] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== found.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const there = decodeURIComponent(found[at] ?? '');
    if (part.startsWith(':')) params[part.slice(1)] = there;
    else if (part !== there) return undefined;
  }
  return params;
}
