/** One connection in the radio process as a `GattLink`: one operation at a time, each ended by its own deadline. */
import { LinkError } from '../../../drivers/contract/errors.ts';
import type { GattCharacteristic, GattLink, GattListener } from '../../../drivers/contract/link.ts';
import { type Clock, type Millis, pause, type Uptime } from '../../../drivers/contract/time.ts';
import type { RadioRequest, RadioResult } from './messages.ts';
import type { RadioProcess } from './process.ts';

export interface ProcessLinkParts {
  readonly number: number;
  readonly identity: string;
  readonly listener: GattListener;
  readonly clock: Clock;
  /** Throws where there is none. */
  process(): RadioProcess;
  /** We are closing it: whoever connects to the same peripheral waits for that. */
  leaving(done: Promise<void>): void;
  /** We closed it; whether the stack answered to that. */
  ended(answered: boolean): void;
}

/** Whoever closes a link waits so long for the stack to let go of it. */
const CLOSE_WITHIN: Millis = 2000;

export class ProcessLink implements GattLink {
  readonly #parts: ProcessLinkParts;
  #mtu = 23;
  #isOpen = true;
  #isBegun = false;
  #closing: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  /** Why it was lost before it was even handed out. */
  #lostEarly: LinkError | undefined;

  constructor(parts: ProcessLinkParts) {
    this.#parts = parts;
  }

  get identity(): string {
    return this.#parts.identity;
  }

  get mtu(): number {
    return this.#mtu;
  }

  begin(result: RadioResult): void {
    if (this.#lostEarly !== undefined) throw this.#lostEarly;
    if (result !== undefined && 'mtu' in result) this.#mtu = result.mtu;
    this.#isBegun = true;
  }

  async read(from: GattCharacteristic): Promise<Uint8Array> {
    const result = await this.#do({ op: 'read', link: this.#parts.number, from });
    return result !== undefined && 'value' in result ? result.value : new Uint8Array(0);
  }

  async write(to: GattCharacteristic, value: Uint8Array, withResponse: boolean): Promise<Uptime> {
    await this.#do({ op: 'write', link: this.#parts.number, to, value, withResponse });
    return this.#parts.clock.uptime();
  }

  async subscribe(to: GattCharacteristic): Promise<void> {
    await this.#do({ op: 'subscribe', link: this.#parts.number, to });
  }

  /** Resolves once the stack has let go, or after 2 s. */
  async close(): Promise<void> {
    const left = new AbortController();
    const leaving = this.#leave(new LinkError('closed', `${this.identity} was closed`));
    void leaving.then(() => left.abort());
    await pause(this.#parts.clock, CLOSE_WITHIN, left.signal);
  }

  notified(from: GattCharacteristic, value: Uint8Array): void {
    if (this.#isOpen && this.#isBegun) {
      this.#parts.listener.notified(from, value, this.#parts.clock.uptime());
    }
  }

  /** The link is gone without our doing. */
  lost(why: LinkError): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#isBegun) this.#parts.listener.closed(why);
    else this.#lostEarly = why;
  }

  #leave(why: LinkError): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = this.#disconnect(why);
      this.#parts.leaving(this.#closing);
    }
    return this.#closing;
  }

  async #disconnect(why: LinkError): Promise<void> {
    if (!this.#isOpen) return;
    this.lost(why);
    const answered = await this.#call({ op: 'disconnect', link: this.#parts.number }).then(
      () => true,
      (error: unknown) => !(error instanceof LinkError && error.code === 'timed-out'),
    );
    this.#parts.ended(answered);
  }

  /** The stack mixes up two operations of one link, so the next waits for the last to end. */
  #do(request: RadioRequest): Promise<RadioResult> {
    const turn = this.#last.then(() => this.#one(request));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #one(request: RadioRequest): Promise<RadioResult> {
    if (!this.#isOpen) throw new LinkError('closed', `${this.identity} is not open`);
    try {
      return await this.#call(request);
    } catch (error) {
      if (error instanceof LinkError && error.code === 'timed-out') {
        // Everything after an unanswered request would wait for ever: the link is worth nothing now.
        void this.#leave(error);
      } else if (!this.#isOpen) throw new LinkError('closed', `${this.identity} is gone`);
      throw error;
    }
  }

  async #call(request: RadioRequest): Promise<RadioResult> {
    return await this.#parts.process().call(request);
  }
}
