/**
 * What a sender of commands keeps: its key, its counter, and the commands that have no reply yet. The file is written
 * before anything is sent, so that no counter is used twice and a command can be sent again as the same bytes.
 */

import type { KeyObject } from 'node:crypto';
import { closeSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { z } from 'zod';
import { type Clock, pause } from '../../drivers/contract/time.ts';
import { writeDurably } from '../store/durable-file.ts';
import { type PublicJwk, privateJwkSchema, privateKeyOf, publicJwkSchema } from './jose.ts';
import { BRIDGE_ID } from './topics.ts';
import { KID } from './trust-store.ts';

const pendingSchema = z.object({
  id: z.uuid(),
  type: z.string(),
  /** Seconds since 1970. */
  exp: z.int(),
  token: z.string(),
});
export type PendingCommand = z.infer<typeof pendingSchema>;

/** `cloud-key.json`. */
export const clientKeySchema = z.object({
  v: z.literal(1),
  kid: z.string().regex(KID),
  /** Private Ed25519 key; the file's mode is 0600. */
  jwk: privateJwkSchema.extend({ crv: z.literal('Ed25519') }),
  /** The last one used, in decimal. */
  counter: z.string().regex(/^\d{1,20}$/),
  /** The bridge's public key that secrets are sealed to (X25519). */
  sealingKey: publicJwkSchema.extend({ crv: z.literal('X25519') }),
  bridge: z.string().regex(BRIDGE_ID),
  root: z.string().default('latchkey'),
  /** Where the bridge's broker is, if the file's maker knew. */
  broker: z.string().optional(),
  pending: z.array(pendingSchema).max(256).default([]),
});
export type ClientKeyFile = z.infer<typeof clientKeySchema>;

/** Where a client takes its counter from and notes what it sends. */
export interface ClientKey {
  readonly kid: string;
  readonly key: KeyObject;
  readonly sealingKey: PublicJwk;
  /** Runs `make` with a counter never used before, and keeps what it made, before it resolves. */
  next(make: (counter: bigint) => Promise<PendingCommand>): Promise<PendingCommand>;
  answered(id: string): Promise<void>;
  readonly pending: readonly PendingCommand[];
}

/** For a sender that lives as long as its counter: tests, and the cloud of the demo. */
export function keyInMemory(
  file: Pick<ClientKeyFile, 'kid' | 'jwk' | 'sealingKey'>,
  first = 1n,
): ClientKey {
  let counter = first - 1n;
  const pending = new Map<string, PendingCommand>();
  return {
    kid: file.kid,
    key: privateKeyOf(file.jwk),
    sealingKey: file.sealingKey,
    async next(make) {
      counter += 1n;
      const made = await make(counter);
      pending.set(made.id, made);
      return made;
    },
    async answered(id) {
      pending.delete(id);
    },
    get pending() {
      return [...pending.values()];
    },
  };
}

/** @throws RangeError with a sentence for the operator where the file is missing or wrong; it repeats nothing of the file. */
export function readClientKey(path: string): ClientKeyFile {
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(path, 'utf8'));
  } catch (problem) {
    if (!(problem instanceof Error)) throw problem;
    const why = problem instanceof SyntaxError ? 'it is no JSON' : 'it cannot be read';
    throw new RangeError(`no key to sign with in ${path}: ${why}`, { cause: problem });
  }
  const read = clientKeySchema.safeParse(found);
  if (read.success) return read.data;
  throw new RangeError(`no key to sign with in ${path}: ${z.prettifyError(read.error)}`);
}

export function writeClientKey(path: string, file: z.input<typeof clientKeySchema>): void {
  writeDurably(path, `${JSON.stringify(clientKeySchema.parse(file), undefined, 2)}\n`);
}

/** A lock that is older was left by a process that died: nobody holds one longer than a write takes. */
const STALE_LOCK_MS = 5_000;
const LOCK_RETRY_MS = 20;
const LOCK_TRIES = 500;

/** The key in its file, shared by any number of processes. */
export function keyInFile(path: string, clock: Clock): ClientKey {
  const first = readClientKey(path);
  const change = async <T>(work: (file: ClientKeyFile) => Promise<[ClientKeyFile, T]>) => {
    await lock(path, clock);
    try {
      const [file, result] = await work(readClientKey(path));
      writeClientKey(path, file);
      return result;
    } finally {
      rmSync(`${path}.lock`, { force: true });
    }
  };
  return {
    kid: first.kid,
    key: privateKeyOf(first.jwk),
    sealingKey: first.sealingKey,
    next: (make) =>
      change(async (file) => {
        const counter = BigInt(file.counter) + 1n;
        const made = await make(counter);
        const live = file.pending.filter(({ exp }) => exp * 1000 > clock.now());
        const pending = [...live, made].slice(-256);
        return [{ ...file, counter: counter.toString(), pending }, made];
      }),
    answered: (id) =>
      change(async (file) => [
        { ...file, pending: file.pending.filter((each) => each.id !== id) },
        undefined,
      ]),
    get pending() {
      return readClientKey(path).pending;
    },
  };
}

async function lock(path: string, clock: Clock): Promise<void> {
  const name = `${path}.lock`;
  for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
    try {
      closeSync(openSync(name, 'wx', 0o600));
      return;
    } catch (problem) {
      if (!(problem instanceof Error && 'code' in problem && problem.code === 'EEXIST'))
        throw problem;
    }
    const held = statSync(name, { throwIfNoEntry: false });
    if (held !== undefined && clock.now() - held.mtimeMs > STALE_LOCK_MS) {
      rmSync(name, { force: true });
    }
    await pause(clock, LOCK_RETRY_MS);
  }
  throw new Error(`${name} is held by another process`);
}
