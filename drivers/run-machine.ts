/** The one loop that joins a machine, a link and a clock. One run is one opened link: it ends when the link does. */
import type {
  Actuation,
  ActuationId,
  DeviceEvent,
  DeviceId,
  DeviceStatistics,
} from './contract/device.ts';
import { LinkError } from './contract/errors.ts';
import type { ByteLink, LinkListener } from './contract/link.ts';
import type { Input, Machine, Send, Step } from './contract/machine.ts';
import { type Clock, type Millis, type Timer, type Uptime, uptime } from './contract/time.ts';

/** Opens the link that the machine talks on; called once a run. A `ByteLinkOpener`'s `open` fits as it is. */
export interface MachinePort {
  open(listener: LinkListener, signal: AbortSignal): Promise<ByteLink>;
}

export interface MachineRun {
  readonly machine: Machine<unknown>;
  readonly port: MachinePort;
  readonly clock: Clock;
  /** Called for each event in order, with the moment of the input that caused it. Must not throw. */
  onEvent(event: DeviceEvent, at: Uptime): void;
  /** Aborting it ends the run as a closing link would: one last `link-down` step, then the link is closed. */
  readonly signal: AbortSignal;
  /** A send that does not leave within this time is taken for a dead link. Default 5 s. */
  readonly sendWithin?: Millis;
}

/** A machine that is running on an open link. */
export interface RunningMachine {
  /** What is at the other end (`ByteLink.identity`). */
  readonly identity: string;
  /** Answered by exactly one `actuation-result` event (feedback has none), `refused` once the link is closed. */
  actuate(actuation: Actuation): void;
  /** Takes back what is not yet on the wire; the actuation's result then is `refused`. */
  withdraw(id: ActuationId): void;
  statistics(): ReadonlyMap<DeviceId, DeviceStatistics>;
  /**
   * Settles once the run is over and all its events are delivered: with why the link closed, or `undefined` when
   * the signal or the machine itself ended it. Rejects only where the machine broke (an assertion).
   */
  readonly closed: Promise<LinkError | undefined>;
}

/**
 * Opens the link and begins the machine. Rejects with `LinkError` when the link does not open, nothing having
 * happened. Opening again, back-off and online or offline are the supervisor's.
 */
export async function runMachine(run: MachineRun): Promise<RunningMachine> {
  const loop = new Loop(run);
  await loop.open();
  return loop;
}

const SEND_WITHIN: Millis = 5000;

type Ending = { readonly why: LinkError | undefined };

