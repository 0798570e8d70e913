/** `npm run bench [-- --quick] [--json] [--markdown] [--only NAME] [--profile NAME]`. */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { keepPausesShort } from '../../daemon/platform/heap.ts';
import { forgetStores } from './house.ts';
import { type Metric, measure, type Result, type Scale } from './measure.ts';
import { metrics } from './metrics.ts';

keepPausesShort(); // as the daemon does

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    markdown: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    profile: { type: 'string' },
  },
});

const scale: Scale = options.quick
  ? { quick: true, grants: 100_000, rounds: 3 }
  : { quick: false, grants: 1_000_000, rounds: 9 };

const wanted = options.profile === undefined ? options.only : [options.profile];
const unknown = wanted.filter((name) => !metrics.some((metric) => metric.name === name));
if (unknown.length > 0) {
  const all = metrics.map(({ name }) => name).join(', ');
  process.stderr.write(`no metric is named ${unknown.join(', ')}; there are ${all}\n`);
  process.exit(2);
}

const results: Result[] = [];
const HEAD = ['metric', 'floor', 'ours', 'p99', 'ratio [min–max]', 'goal', 'ok'];
if (options.markdown) {
  const day = new Date().toISOString().slice(0, 10);
  const machine = `Node ${process.versions.node}, ${availableParallelism()} cores`;
  const size = `${scale.grants.toLocaleString('en')} grants`;
  process.stdout.write(`Measured ${day}, ${machine}, ${size}, at most ${scale.rounds} rounds.\n\n`);
}
print(HEAD);
if (options.markdown) process.stdout.write(`${'|---'.repeat(HEAD.length)}|\n`);
for (const metric of metrics.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const result = await run(metric);
  if (result === undefined) continue;
  results.push(result);
  print(row(result));
  for (const { what, met } of result.also) {
    print(['', met === undefined ? what : `${what}: ${met ? 'yes' : 'NO'}`]);
  }
}
await forgetStores();
// All is put away. Node's own tidying up was seen to turn without end after all that ran here.
process.once('beforeExit', () => process.exit());
if (options.json) process.stdout.write(`${JSON.stringify({ metrics: results.map(plain) })}\n`);

async function run(metric: Metric): Promise<Result | undefined> {
  const sides = await metric.prepare(scale);
  if ('skipped' in sides) {
    print([metric.name, `skipped: ${sides.skipped}`]);
    return undefined;
  }
  await using prepared = sides;
  const rounds = () => measure(metric, prepared, scale, () => performance.now());
  // Awaited here: what was prepared is put away when this function ends.
  return await (options.profile === undefined ? rounds() : profiled(metric, rounds));
}

/** The floor is in the profile too: functions of the product are told by their files. */
async function profiled({ name }: Metric, rounds: () => Promise<Result>): Promise<Result> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 100 });
  await session.post('Profiler.start');
  const result = await rounds();
  const { profile } = await session.post('Profiler.stop');
  const file = `${name}.cpuprofile`;
  session.disconnect();
  writeFileSync(file, JSON.stringify(profile));
  process.stderr.write(`wrote ${file}\n`);
  return result;
}

function row(result: Result): string[] {
  const { goal } = result;
  const sign = goal?.direction === 'at-most' ? '≤' : '≥';
  return [
    result.name,
    figure(result.floor, result.unit),
    figure(result.value, result.unit),
    figure(result.p99, result.unit),
    `${short(result.ratio)} [${short(result.lowest)}–${short(result.highest)}]`,
    goal === undefined ? 'below' : `${sign} ${goal.ratio}`,
    result.noisy ? 'noisy' : result.met ? 'yes' : 'NO',
  ];
}

function figure(value: number, unit: string): string {
  return `${value >= 1000 ? Math.round(value) : Number(value.toPrecision(3))} ${unit}`;
}

function short(ratio: number): string {
  return ratio >= 100 ? ratio.toFixed(0) : ratio < 0.1 ? ratio.toPrecision(2) : ratio.toFixed(2);
}

function print(cells: readonly string[]): void {
  if (options.markdown) {
    const all = HEAD.map((_, n) =>
      n === HEAD.length - 1 ? cells.slice(n).join(' ') : (cells[n] ?? ''),
    );
    process.stdout.write(`| ${all.join(' | ')} |\n`);
    return;
  }
  const widths = [18, 12, 12, 12, 22, 8, 6];
  const line = cells.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join(' ');
  process.stdout.write(`${line.trimEnd()}\n`);
}

function plain({ name, unit, n, floor, value, ratio, goal, met, noisy }: Result) {
  return {
    name,
    unit,
    n,
    floor,
    value,
    ratio,
    goal: goal?.ratio ?? null,
    met: met && !noisy,
    noisy,
  };
}
