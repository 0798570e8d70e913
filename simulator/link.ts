/** A simulated bus as the daemon's link, within one process and on whatever clock the test has. */
import { LinkError } from '../drivers/contract/errors.ts';
import type { ByteLink, ByteLinkOpener, LinkListener } from '../drivers/contract/link.ts';
import { type Clock, type Uptime, uptime } from '../drivers/contract/time.ts';
import type { HostEnd, SimulatedBus } from './bus.ts';

/** A bus's port that can be pulled out and put back; real ones (pty, TCP) have the same three. */
export interface BusPort {
  /** Path or address for the config. */
  readonly address: string;
  readonly isPlugged: boolean;
  /** Puts it back; with another `identity`, another adapter comes under the same name. */
  plug(identity?: string): Promise<void>;
  unplug(): Promise<void>;
  close(): Promise<void>;
}

/** Links that end as those of an adapter do: whatever is under way when it is unplugged is gone. */
export class SimulatedPort implements BusPort, ByteLinkOpener {
  readonly kind = 'simulated';
  readonly name: string;
  readonly address: string;
  /** How often it was opened. */
  opened = 0;
  readonly #bus: SimulatedBus;
  readonly #clock: Clock;
  #identity: string;
  #plugged = true;
  #link: SimulatedLink | undefined;

  constructor(bus: SimulatedBus, clock: Clock, identity = `simulated:${bus.name}`) {
    this.#bus = bus;
    this.#clock = clock;
    this.#identity = identity;
    this.name = bus.name;
    this.address = `simulated:${bus.name}`;
  }

  get isPlugged(): boolean {
    return this.#plugged;
  }

  async open(listener: LinkListener, signal: AbortSignal): Promise<ByteLink> {
    await Promise.resolve();
    if (signal.aborted) throw new LinkError('closed', `${this.name} was given up`);
    if (!this.#plugged) throw new LinkError('missing', `${this.name} is unplugged`);
    if (this.#link?.isOpen) throw new LinkError('refused', `${this.name} is open already`);
    this.opened += 1;
    this.#link = new SimulatedLink(this.#bus, this.#clock, this.#identity, listener);
    return this.#link;
  }

  plug(identity = this.#identity): Promise<void> {
    this.#identity = identity;
    this.#plugged = true;
    return Promise.resolve();
  }

  unplug(): Promise<void> {
    this.#plugged = false;
    this.#link?.end(new LinkError('closed', `${this.name} was unplugged`));
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.unplug();
  }
}

class SimulatedLink implements ByteLink {
  readonly identity: string;
  isOpen = true;
  readonly #bus: SimulatedBus;
  readonly #clock: Clock;
  readonly #listener: LinkListener;
  readonly #end: HostEnd;
  readonly #ended = Promise.withResolvers<never>();
  #idleAt: Uptime;

  constructor(bus: SimulatedBus, clock: Clock, identity: string, listener: LinkListener) {
    this.identity = identity;
    this.#bus = bus;
    this.#clock = clock;
    this.#listener = listener;
    this.#idleAt = clock.uptime();
    this.#ended.promise.catch(() => undefined); // only looked at by who is sending
    this.#end = bus.connect((bytes) => {
      if (this.isOpen) listener.bytes(bytes.slice(), clock.uptime());
    });
  }

  async send(bytes: Uint8Array): Promise<Uptime> {
    this.#mustBeOpen();
    const { length } = bytes;
    const begins = Math.max(this.#clock.uptime(), this.#idleAt);
    this.#idleAt = uptime(begins + this.#bus.wireTime(length));
    this.#end.hear(bytes.slice());
    if (this.#idleAt > this.#clock.uptime()) await this.#reached(this.#idleAt);
    return this.#clock.uptime();
  }

  async setBaudRate(baudRate: number): Promise<void> {
    this.#mustBeOpen();
    if (this.#idleAt > this.#clock.uptime()) await this.#reached(this.#idleAt);
    this.#end.lineSpeed(baudRate);
  }

  close(): Promise<void> {
    this.end(new LinkError('closed', `${this.#bus.name} was closed`));
    return Promise.resolve();
  }

  end(why: LinkError): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#end.disconnect();
    this.#ended.reject(why);
    this.#listener.closed(why);
  }

  #mustBeOpen(): void {
    if (!this.isOpen) throw new LinkError('closed', `${this.#bus.name} is not open`);
  }

  /** Resolves when the moment has come, rejects when the link ends before. */
  async #reached(moment: Uptime): Promise<void> {
    const left = Promise.withResolvers<void>();
    const timer = this.#clock.wakeAt(moment, () => left.resolve());
    try {
      await Promise.race([left.promise, this.#ended.promise]);
    } finally {
      timer.cancel();
    }
  }
}
