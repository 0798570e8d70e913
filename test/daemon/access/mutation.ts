/**
 * How well do the tests watch the rules? Changes one thing at a time in `daemon/access` (a comparison, a constant, a
 * word), runs the tests on it and counts the changes that a test notices. Run on demand, nothing on disk is touched:
 *
 *     node test/daemon/access/mutation.ts [how many, or "all"] [seed] [part of a file's name]
 *
 * The same file is loaded into each run before everything else, and puts the change in as its file is loaded.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const HERE = import.meta.dirname;
const RULES = resolve(HERE, '../../../daemon/access');
/** Quick ones first: a change that they notice needs no other. */
const QUICK = [
  'decide',
  'custody',
  'device',
  'why',
  'window',
  'schedule',
  'lockout',
  'clock-interval',
  'pin-allocator',
  'pin-rotation',
  'collision',
  'identity',
  'fold',
];
const SLOW = ['custody-model', 'edits', 'oracle', 'zone'];
const TIME_OUT = 60_000;
const AT_ONCE = 2;

interface Mutant {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function putIn({ file, start, end, text }: Mutant): void {
  const url = pathToFileURL(file).href;
  registerHooks({
    load(loaded, context, next) {
      if (loaded !== url) return next(loaded, context);
      const source = readFileSync(fileURLToPath(loaded), 'utf8');
      const changed = source.slice(0, start) + text + source.slice(end);
      return { format: 'module-typescript', source: changed, shortCircuit: true };
    },
  });
}

async function run(count: string, seed: number, part: string): Promise<void> {
  const all = readdirSync(RULES)
    .filter((name) => name.endsWith('.ts') && name.includes(part) && name !== 'entry.ts')
    .flatMap((name) => mutantsOf(join(RULES, name)));
  const chosen = count === 'all' ? all : shuffled(all, seed).slice(0, Number(count));
  const survivors: Mutant[] = [];
  let done = 0;
  const queue = [...chosen];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let mutant = queue.pop(); mutant !== undefined; mutant = queue.pop()) {
        const isNoticed = (await fails(mutant, QUICK)) || (await fails(mutant, SLOW));
        done += 1;
        if (isNoticed) continue;
        survivors.push(mutant);
        process.stdout.write(`${done}/${chosen.length} survives ${describe(mutant)}\n`);
      }
    }),
  );
  const noticed = chosen.length - survivors.length;
  const score = ((100 * noticed) / chosen.length).toFixed(1);
  process.stdout.write(
    `${noticed} of ${chosen.length} changes noticed (${all.length} possible): ${score} %\n`,
  );
}

function fails(mutant: Mutant, names: readonly string[]): Promise<boolean> {
  const present = readdirSync(HERE);
  const files = names.map((name) => `${name}.test.ts`).filter((name) => present.includes(name));
  const child = spawn(
    process.execPath,
    [
      '--import',
      import.meta.filename,
      '--test',
      '--test-isolation=none',
      ...files.map((name) => join(HERE, name)),
    ],
    { env: { ...process.env, LATCHKEY_MUTANT: JSON.stringify(mutant) }, stdio: 'ignore' },
  );
  const timer = setTimeout(() => child.kill('SIGKILL'), TIME_OUT);
  return new Promise((resolved) => {
    child.once('exit', (code) => {
      clearTimeout(timer);
      resolved(code !== 0);
    });
  });
}

function describe({ file, start, end, text }: Mutant): string {
  const source = readFileSync(file, 'utf8');
  const line = source.slice(0, start).split('\n').length;
  const shown = source.split('\n')[line - 1]?.trim();
  return `${basename(file)}:${line} ${source.slice(start, end)} -> ${text}   ${shown}`;
}

const CHANGES: readonly (readonly [pattern: RegExp, to: (found: string) => string])[] = [
  [/(?<= )===(?= )/g, () => '!=='],
  [/(?<= )!==(?= )/g, () => '==='],
  [/(?<= )<(?= )/g, () => '<='],
  [/(?<= )<=(?= )/g, () => '<'],
  [/(?<= )>(?= )/g, () => '>='],
  [/(?<= )>=(?= )/g, () => '>'],
  [/(?<= )&&(?= )/g, () => '||'],
  [/(?<= )\|\|(?= )/g, () => '&&'],
  [/(?<= )\?\?(?= )/g, () => '&&'],
  [/(?<= )\+(?= )/g, () => '-'],
  [/(?<= )-(?= )/g, () => '+'],
  [/(?<= )\*(?= )/g, () => '/'],
  [/\btrue\b/g, () => 'false'],
  [/\bfalse\b/g, () => 'true'],
  [/(?<=[(\s])!(?=[a-z(])/g, () => ''],
  [/(?<=[\s(])\d[\d_]*(?=[;,)\s])/g, (found) => String(Number(found.replaceAll('_', '')) + 1)],
  [/\.some\(/g, () => '.every('],
  [/\.every\(/g, () => '.some('],
  [/'[a-zA-Z][^'\n]*'/g, () => "''"],
  [/Math\.max\(/g, () => 'Math.min('],
  [/Math\.min\(/g, () => 'Math.max('],
];

/** Every place in the code that runs: not in comments, imports, and declarations of types. */
function mutantsOf(file: string): Mutant[] {
  const source = readFileSync(file, 'utf8');
  const isCode = codeOf(source);
  return CHANGES.flatMap(([pattern, to]) =>
    [...source.matchAll(pattern)]
      .filter(({ index }) => isCode[index])
      .map((found) => ({
        file,
        start: found.index,
        end: found.index + found[0].length,
        text: to(found[0]),
      })),
  );
}

function codeOf(source: string): boolean[] {
  const isCode = Array.from({ length: source.length }, () => true);
  const skipped = [
    /\/\*[\s\S]*?\*\//g,
    /\/\/.*$/gm,
    /^import [\s\S]*?;$/gm,
    /^(export )?interface [\s\S]*?^\}/gm,
    /^(export )?type [\s\S]*?;$(?!\n {2})/gm,
    /Extract<[^>]*>|Event<[^>]*>|Entry\['\w+'\]/g,
    /readonly \w+\??: '[^\n]*/g,
    /(Pick|Omit)<[^>]*>/g,
    /\(\s*(at|known|entry|this)[^()]*\)(?=: )/g,
    /: '[^']*'( \| '[^']*')*(?=[,)])/g,
    /default:\n.*satisfies never;/g,
  ];
  for (const pattern of skipped) {
    for (const found of source.matchAll(pattern)) {
      isCode.fill(false, found.index, found.index + found[0].length);
    }
  }
  return isCode;
}

/** In an order that follows the seed. */
function shuffled<T>(all: readonly T[], seed: number): T[] {
  let state = seed;
  const next = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
  return all
    .map((each) => [next(), each] as const)
    .sort(([a], [b]) => a - b)
    .map(([, each]) => each);
}

const given = process.env['LATCHKEY_MUTANT'];
if (given !== undefined) putIn(JSON.parse(given));
else await run(process.argv[2] ?? '200', Number(process.argv[3] ?? 1), process.argv[4] ?? '');
