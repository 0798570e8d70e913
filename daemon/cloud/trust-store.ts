/**
 * The keys whose word counts at this site, in one JSON file. A kid's prefix is its power: `cc-` may grant and open,
 * `ops-` may configure, `rec-` (kept offline) may only change keys. A leaked ops key opens nothing.
 */
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError } from '../../drivers/contract/errors.ts';
import type { Millis } from '../../drivers/contract/time.ts';
import type { ClockInterval } from '../access/model.ts';
import { storeDurably } from '../store/durable-file.ts';
import { publicJwkSchema, publicKeyOf } from './jose.ts';

export type KeyPower = 'cc' | 'ops' | 'rec';

export const KID = /^(cc|ops|rec)-[a-z0-9-]{1,32}$/;

const trustedKeySchema = z.strictObject({
  kid: z.string().regex(KID, 'cc-…, ops-… or rec-…'),
  jwk: publicJwkSchema.extend({ crv: z.literal('Ed25519') }),
  /** Milliseconds since 1970 from which the key counts no more. */
  notAfter: z.int().optional(),
});
export type TrustedKey = z.infer<typeof trustedKeySchema>;

const fileSchema = z.strictObject({
  v: z.literal(1),
  /** Grows with every change. */
  rev: z.int().nonnegative(),
  keys: z
    .array(trustedKeySchema)
    .max(64)
    .refine((keys) => new Set(keys.map(({ kid }) => kid)).size === keys.length, {
      error: 'one kid stands there twice',
    }),
});
type TrustFile = z.infer<typeof fileSchema>;

/** A rotation by a key of the same power leaves the old one this long, for its owner to object with the recovery key. */
const ROTATION_OVERLAP: Millis = 24 * 3_600_000;

export interface Rotation {
  readonly add?: TrustedKey;
  readonly retire?: string;
}

export type RotationResult =
  | { readonly kind: 'rotated'; readonly rev: number }
  | {
      readonly kind: 'refused';
      readonly why: 'power' | 'not-found' | 'known' | 'last' | 'clock' | 'limit';
    };

export function powerOf(kid: string): KeyPower | undefined {
  const [, power] = KID.exec(kid) ?? [];
  return power === 'cc' || power === 'ops' || power === 'rec' ? power : undefined;
}

/** What a trust store must be written with the first time, by `latchkey init` or the simulator. */
export function trustFileText(keys: readonly TrustedKey[], rev = 1): string {
  return `${JSON.stringify(fileSchema.parse({ v: 1, rev, keys }), undefined, 2)}\n`;
}

/** Reads once and holds all keys in memory as key objects: parsing one costs as much as a check (performance T3). */
export class TrustStore {
  readonly #path: string;
  #file: TrustFile;
  #keys: ReadonlyMap<string, KeyObject>;

  private constructor(path: string, file: TrustFile) {
    this.#path = path;
    this.#file = file;
    this.#keys = keyObjects(file);
  }

  /** @throws ConfigError where the file is missing or wrong: without it nobody could command the site. */
  static open(path: string): TrustStore {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (cause) {
      throw trustFault(path, cause instanceof Error ? cause.message : 'not readable');
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      throw trustFault(path, 'no JSON');
    }
    const read = fileSchema.safeParse(parsed);
    if (!read.success) throw trustFault(path, z.prettifyError(read.error));
    return new TrustStore(path, read.data);
  }

  get rev(): number {
    return this.#file.rev;
  }

  get kids(): readonly string[] {
    return this.#file.keys.map(({ kid }) => kid);
  }

  /** The key, unless it is unknown or over for sure. */
  key(kid: string, clock: ClockInterval): KeyObject | undefined {
    const known = this.#file.keys.find((each) => each.kid === kid);
    if (known === undefined) return undefined;
    if (known.notAfter !== undefined && clock.lo >= known.notAfter) return undefined;
    return this.#keys.get(kid);
  }

  /**
   * Changes the keys as asked by the holder of `by`, on the disk before it counts. The recovery key may do anything at
   * once; another only adds a key of its own power, and retires one of it after the overlap.
   * @throws StorageError where the file cannot be written.
   */
  rotate(by: string, { add, retire }: Rotation, clock: ClockInterval): RotationResult {
    const power = powerOf(by);
    const touched = [add?.kid, retire].filter((kid) => kid !== undefined).map(powerOf);
    if (power === undefined || touched.includes(undefined))
      return { kind: 'refused', why: 'power' };
    if (power !== 'rec' && touched.some((each) => each !== power)) {
      return { kind: 'refused', why: 'power' };
    }
    let keys = this.#file.keys;
    if (add !== undefined) {
      const known = keys.find(({ kid }) => kid === add.kid);
      if (known !== undefined && known.jwk.x !== add.jwk.x)
        return { kind: 'refused', why: 'known' };
      if (known === undefined) keys = [...keys, add];
    }
    if (retire !== undefined) {
      if (!keys.some(({ kid }) => kid === retire)) return { kind: 'refused', why: 'not-found' };
      const rest = keys.filter(({ kid }) => kid !== retire);
      // Two that retire each other would leave nobody who could command.
      const lasts = ({ notAfter = Number.POSITIVE_INFINITY }: TrustedKey) =>
        power === 'rec' ? notAfter > clock.lo : notAfter === Number.POSITIVE_INFINITY;
      if (!rest.some((key) => powerOf(key.kid) === powerOf(retire) && lasts(key))) {
        return { kind: 'refused', why: 'last' };
      }
      const ends = Math.ceil(clock.hi) + ROTATION_OVERLAP;
      // Without an upper bound of now nobody can say when the overlap is over.
      if (power !== 'rec' && !Number.isFinite(ends)) return { kind: 'refused', why: 'clock' };
      keys =
        power === 'rec'
          ? rest
          : keys.map((key) =>
              key.kid === retire && (key.notAfter === undefined || key.notAfter > ends)
                ? { ...key, notAfter: ends }
                : key,
            );
    }
    if (keys.length > 64) return { kind: 'refused', why: 'limit' };
    const file = { v: 1 as const, rev: this.#file.rev + 1, keys };
    storeDurably(this.#path, trustFileText(file.keys, file.rev));
    this.#file = file;
    this.#keys = keyObjects(file);
    return { kind: 'rotated', rev: file.rev };
  }
}

function keyObjects({ keys }: TrustFile): ReadonlyMap<string, KeyObject> {
  return new Map(keys.map(({ kid, jwk }) => [kid, publicKeyOf(jwk)]));
}

function trustFault(path: string, found: string): ConfigError {
  return new ConfigError([
    {
      path: 'cloud.trust',
      found: `${path}: ${found}`,
      remedy: "a trust store with the cloud's public keys, as `latchkey init` writes it",
    },
  ]);
}
