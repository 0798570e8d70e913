/**
 * One vendor's host: a budget of requests, `Retry-After`, and a circuit breaker. The breaker's states are cockatiel's;
 * how long it stays open is counted here, on the clock that is handed in.
 */
import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from 'cockatiel';
import { ConfigError } from '../../drivers/contract/errors.ts';
import {
  type Clock,
  type Millis,
  pause,
  type Random,
  type Uptime,
  uptime,
} from '../../drivers/contract/time.ts';
import { type HttpCall, type HttpClient, type HttpReply, VendorError } from './http.ts';
import type { RequestBudget } from './request-budget.ts';

export interface VendorHostParts {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly random: Random;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** Asked at each call, so that a key that was changed takes effect. */
  readonly authorization: () => string;
  readonly budget: RequestBudget;
  /** What a 429 without `Retry-After` costs. */
  readonly penalty: Millis;
  /** The vendor's own word for what is wrong, from the body of an answer. */
  readonly wordOf?: (reply: HttpReply) => string | undefined;
}

export interface VendorCall {
  readonly method: HttpCall['method'];
  /** From the base, with a slash before it. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const FAILURES_IN_A_ROW = 5;
const FIRST_WAIT: Millis = 5000;
const LONGEST_WAIT: Millis = 5 * 60_000;
const TRIES_WHEN_LIMITED = 4;
const LONGEST_PENALTY: Millis = 15 * 60_000;
const BODY_IN_ERROR = 200;

export class VendorHost {
  readonly #parts: VendorHostParts;
  readonly #breaker: CircuitBreakerPolicy;
  #openUntil: Uptime;
  #opened = 0;

  constructor(parts: VendorHostParts) {
    this.#parts = parts;
    this.#openUntil = parts.clock.uptime();
    this.#breaker = circuitBreaker(
      handleWhen(
        (error) =>
          error instanceof VendorError && (error.code === 'unreachable' || error.code === 'server'),
      ),
      // It may try again whenever it is asked; `#openUntil` decides when it is.
      { halfOpenAfter: 0, breaker: new ConsecutiveBreaker(FAILURES_IN_A_ROW) },
    );
    this.#breaker.onBreak(() => {
      const length = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#opened);
      this.#opened += 1;
      this.#openUntil = uptime(parts.clock.uptime() + length * (0.5 + parts.random.fraction() / 2));
    });
    this.#breaker.onReset(() => {
      this.#opened = 0;
    });
  }

  /** Milliseconds until the breaker lets something through again; 0 while it does. */
  get heldBack(): Millis {
    return Math.max(0, this.#openUntil - this.#parts.clock.uptime());
  }

  /** Any 2xx. @throws VendorError */
  async call(call: VendorCall): Promise<HttpReply> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#once(call);
      } catch (error) {
        // A limit says that nothing was done, so writes may be asked again too.
        const again = error instanceof VendorError && error.code === 'limited';
        if (!again || tries >= TRIES_WHEN_LIMITED || call.signal.aborted) throw error;
      }
    }
  }

  async #once(call: VendorCall): Promise<HttpReply> {
    const { budget, clock } = this.#parts;
    if (this.heldBack > 0) {
      throw new VendorError('held-back', 'several calls failed; the next try waits', {
        retryAfter: this.heldBack,
      });
    }
    const authorization = this.#authorization();
    await budget.take(call.signal);
    if (call.signal.aborted) throw new VendorError('held-back', 'stopped before it was sent');
    try {
      return await this.#breaker.execute(() => this.#send(call, authorization));
    } catch (error) {
      if (error instanceof BrokenCircuitError) {
        await pause(clock, 0, call.signal);
        throw new VendorError('held-back', 'several calls failed; the next try waits');
      }
      throw error;
    }
  }

  /** A secret that cannot be read, or be put in a header, is no vendor that is away: no call is tried with it. */
  #authorization(): string {
    let header: string;
    try {
      header = this.#parts.authorization();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      // Where this machine keeps it is for the log only: what is told of a vendor also goes to the cloud.
      const which = error.faults.map(({ path }) => path).join(', ');
      const message = `not asked: the secret of ${which} cannot be read`;
      throw new VendorError('unauthorized', message, { cause: error });
    }
    if (/^[\t\x20-\x7e\x80-\xff]*$/.test(header)) return header;
    throw new VendorError(
      'unauthorized',
      'not asked: the secret has characters that no header can',
    );
  }

  async #send(
    { method, path, query, body, headers, signal }: VendorCall,
    authorization: string,
  ): Promise<HttpReply> {
    const { http, baseUrl, budget, penalty } = this.#parts;
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) asked.append(name, String(value));
    }
    const search = asked.size === 0 ? '' : `?${asked}`;
    let reply: HttpReply;
    try {
      reply = await http.send({
        method,
        url: `${baseUrl}${path}${search}`,
        headers: {
          authorization,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal,
      });
    } catch (error) {
      throw new VendorError('unreachable', `no answer to ${method} ${path}`, { cause: error });
    }
    if (reply.status >= 200 && reply.status < 300) return reply;
    const problem = this.#problem(`${method} ${path}`, reply);
    if (problem.code === 'limited') budget.hold(problem.retryAfter ?? penalty);
    if (problem.code === 'server' && problem.retryAfter !== undefined) {
      budget.hold(problem.retryAfter);
    }
    throw problem;
  }

  #problem(what: string, reply: HttpReply): VendorError {
    const { clock, wordOf } = this.#parts;
    const { status } = reply;
    const word = wordOf?.(reply);
    const retryAfter = retryAfterOf(reply.headers['retry-after'], clock.now());
    const message = `${what}: ${status}${word === undefined ? '' : ` ${word.slice(0, BODY_IN_ERROR)}`}`;
    return new VendorError(codeOf(status), message, { status, word, retryAfter });
  }
}

function codeOf(status: number): VendorError['code'] {
  if (status === 401 || status === 403) return 'unauthorized';
  if (status === 404 || status === 410) return 'not-found';
  if (status === 429) return 'limited';
  // A request that took too long says nothing of what it asked for, and may be done.
  if (status >= 500 || status === 408) return 'server';
  return status >= 400 ? 'refused' : 'malformed';
}

/** Seconds, or an HTTP date against the wall clock (RFC 9110 10.2.3); bounded, so that no answer stops us for good. */
export function retryAfterOf(header: string | undefined, now: number): Millis | undefined {
  if (header === undefined) return undefined;
  const seconds = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(seconds) ? Math.min(LONGEST_PENALTY, Math.max(0, seconds)) : undefined;
}
