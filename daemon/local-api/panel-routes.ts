/**
 * The panel: a page, its style and its modules, which a browser gets with their types taken off. What they import from
 * packages is served from `node_modules` beside them, so that a site without internet has all of it.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IncomingRequest, OutgoingResponse } from './endpoint.ts';

export interface PanelOptions {
  /** People at the panel may open slots and locks (`api.panelOpening`); shown, not enforced here. */
  readonly panelOpening: boolean;
  /** Where the page and its modules lie. */
  readonly directory?: string;
}

/** As the platform's HTTP server takes it. */
export interface PanelRoute {
  readonly method: 'GET';
  readonly path: string;
  readonly perMinute: number;
  handle(request: Pick<IncomingRequest, 'params' | 'headers'>): OutgoingResponse;
}

/** Specifiers of packages, where a browser finds them, and the file that is meant. */
const PACKAGES: readonly (readonly [name: string, served: string, file: string])[] = [
  ['preact', 'preact.mjs', 'preact'],
  ['preact/hooks', 'preact-hooks.mjs', 'preact/hooks'],
  ['htm', 'htm.mjs', 'htm'],
  ['htm/preact', 'htm-preact.mjs', 'htm/preact'],
];

/** A page is some fifty files, nearly always answered with “not changed”. */
const PER_MINUTE = 12_000;

interface Asset {
  readonly contentType: string;
  readonly text: string;
  readonly tag: string;
}

/** `/` and all under `/panel`; no secret is in any of it, so that nobody need be logged in to load it. */
export function panelRoutes(options: PanelOptions): readonly PanelRoute[] {
  const { directory = join(import.meta.dirname, 'panel'), panelOpening } = options;
  const assets = new Map<string, Asset>();
  const names = new Set(readdirSync(directory).filter((name) => /\.(ts|css|svg)$/.test(name)));
  const page = asset(
    'text/html; charset=utf-8',
    readFileSync(join(directory, 'index.html'), 'utf8').replace(
      '<html ',
      `<html data-opening="${panelOpening ? 'on' : 'off'}" `,
    ),
  );

  function find(name: string): Asset | undefined {
    const known = assets.get(name);
    if (known !== undefined) return known;
    const made = names.has(name) ? ownFile(join(directory, name)) : packageFile(name);
    if (made !== undefined) assets.set(name, made);
    return made;
  }

  return [
    { method: 'GET', path: '/', perMinute: PER_MINUTE, handle: (request) => reply(page, request) },
    {
      method: 'GET',
      path: '/panel/:name',
      perMinute: PER_MINUTE,
      handle: (request) => reply(find(request.params['name'] ?? ''), request),
    },
  ];
}

function reply(
  found: Asset | undefined,
  { headers }: Pick<IncomingRequest, 'headers'>,
): OutgoingResponse {
  if (found === undefined) {
    return { status: 404, body: { error: { code: 'not_found', message: 'no such file' } } };
  }
  const { contentType, text, tag } = found;
  // Asked for anew each time, and sent only where it changed: an upgrade never meets an old half of the page.
  const common = { etag: tag, 'cache-control': 'no-cache' };
  if (headers['if-none-match'] === tag) return { status: 304, headers: common };
  return { status: 200, headers: { ...common, 'content-type': contentType }, body: text };
}

function ownFile(path: string): Asset {
  const text = readFileSync(path, 'utf8');
  if (path.endsWith('.css')) return asset('text/css; charset=utf-8', text);
  if (path.endsWith('.svg')) return asset('image/svg+xml', text);
  return asset('text/javascript; charset=utf-8', forBrowser(stripTypeScriptTypes(text)));
}

function packageFile(name: string): Asset | undefined {
  const meant = PACKAGES.find(([, served]) => served === name);
  if (meant === undefined) return undefined;
  const text = readFileSync(fileURLToPath(import.meta.resolve(meant[2])), 'utf8');
  return asset('text/javascript; charset=utf-8', forBrowser(text));
}

/** A browser knows no packages, and an import map within the page would need a hole in its content policy. */
function forBrowser(code: string): string {
  return code.replace(
    /(\bfrom\s*|\bimport\s*)(["'])(preact|preact\/hooks|htm|htm\/preact)\2/g,
    (_whole, before: string, quote: string, name: string) => {
      const served = PACKAGES.find(([each]) => each === name)?.[1] ?? name;
      return `${before}${quote}./${served}${quote}`;
    },
  );
}

function asset(contentType: string, text: string): Asset {
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, 22);
  return { contentType, text, tag: `"${hash}"` };
}
