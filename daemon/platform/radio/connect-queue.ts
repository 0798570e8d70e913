/**
 * Connects of one adapter, one at a time. A controller can wait for one peripheral only, so a peripheral that does not
 * answer gives way to the others that wait: at once where it did not answer the last time either.
 */
import { LinkError } from '../../../drivers/contract/errors.ts';
import {
  type Clock,
  type Millis,
  pause,
  type Timer,
  type Uptime,
  uptime,
} from '../../../drivers/contract/time.ts';
import type { RadioResult } from './messages.ts';

export interface ConnectQueueParts {
  readonly clock: Clock;
  begin(
    link: number,
    address: string,
    addressType: 'public' | 'random',
    within: Millis,
  ): Promise<RadioResult>;
  cancel(link: number, address: string): Promise<void>;
  /** Scanning is off from when it resolves. */
  quiet(on: boolean): Promise<void>;
  /** The stack does not let go of a connect. */
  stuck(why: string): void;
  /** Resolves once the adapter was asked whether it lives. */
  probe(): Promise<void>;
}

/** How long a peripheral is waited for while others wait for theirs. */
const SLICE: Millis = 1000;
/** A cancelled connect must have ended by then. */
const LET_GO_WITHIN: Millis = 2000;
/** Attempts after the link "could not be established" (3e), which comes at once and passes as fast. */
const IMMEDIATE_RETRIES = 3;
const WAITING_MAX = 64;

interface Attempt {
  readonly link: number;
  readonly address: string;
  readonly addressType: 'public' | 'random';
  readonly endsAt: Uptime;
  readonly done: PromiseWithResolvers<RadioResult>;
  retries: number;
}

export class ConnectQueue {
  readonly #parts: ConnectQueueParts;
  readonly #waiting: Attempt[] = [];
  /** Did not answer the last time. */
  readonly #suspects = new Set<string>();
  #isRunning = false;
  /** Ends the present attempt's turn. */
  #yield: (() => void) | undefined;
  #current: { readonly attempt: Attempt; readonly since: Uptime } | undefined;

  constructor(parts: ConnectQueueParts) {
    this.#parts = parts;
  }

  connect(
    link: number,
    address: string,
    addressType: 'public' | 'random',
    within: Millis,
  ): Promise<RadioResult> {
    if (this.#waiting.length >= WAITING_MAX) {
      return Promise.reject(new LinkError('refused', 'too many connections wait'));
    }
    const attempt: Attempt = {
      link,
      address,
      addressType,
      endsAt: uptime(this.#parts.clock.uptime() + within),
      done: Promise.withResolvers(),
      retries: 0,
    };
    // Peripherals that answered the last time come before those that did not.
    const isSuspect = this.#suspects.has(address);
    const place = isSuspect
      ? this.#waiting.length
      : this.#waiting.findIndex((other) => this.#suspects.has(other.address));
    this.#waiting.splice(place < 0 ? this.#waiting.length : place, 0, attempt);
    this.#perhapsYield();
    void this.#run();
    return attempt.done.promise;
  }

  #perhapsYield(): void {
    const current = this.#current;
    if (current === undefined || this.#waiting.length === 0) return;
    const { clock } = this.#parts;
    const { address } = current.attempt;
    const nextIsSound = this.#waiting.some((other) => !this.#suspects.has(other.address));
    const isOver = clock.uptime() >= current.since + SLICE;
    if (isOver || (nextIsSound && this.#suspects.has(address))) this.#yield?.();
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      await this.#parts.quiet(true);
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        await this.#turn(next);
      }
    } finally {
      this.#isRunning = false;
      await this.#parts.quiet(false);
    }
    if (this.#waiting.length > 0) void this.#run();
  }

  /** One attempt until it connects, fails, gives way, or its time is over. */
  async #turn(attempt: Attempt): Promise<void> {
    const { clock } = this.#parts;
    const left = attempt.endsAt - clock.uptime();
    if (left <= 0) {
      this.#fail(attempt);
      return;
    }
    const gaveWay = Promise.withResolvers<'yield'>();
    this.#yield = () => gaveWay.resolve('yield');
    this.#current = { attempt, since: clock.uptime() };
    const timers: Timer[] = [
      clock.wakeAt(uptime(clock.uptime() + SLICE), () => this.#perhapsYield()),
      clock.wakeAt(attempt.endsAt, () => gaveWay.resolve('yield')),
    ];
    try {
      const call = this.#begin(attempt, left);
      const first = await Promise.race([call, gaveWay.promise]);
      const outcome = first === 'yield' ? await this.#cancelled(attempt, call) : first;
      this.#settle(attempt, outcome);
    } finally {
      for (const timer of timers) timer.cancel();
      this.#current = undefined;
      this.#yield = undefined;
    }
    // Only a person who waits for nobody has time for this.
    if (this.#suspects.has(attempt.address) && this.#waiting.length === 0) {
      await this.#parts.quiet(false);
      await this.#parts.probe();
      if (this.#waiting.length > 0) await this.#parts.quiet(true);
    }
  }

  /** Its outcome as a value; the call itself may last a little longer than the attempt, to end in our hands. */
  async #begin(attempt: Attempt, left: Millis): Promise<RadioResult | LinkError> {
    try {
      const { link, address, addressType } = attempt;
      return await this.#parts.begin(link, address, addressType, left + LET_GO_WITHIN);
    } catch (error) {
      if (error instanceof LinkError) return error;
      return new LinkError('failed', String(error), { cause: error });
    }
  }

  /** Takes the connect back, unless it succeeds in the same moment. */
  async #cancelled(
    attempt: Attempt,
    call: Promise<RadioResult | LinkError>,
  ): Promise<RadioResult | LinkError> {
    const { clock } = this.#parts;
    await this.#parts.cancel(attempt.link, attempt.address).catch(() => undefined);
    const settled = new AbortController();
    const late = pause(clock, LET_GO_WITHIN, settled.signal).then(() => 'late' as const);
    const outcome = await Promise.race([call, late]);
    settled.abort();
    if (outcome !== 'late') {
      return outcome instanceof LinkError ? new LinkError('timed-out', outcome.message) : outcome;
    }
    this.#parts.stuck(`the stack does not let go of the connection to ${attempt.address}`);
    return new LinkError('timed-out', 'the stack hangs');
  }

  #settle(attempt: Attempt, outcome: RadioResult | LinkError): void {
    if (!(outcome instanceof LinkError)) {
      this.#suspects.delete(attempt.address);
      attempt.done.resolve(outcome);
      return;
    }
    const isOver = this.#parts.clock.uptime() >= attempt.endsAt;
    if (outcome.code === 'timed-out' && !isOver) {
      // It gave way: its turn comes again behind the others.
      this.#suspects.add(attempt.address);
      this.#waiting.push(attempt);
    } else if (outcome.code === 'timed-out') this.#fail(attempt);
    else if (outcome.message.includes('0x3e') && attempt.retries < IMMEDIATE_RETRIES && !isOver) {
      attempt.retries += 1;
      this.#waiting.unshift(attempt);
    } else attempt.done.reject(outcome);
  }

  #fail({ address, done }: Attempt): void {
    this.#suspects.add(address);
    done.reject(
      new LinkError('timed-out', `${address} did not answer: out of range, busy or without power`),
    );
  }
}
