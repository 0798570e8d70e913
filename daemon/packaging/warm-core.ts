/**
 * How the packaged program loads its core: with the code that V8 made of it when it last answered somebody. Node's own
 * cache keeps what was compiled before a file's first line ran, and all that a door waits for is compiled after that: 12
 * of the 45 ms between Node's start and a decision. This text is put into the program by itself, so it imports
 * nothing: the facade that an import makes of `node:fs` alone takes 2 ms.
 */
import type * as daemonProcess from '../cli/daemon-process.ts';

type Core = Pick<typeof daemonProcess, 'runDaemonAlone'>;

/** What the file of a core is: a function of what Node gives to a module, and of what loads the files beside it. */
type Body = (
  exports: object,
  require: NodeJS.Require,
  module: NodeJS.Module,
  filename: string,
  dirname: string,
  later: (specifier: string) => Promise<unknown>,
) => void;

/** After which start it was kept; one where somebody was answered knows more, and is kept instead of the other. */
const AFTER = ['answer', 'start'] as const;
type After = (typeof AFTER)[number];

const DIGEST = 32;

/** `name`: of the core's file beside the program. What loads after it finds the core under the same name. */
export function warmCore(name: string): Core {
  const { Module, createRequire } = process.getBuiltinModule('node:module');
  const { Script } = process.getBuiltinModule('node:vm');
  const { readFileSync } = process.getBuiltinModule('node:fs');
  const { dirname } = import.meta;
  const file = `${dirname}/${name}`;
  const directory = process.env['CACHE_DIRECTORY'];
  const kept = directory === undefined ? undefined : keptIn(directory, name);
  // It is written in ASCII, which V8 takes as it is.
  const script = new Script(readFileSync(file, 'latin1'), {
    filename: file,
    ...(kept === undefined ? {} : { cachedData: kept.code }),
  });
  const had = script.cachedDataRejected === true ? undefined : kept?.after;
  const require = createRequire(file);
  const module = new Module(file);
  require.cache[file] = module;
  const body: Body = script.runInThisContext();
  body(module.exports, require, module, file, dirname, (specifier) => import(specifier));
  module.loaded = true;
  const core: Core = module.exports;
  return {
    runDaemonAlone: (options) =>
      core.runDaemonAlone({
        ...options,
        begun: (hasAnswered) => {
          if (directory === undefined || had === 'answer') return;
          const after = hasAnswered ? 'answer' : 'start';
          if (after !== had) keep(directory, name, after, script.createCachedData());
        },
      }),
  };
}

/** Under the digest of its bytes: V8 believes whatever it is given, and a torn file would end the process. */
function keptIn(
  directory: string,
  name: string,
): { readonly after: After; readonly code: Uint8Array } | undefined {
  const { closeSync, fstatSync, openSync, readFileSync } = process.getBuiltinModule('node:fs');
  for (const after of AFTER) {
    try {
      const file = openSync(`${directory}/${name}.${after}`, 'r');
      try {
        const { uid, mode } = fstatSync(file);
        if (uid !== process.getuid?.() || (mode & 0o077) !== 0) continue;
        const bytes = readFileSync(file);
        const code = bytes.subarray(DIGEST);
        if (digestOf(code).equals(bytes.subarray(0, DIGEST))) return { after, code };
      } finally {
        closeSync(file);
      }
    } catch {
      // None yet, or nothing to be read: it is compiled anew.
    }
  }
  return undefined;
}

/** Instead of what other versions kept. Only a cache: where it cannot be written, the next start takes longer. */
function keep(directory: string, name: string, after: After, code: Buffer): void {
  const { readdirSync, renameSync, rmSync, writeFileSync } = process.getBuiltinModule('node:fs');
  try {
    const path = `${directory}/${name}.${after}`;
    writeFileSync(`${path}.new`, Buffer.concat([digestOf(code), code]), { mode: 0o600 });
    renameSync(`${path}.new`, path);
    for (const each of readdirSync(directory)) {
      if (/^core-\w+\.cjs\./.test(each) && each !== `${name}.${after}`) {
        rmSync(`${directory}/${each}`);
      }
    }
  } catch {
    // As above.
  }
}

function digestOf(code: Uint8Array): Buffer {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(code).digest();
}