class Loop implements RunningMachine {
  readonly closed: Promise<LinkError | undefined>;
  readonly #run: MachineRun;
  readonly #settle: {
    resolve(why: LinkError | undefined): void;
    reject(broken: unknown): void;
  };
  /** What came while a step was being made, or before the link was open. */
  readonly #waiting: { readonly input: Input; readonly at: Uptime }[] = [];
  readonly #onAbort = () => this.#end({ why: undefined });
  #link: ByteLink | undefined;
  #state: unknown;
  #stepping = true;
  #ending: Ending | undefined;
  #over = false;
  #timer: Timer | undefined;
  /** What is being sent, and what waits behind it. */
  readonly #batches: (readonly Send[])[] = [];
  #leaveBy: Uptime | undefined;
  #watch: Timer | undefined;

  constructor(run: MachineRun) {
    this.#run = run;
    const { promise, resolve, reject } = Promise.withResolvers<LinkError | undefined>();
    // A run whose link never opened is told by the rejection of `open`; nobody then looks at `closed`.
    promise.catch(() => {});
    this.closed = promise;
    this.#settle = { resolve, reject };
  }

  get identity(): string {
    return this.#link?.identity ?? '';
  }

  async open(): Promise<void> {
    const { port, signal, clock, machine } = this.#run;
    if (signal.aborted) throw new LinkError('closed', 'ended before the link was opened');
    this.#link = await port.open(
      {
        bytes: (bytes, at) => this.#take({ kind: 'bytes', bytes }, at),
        closed: (why) => this.#end({ why }),
      },
      signal,
    );
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (signal.aborted) this.#end({ why: undefined });
    const now = clock.uptime();
    this.#guarded(() => {
      this.#apply(machine.begin(now), now);
      this.#waiting.unshift({ input: { kind: 'link-up' }, at: now });
      this.#stepping = false;
      this.#pump();
    });
  }

  actuate(actuation: Actuation): void {
    if (this.#over || this.#ending !== undefined) {
      if (actuation.kind === 'feedback') return;
      this.#run.onEvent(
        {
          kind: 'actuation-result',
          device: actuation.device,
          actuation: actuation.id,
          result: 'refused',
          sent: false,
          acknowledged: false,
          observed: false,
          detail: 'the link is closed',
        },
        this.#run.clock.uptime(),
      );
      return;
    }
    this.#take({ kind: 'actuation', actuation }, this.#run.clock.uptime());
  }

  withdraw(id: ActuationId): void {
    this.#take({ kind: 'withdraw', actuation: id }, this.#run.clock.uptime());
  }

  statistics(): ReadonlyMap<DeviceId, DeviceStatistics> {
    return this.#state === undefined ? new Map() : this.#run.machine.statistics(this.#state);
  }

  #take(input: Input, at: Uptime): void {
    if (this.#over || this.#ending !== undefined) return;
    this.#waiting.push({ input, at });
    this.#guarded(() => this.#pump());
  }

  /** The first reason to end is the one that counts. Inputs that came before it are still worked off. */
  #end(ending: Ending): void {
    if (this.#over || this.#ending !== undefined) return;
    this.#ending = ending;
    this.#guarded(() => this.#pump());
  }

  #pump(): void {
    if (this.#stepping || this.#over) return;
    this.#stepping = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        this.#apply(this.#run.machine.step(this.#state, next.input, next.at), next.at);
      }
      if (this.#ending !== undefined) this.#finish(this.#ending);
    } finally {
      this.#stepping = false;
    }
  }

  #apply(step: Step<unknown>, at: Uptime): void {
    this.#state = step.state;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (step.send.length > 0 && this.#ending === undefined) void this.#send(step.send);
    for (const event of step.events) this.#run.onEvent(event, at);
    if (step.wakeAt === undefined || this.#over) return;
    this.#timer = this.#run.clock.wakeAt(step.wakeAt, () => {
      this.#timer = undefined;
      this.#take({ kind: 'wake' }, this.#run.clock.uptime());
    });
  }

  /** Nothing is sent any more: `link-down` tells the machine that what was in flight is now unknown. */
  #finish(ending: Ending): void {
    this.#over = true;
    const at = this.#run.clock.uptime();
    const step = this.#run.machine.step(this.#state, { kind: 'link-down' }, at);
    this.#state = step.state;
    for (const event of step.events) this.#run.onEvent(event, at);
    this.#release().then(() => this.#settle.resolve(ending.why), this.#settle.reject);
  }

  /** A machine that throws has broken a promise of its own; the run ends and the fault is told loudly. */
  #guarded(act: () => void): void {
    try {
      act();
    } catch (broken) {
      this.#over = true;
      this.#release().then(
        () => this.#settle.reject(broken),
        () => this.#settle.reject(broken),
      );
    }
  }

  async #release(): Promise<void> {
    this.#timer?.cancel();
    this.#watch?.cancel();
    this.#run.signal.removeEventListener('abort', this.#onAbort);
    await this.#link?.close();
  }

  /** Batches leave one after the other; each is confirmed by one `sent`, with the moment its last byte leaves. */
  async #send(batch: readonly Send[]): Promise<void> {
    this.#batches.push(batch);
    if (this.#batches.length > 1) return;
    for (let next: typeof batch | undefined = batch; next !== undefined; next = this.#batches[0]) {
      const left = await this.#leave(next);
      if (left === undefined) return;
      // Before it makes room: what is answered to it waits behind it, and is sent once.
      this.#take({ kind: 'sent', at: left }, this.#run.clock.uptime());
      this.#batches.shift();
    }
  }

  /** `undefined`: the run is over, or is so because of it. */
  async #leave(batch: readonly Send[]): Promise<Uptime | undefined> {
    const { clock, sendWithin = SEND_WITHIN } = this.#run;
    let left = clock.uptime();
    for (const send of batch) {
      if (this.#over || this.#ending !== undefined) return undefined;
      this.#leaveBy = uptime(clock.uptime() + sendWithin);
      this.#watchLeaving(this.#leaveBy);
      try {
        const moment = await this.#sendOne(send);
        if (moment > left) left = moment;
      } catch (error) {
        if (error instanceof LinkError) this.#end({ why: error });
        else
          this.#guarded(() => {
            throw error;
          });
        return undefined;
      }
      this.#leaveBy = undefined;
    }
    return left;
  }

  /** One timer for many sends, set again only when it is over: nearly every send has left long before. */
  #watchLeaving(by: Uptime): void {
    const { clock, sendWithin = SEND_WITHIN } = this.#run;
    this.#watch ??= clock.wakeAt(by, () => {
      this.#watch = undefined;
      if (this.#leaveBy === undefined) return;
      if (clock.uptime() < this.#leaveBy) this.#watchLeaving(this.#leaveBy);
      else {
        const text = `nothing left the link for ${sendWithin} ms`;
        this.#end({ why: new LinkError('timed-out', text) });
      }
    });
  }

  async #sendOne(send: Send): Promise<Uptime> {
    const { clock } = this.#run;
    if (send.kind === 'close') {
      this.#end({ why: undefined });
      return clock.uptime();
    }
    const link = this.#link;
    if (link !== undefined && send.kind === 'bytes') return link.send(send.bytes);
    if (link !== undefined && send.kind === 'baud-rate') {
      await link.setBaudRate(send.baudRate).catch((error: unknown) => {
        // A gateway has a speed of its own: the machine then hears nothing at the speed it tried.
        if (!(error instanceof LinkError) || error.code === 'closed') throw error;
      });
      return clock.uptime();
    }
    throw new TypeError(`a ${send.kind} send on a link that has none`);
  }
}
