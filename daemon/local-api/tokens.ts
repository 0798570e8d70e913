/**
 * Who may call: tokens of 256 random bits, of which only hashes are kept. They come from the config (by reference),
 * from `latchkey token add` (a file in the store's directory), and one is drawn at each start for the CLI beside us.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  type Clock,
  type Instant,
  type Random,
  type Uptime,
  uptime,
} from '../../drivers/contract/time.ts';
import { writeDurably } from '../store/durable-file.ts';
import { type Principal, SCOPES, type Scope } from './endpoint.ts';

const FILE = 'api-tokens.json';
const TOKENS_MAX = 64;
/** A token made or taken back beside us counts after this time at the latest. */
const LOOK_AGAIN_MS = 1000;

const fileSchema = z.strictObject({
  v: z.literal(1),
  tokens: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z0-9-]{1,32}$/),
        scope: z.enum(SCOPES),
        /** SHA-256 of the token, hex: of 256 random bits, a slow hash would hide no more. */
        hash: z.string().regex(/^[0-9a-f]{64}$/),
        /** Milliseconds since 1970. */
        made: z.int(),
      }),
    )
    .max(TOKENS_MAX),
});

export type StoredToken = z.infer<typeof fileSchema>['tokens'][number];

/** `lk_` and 43 characters; shown once, kept by whoever asked for it. */
export function drawToken(random: Random): string {
  return `lk_${Buffer.from(random.bytes(32)).toString('base64url')}`;
}

export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** @throws Error where the file is there and is not ours. */
export function readTokens(directory: string): readonly StoredToken[] {
  let text: string;
  try {
    text = readFileSync(join(directory, FILE), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  return fileSchema.parse(JSON.parse(text)).tokens;
}

export function writeTokens(directory: string, tokens: readonly StoredToken[]): void {
  const text = `${JSON.stringify(fileSchema.parse({ v: 1, tokens }), undefined, 2)}\n`;
  writeDurably(join(directory, FILE), text);
}

export function storedToken(name: string, scope: Scope, token: string, made: Instant): StoredToken {
  return { name, scope, hash: hashOf(token), made: Math.floor(made) };
}

export interface FixedToken {
  readonly name: string;
  readonly scope: Scope;
  readonly token: string;
}

export class Tokens {
  readonly #fixed: readonly StoredToken[];
  readonly #directory: string | undefined;
  readonly #clock: Clock;
  readonly #broken: (error: unknown, where: string) => void;
  #stored: readonly StoredToken[] = [];
  #seen = '';
  #lookAgainAt: Uptime;

  /**
   * @param directory of the store; undefined where there is none (in memory).
   * @param broken told of a file that cannot be read: its tokens count no more, the others do.
   */
  constructor(
    fixed: readonly FixedToken[],
    directory: string | undefined,
    clock: Clock,
    broken: (error: unknown, where: string) => void = () => {},
  ) {
    this.#fixed = fixed.map(({ name, scope, token }) =>
      storedToken(name, scope, token, clock.now()),
    );
    this.#directory = directory;
    this.#clock = clock;
    this.#broken = broken;
    this.#lookAgainAt = clock.uptime();
  }

  /** One made a moment ago counts at once; one taken back, within `LOOK_AGAIN_MS`. */
  principal(authorization: string | undefined): Principal | undefined {
    const [, token] = /^Bearer ([A-Za-z0-9._~+/=-]{1,512})$/.exec(authorization ?? '') ?? [];
    if (token === undefined) return undefined;
    if (this.#clock.uptime() >= this.#lookAgainAt) this.#lookAgain();
    const hash = Buffer.from(hashOf(token), 'hex');
    const found = this.#find(hash);
    if (found !== undefined) return found;
    this.#lookAgain();
    return this.#find(hash);
  }

  /** All are compared, so that the time taken tells nothing of which came close. */
  #find(hash: Uint8Array): Principal | undefined {
    let found: Principal | undefined;
    for (const each of [...this.#fixed, ...this.#stored]) {
      if (timingSafeEqual(hash, Buffer.from(each.hash, 'hex'))) {
        found = { name: each.name, by: `api:${each.name}`, scope: each.scope };
      }
    }
    return found;
  }

  #lookAgain(): void {
    if (this.#directory === undefined) return;
    this.#lookAgainAt = uptime(this.#clock.uptime() + LOOK_AGAIN_MS);
    const seen = fileVersion(join(this.#directory, FILE));
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#stored = [];
    try {
      this.#stored = readTokens(this.#directory);
    } catch {
      // What a parser says of it may quote it.
      this.#broken(new Error('cannot be read: its tokens count no more'), FILE);
    }
  }
}

export function includes(has: Scope, needed: Scope): boolean {
  return SCOPES.indexOf(has) >= SCOPES.indexOf(needed);
}

function fileVersion(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.ino} ${found.mtimeMs} ${found.size}`;
}
