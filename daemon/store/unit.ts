/**
 * Which unit of a site this is, when there is a spare: a generation that each take-over raises, and a name drawn for
 * it. Of two units the later acts; the other is fenced, on its own disk, for good. Kept beside the databases, so that
 * an old copy of those revives nothing.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../drivers/contract/time.ts';
import { isObject } from '../access/body.ts';
import { replaceFile } from './durable-file.ts';
import { StorageError } from './ports.ts';

const UNIT_FILE = 'unit.json';

/** Who says that it is the one that acts. */
export interface UnitClaim {
  /** From one on. */
  readonly generation: number;
  /** 16 hex digits. */
  readonly unit: string;
}

export interface Unit extends UnitClaim {
  readonly v: 1;
  /** It must not act any more: `handed-over` by its own hand, or a later unit was `met`. */
  readonly fenced?:
    | { readonly why: 'handed-over' | 'met'; readonly generation: number }
    | undefined;
}

export function newUnit(generation: number, random: Random): Unit {
  return { v: 1, generation, unit: Buffer.from(random.bytes(8)).toString('hex') };
}

/** `undefined`: it has never run. @throws StorageError where it cannot be read: then nobody knows whether it may act. */
export function readUnit(directory: string): Unit | undefined {
  const path = join(directory, UNIT_FILE);
  if (!existsSync(path)) return undefined;
  try {
    const unit = unitIn(JSON.parse(readFileSync(path, 'utf8')));
    if (unit === undefined) throw new TypeError('something else');
    return unit;
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
  if (!isObject(value)) return undefined;
  const { generation, unit } = value;
  if (!isGeneration(generation) || typeof unit !== 'string') return undefined;
  return /^[0-9a-f]{16}$/.test(unit) ? { generation, unit } : undefined;
}

function unitIn(value: unknown): Unit | undefined {
  const claim = claimIn(value);
  if (claim === undefined || !isObject(value) || value['v'] !== 1) return undefined;
  const { fenced } = value;
  if (fenced === undefined) return { v: 1, ...claim };
  if (!isObject(fenced)) return undefined;
  const { why, generation } = fenced;
  if ((why !== 'handed-over' && why !== 'met') || !isGeneration(generation)) return undefined;
  return { v: 1, ...claim, fenced: { why, generation } };
}

function isGeneration(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}
