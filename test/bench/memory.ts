/** How large a process is that decides: `node memory.ts bare|DIRECTORY COUNT` prints its resident megabytes. */
import { codesOf, openHouse } from './house.ts';

async function memory([directory, count]: readonly string[]): Promise<void> {
  if (directory === undefined) throw new TypeError('DIRECTORY COUNT');
  await using house = await openHouse(directory);
  const codes = codesOf(Number(count));
  for (const code of codes) house.decide(code);
  for (let n = 0; n < 100; n++) await (await house.record(codes[2 + 10 * n] ?? ''))();
  process.stdout.write(String(process.memoryUsage.rss() / 1e6));
}

if (import.meta.main) await memory(process.argv.slice(2));
