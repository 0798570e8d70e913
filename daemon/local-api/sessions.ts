/** Who is logged in: in memory only, so that a restart logs everybody out. */
import {
  type Clock,
  type Millis,
  type Random,
  type Uptime,
  uptime,
} from '../../drivers/contract/time.ts';
import type { Scope } from './endpoint.ts';
import { hashOf } from './tokens.ts';

export const COOKIE = 'latchkey_session';
const IDLE: Millis = 15 * 60_000;
const LONGEST: Millis = 12 * 3_600_000;
const SESSIONS_MAX = 64;

interface Session {
  readonly name: string;
  readonly scope: Scope;
  readonly since: Uptime;
  /** Aborted once the session is ended, so that what still streams under it ends too. */
  readonly over: AbortController;
  seen: Uptime;
}

export interface FoundSession {
  readonly name: string;
  readonly scope: Scope;
  readonly over: AbortSignal;
}

export class Sessions {
  readonly #clock: Clock;
  readonly #random: Random;
  /** By the hash of what the cookie holds. */
  readonly #sessions = new Map<string, Session>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Returns what the cookie holds. Where there are too many, the one that was seen longest ago ends. */
  begin(name: string, scope: Scope): string {
    const now = this.#clock.uptime();
    this.#forget(now);
    if (this.#sessions.size >= SESSIONS_MAX) {
      const [oldest] = [...this.#sessions].toSorted(([, a], [, b]) => a.seen - b.seen);
      if (oldest !== undefined) this.#end(oldest[0]);
    }
    const secret = Buffer.from(this.#random.bytes(32)).toString('base64url');
    const over = new AbortController();
    this.#sessions.set(hashOf(secret), { name, scope, since: now, over, seen: now });
    return secret;
  }

  find(secret: string | undefined): FoundSession | undefined {
    if (secret === undefined) return undefined;
    const now = this.#clock.uptime();
    this.#forget(now);
    const found = this.#sessions.get(hashOf(secret));
    if (found === undefined) return undefined;
    found.seen = now;
    return { name: found.name, scope: found.scope, over: found.over.signal };
  }

  /** Without being a sign that somebody is there. */
  stands(secret: string | undefined): boolean {
    if (secret === undefined) return false;
    this.#forget(this.#clock.uptime());
    return this.#sessions.has(hashOf(secret));
  }

  end(secret: string | undefined): void {
    if (secret !== undefined) this.#end(hashOf(secret));
  }

  /** After a password or scope was changed, or an account taken away. */
  endOf(name: string): void {
    for (const [key, session] of this.#sessions) {
      if (session.name === name) this.#end(key);
    }
  }

  #end(key: string): void {
    this.#sessions.get(key)?.over.abort();
    this.#sessions.delete(key);
  }

  #forget(now: Uptime): void {
    for (const [key, { since, seen }] of this.#sessions) {
      if (now >= uptime(seen + IDLE) || now >= uptime(since + LONGEST)) this.#end(key);
    }
  }
}
