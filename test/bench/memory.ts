/**
 * By how much a process grows that decides among few grants, then among many: `node memory.ts FEW MANY COUNT` prints
 * megabytes. In one process, since two of them differ by more than that in what their heaps happen to hold.
 */
import { codesOf, openHouse } from './house.ts';

const FEW = 1000;

async function resident(directory: string, count: number): Promise<number> {
  await using house = await openHouse(directory);
  const codes = codesOf(count);
  for (const code of codes) house.decide(code);
  for (let n = 0; n < 100; n++) await (await house.record(codes[2 + 10 * n] ?? ''))();
  return process.memoryUsage.rss() / 1e6;
}

async function growth([few, many, count]: readonly string[]): Promise<void> {
  if (few === undefined || many === undefined) throw new TypeError('FEW MANY COUNT');
  // The first time the heap grows to what this work needs, whatever is in the store.
  await resident(few, FEW);
  const before = await resident(few, FEW);
  const after = await resident(many, Number(count));
  process.stdout.write(String(after - before));
}

if (import.meta.main) await growth(process.argv.slice(2));
