/** `npm run bench [-- --quick] [--json] [--only NAME] [--profile NAME]`. */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { parseArgs } from 'node:util';
import { type Metric, measure, type Result, type Scale } from './measure.ts';
import { metrics } from './metrics.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    profile: { type: 'string' },
  },
});

const scale: Scale = options.quick
  ? { quick: true, grants: 100_000, rounds: 5 }
  : { quick: false, grants: 1_000_000, rounds: 9 };

const wanted = options.profile === undefined ? options.only : [options.profile];
const unknown = wanted.filter((name) => !metrics.some((metric) => metric.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `no metric is named ${unknown.join(', ')}; there are ${metrics.map((metric) => metric.name).join(', ')}\n`,
  );
  process.exit(2);
}

const results: Result[] = [];
print(['metric', 'floor', 'ours', 'p99', 'ratio [min–max]', 'goal', 'ok']);
for (const metric of metrics.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const result = await run(metric);
  if (result === undefined) continue;
  results.push(result);
  print(row(result));
}
if (options.json) process.stdout.write(`${JSON.stringify({ metrics: results.map(plain) })}\n`);

async function run(metric: Metric): Promise<Result | undefined> {
  const sides = await metric.prepare(scale);
  if ('skipped' in sides) {
    print([metric.name, '–', '–', '–', '–', '–', `skipped: ${sides.skipped}`]);
    return undefined;
  }
  await using prepared = sides;
  if (options.profile === undefined) return measure(metric, prepared, scale);
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  const result = await measure(metric, prepared, scale);
  const { profile } = await session.post('Profiler.stop');
  const file = `${metric.name}.cpuprofile`;
  writeFileSync(file, JSON.stringify(profile));
  process.stderr.write(`wrote ${file}\n`);
  return result;
}

function row(result: Result): string[] {
  const figure = (value: number) =>
    `${value < 0.1 ? value.toPrecision(2) : value.toPrecision(3)} ${result.unit}`;
  const sign = result.goal.direction === 'at-most' ? '≤' : '≥';
  return [
    result.name,
    figure(result.floor),
    figure(result.value),
    figure(result.p99),
    `${result.ratio.toFixed(2)} [${result.lowest.toFixed(2)}–${result.highest.toFixed(2)}]`,
    `${sign} ${result.goal.ratio}`,
    result.noisy ? 'noisy' : result.met ? 'yes' : 'NO',
  ];
}

function print(cells: readonly string[]): void {
  const widths = [18, 14, 14, 14, 22, 10, 8];
  process.stdout.write(
    `${cells
      .map((cell, n) => cell.padEnd(widths[n] ?? 0))
      .join(' ')
      .trimEnd()}\n`,
  );
}

function plain({ name, unit, n, floor, value, ratio, goal, met, noisy }: Result) {
  return { name, unit, n, floor, value, ratio, goal: goal.ratio, met, noisy };
}
