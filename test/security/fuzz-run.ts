/** Bends well-formed inputs and gives them to a target, from a seed; what it did not take is kept in the corpus. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Random, randomInteger } from '../../drivers/contract/time.ts';
import type { FuzzTarget } from './fuzz-target.ts';

export const CORPUS = join(import.meta.dirname, 'corpus');
/** A safety net: an input takes some milliseconds. Of this process, not of the wall: a machine may be busy or asleep. */
const MOST_MS = 10_000;
const LONGEST = 65_536;
const POOL_MOST = 4000;
const EDGES = [0x00, 0x01, 0x02, 0x03, 0x0a, 0x0d, 0x20, 0x2e, 0x30, 0x53, 0x7f, 0x80, 0xff];

export interface FuzzFault {
  readonly target: string;
  readonly input: Uint8Array;
  readonly error: unknown;
}

/** What once was not taken, and what got where nothing had got before. */
export function corpusOf(target: string): readonly Uint8Array[] {
  const folder = join(CORPUS, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map((name) => readFileSync(join(folder, name)));
}

export function keep({ target, input }: Pick<FuzzFault, 'target' | 'input'>): string {
  const folder = join(CORPUS, target);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, createHash('sha256').update(input).digest('hex').slice(0, 16));
  writeFileSync(path, input);
  return path;
}

export interface Tried {
  readonly fault: FuzzFault | undefined;
  /** How far it got, as the target says. */
  readonly reached: string | undefined;
}

export async function tryOne(target: FuzzTarget, input: Uint8Array): Promise<Tried> {
  const began = process.cpuUsage();
  const failed = (error: unknown): Tried => ({
    fault: { target: target.name, input, error },
    reached: undefined,
  });
  let reached: string | undefined;
  try {
    reached = await target.run(input);
  } catch (error) {
    return failed(error);
  }
  const { user, system } = process.cpuUsage(began);
  const took = (user + system) / 1000;
  return took < MOST_MS
    ? { fault: undefined, reached }
    : failed(new Error(`took ${Math.round(took)} ms`));
}

/** Runs until `enough()`; ends at the first fault. What gets where nothing got before is bent further. */
export async function fuzz(
  target: FuzzTarget,
  random: Random,
  enough: (runs: number) => boolean,
  news: (input: Uint8Array) => void = () => {},
): Promise<{
  readonly runs: number;
  /** Different ends that inputs came to. */
  readonly ends: number;
  readonly fault: FuzzFault | undefined;
}> {
  const pool = [...target.seeds, ...corpusOf(target.name)];
  const reached = new Set<string>();
  for (let runs = 0; ; runs += 1) {
    if (enough(runs)) return { runs, ends: reached.size, fault: undefined };
    const input = bent(pool, random);
    const tried = await tryOne(target, input);
    if (tried.fault !== undefined) return { runs, ends: reached.size, fault: tried.fault };
    if (tried.reached === undefined || reached.has(tried.reached)) continue;
    reached.add(tried.reached);
    if (pool.length < POOL_MOST) pool.push(input);
    news(input);
  }
}

function bent(pool: readonly Uint8Array[], random: Random): Uint8Array {
  const one = () => pool[randomInteger(random, pool.length)] ?? Uint8Array.of();
  let bytes = Buffer.from(one());
  for (let times = 1 + randomInteger(random, 6); times > 0; times -= 1) {
    const at = randomInteger(random, bytes.length + 1);
    const length = randomInteger(random, Math.min(24, bytes.length - at) + 1);
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    switch (randomInteger(random, 8)) {
      case 0:
        if (bytes.length > 0) bytes[at % bytes.length] = randomInteger(random, 256);
        break;
      case 1:
        if (bytes.length > 0)
          bytes[at % bytes.length] =
            (bytes[at % bytes.length] ?? 0) ^ (1 << randomInteger(random, 8));
        break;
      case 2:
        bytes = Buffer.concat([head, tail.subarray(length)]);
        break;
      case 3:
        bytes = Buffer.concat([head, tail.subarray(0, length), tail]);
        break;
      case 4:
        bytes = Buffer.concat([
          head,
          Buffer.from([EDGES[randomInteger(random, EDGES.length)] ?? 0]),
          tail,
        ]);
        break;
      case 5:
        bytes = Buffer.concat([head, random.bytes(randomInteger(random, 12)), tail]);
        break;
      case 6:
        bytes = Buffer.concat([head, Buffer.from(one()).subarray(randomInteger(random, 40))]);
        break;
      default:
        bytes = Buffer.from(head);
    }
  }
  return bytes.subarray(0, LONGEST);
}
