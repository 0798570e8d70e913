/**
 * The bench top: a page with the hardware as one sees it, served by the control whose verbs it uses. Its modules reach
 * the browser without their types; what they import from packages is served beside them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BENCH_TOP = '/bench-top';

export interface PageFile {
  readonly contentType: string;
  readonly text: string;
}

const DIRECTORY = join(import.meta.dirname, 'bench-top');
const PACKAGES: Readonly<Record<string, string>> = {
  'preact.mjs': 'preact',
  'preact-hooks.mjs': 'preact/hooks',
  'htm.mjs': 'htm',
  'htm-preact.mjs': 'htm/preact',
};
const SCRIPT = 'text/javascript; charset=utf-8';
const OWN: Readonly<Record<string, string>> = {
  ts: SCRIPT,
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Of `/bench-top` and what lies under it; `undefined` for every other address. */
export function benchTopFile(path: string): PageFile | undefined {
  if (path === BENCH_TOP || path === `${BENCH_TOP}/`) {
    return { contentType: 'text/html; charset=utf-8', text: read('index.html') };
  }
  const [, name = ''] = /^\/bench-top\/([a-z-]+\.[a-z]+)$/.exec(path) ?? [];
  const specifier = Object.hasOwn(PACKAGES, name) ? PACKAGES[name] : undefined;
  if (specifier !== undefined) {
    const file = fileURLToPath(import.meta.resolve(specifier));
    return { contentType: SCRIPT, text: forBrowser(readFileSync(file, 'utf8')) };
  }
  const contentType = OWN[name.split('.')[1] ?? ''];
  if (contentType === undefined || !readdirSync(DIRECTORY).includes(name)) return undefined;
  const text = read(name);
  return {
    contentType,
    text: name.endsWith('.ts') ? forBrowser(stripTypeScriptTypes(text)) : text,
  };
}

function read(name: string): string {
  return readFileSync(join(DIRECTORY, name), 'utf8');
}

/** A browser knows no packages: it gets their addresses. */
function forBrowser(code: string): string {
  return code.replace(
    /(\bfrom\s*|\bimport\s*)(["'])(preact|preact\/hooks|htm|htm\/preact)\2/g,
    (_whole, before: string, quote: string, name: string) =>
      `${before}${quote}./${name.replace('/', '-')}.mjs${quote}`,
  );
}
