/**
 * Which unit of a site this is, when there is a spare: a generation that each take-over raises, and a name drawn for
 * it. Of two units the later acts; the other is fenced, on its own disk, for good. Kept beside the databases, so that
 * an old copy of those revives nothing.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Random } from '../../drivers/contract/time.ts';
import { replaceFile } from './durable-file.ts';
import { StorageError } from './ports.ts';

export const UNIT_FILE = 'unit.json';

const claimSchema = z.object({
  generation: z.int().positive(),
  unit: z.string().regex(/^[0-9a-f]{16}$/),
});
/** Who says that it is the one that acts. */
export type UnitClaim = z.infer<typeof claimSchema>;

const unitSchema = claimSchema.extend({
  v: z.literal(1),
  /** It must not act any more: `handed-over` by its own hand, or a later unit was `met`. */
  fenced: z
    .object({ why: z.enum(['handed-over', 'met']), generation: z.int().positive() })
    .optional(),
});
export type Unit = z.infer<typeof unitSchema>;

export function newUnit(generation: number, random: Random): Unit {
  return { v: 1, generation, unit: Buffer.from(random.bytes(8)).toString('hex') };
}

/** `undefined`: it has never run. @throws StorageError where it cannot be read: then nobody knows whether it may act. */
export function readUnit(directory: string): Unit | undefined {
  const path = join(directory, UNIT_FILE);
  if (!existsSync(path)) return undefined;
  try {
    return unitSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new StorageError('corrupt', `${path} does not say which unit this is`, { cause });
  }
}

/** On the disk when it resolves. */
export async function writeUnit(directory: string, unit: Unit): Promise<void> {
  await replaceFile(join(directory, UNIT_FILE), `${JSON.stringify(unit)}\n`);
}

/** Of two that claim, the one that came later; between twins of one hand-over, the one with the greater name. */
export function isLater(one: UnitClaim, other: UnitClaim): boolean {
  if (one.generation !== other.generation) return one.generation > other.generation;
  return one.unit > other.unit;
}

/** This unit, while it runs. In memory it is nobody's spare. */
export class UnitFence {
  readonly #directory: string | undefined;
  #unit: Unit;
  readonly #fenced = new AbortController();

  private constructor(directory: string | undefined, unit: Unit) {
    this.#directory = directory;
    this.#unit = unit;
    if (unit.fenced !== undefined) this.#fenced.abort();
  }

  static async open(directory: string, random: Random): Promise<UnitFence> {
    if (directory === ':memory:') return new UnitFence(undefined, newUnit(1, random));
    const found = readUnit(directory);
    const unit = found ?? newUnit(1, random);
    if (found === undefined) await writeUnit(directory, unit);
    return new UnitFence(directory, unit);
  }

  get claim(): UnitClaim {
    const { generation, unit } = this.#unit;
    return { generation, unit };
  }

  get why(): Unit['fenced'] {
    return this.#unit.fenced;
  }

  /** Aborted: nothing may move any more. */
  get fenced(): AbortSignal {
    return this.#fenced.signal;
  }

  /** Another claims to act; answers whether this one may go on. It stops before its own disk knows. */
  async meet(other: UnitClaim): Promise<boolean> {
    if (this.#fenced.signal.aborted) return false;
    if (!isLater(other, this.#unit)) return true;
    this.#unit = { ...this.#unit, fenced: { why: 'met', generation: other.generation } };
    this.#fenced.abort();
    if (this.#directory !== undefined) await writeUnit(this.#directory, this.#unit);
    return false;
  }
}

/** What another says of itself, once its signature was found to be good. */
export function claimIn(value: unknown): UnitClaim | undefined {
  const read = claimSchema.safeParse(value);
  return read.success ? read.data : undefined;
}
