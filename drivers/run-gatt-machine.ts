/**
 * The loop that joins a machine to a peripheral which is connected only while there is something to say to it: holding
 * a link costs a lock's battery and shuts its owner's phone out. One run lasts until its signal.
 */
import type { Actuation, ActuationId, DeviceId, DeviceStatistics } from './contract/device.ts';
import { LinkError } from './contract/errors.ts';
import {
  ADVERTISED,
  type Advertisement,
  type GattLink,
  type GattListener,
} from './contract/link.ts';
import type { Input, Send, Step } from './contract/machine.ts';
import type { Timer, Uptime } from './contract/time.ts';
import type { MachineRun, RunningMachine } from './run-machine.ts';

/** How a peripheral is reached: `open` makes one connection each time it is called. */
export interface GattPort {
  readonly kind: 'gatt';
  open(listener: GattListener, signal: AbortSignal): Promise<GattLink>;
  /** Where the transport can: the peripheral's advertisements, until the signal. */
  watch?(heard: (advertisement: Advertisement) => void, signal: AbortSignal): void;
}

export interface GattMachineRun extends Omit<MachineRun, 'port' | 'sendWithin'> {
  readonly port: GattPort;
}

/**
 * Begins the machine at once; nothing is connected yet. The machine's part of the bargain:
 * - any `gatt-*` send connects first; `link-up` comes before anything of it is sent, and the machine may answer it
 * - a connect that fails is `gatt-failed`; so is an operation that fails while the link stays; what was to be sent
 *   after it is dropped, and no `sent` comes for it
 * - a link that ends is `link-down`, also after `close`, which ends the link and not the run
 * - what is advertised is a `value` of `ADVERTISED`: the manufacturer data
 */
export function runGattMachine(run: GattMachineRun): Promise<RunningMachine> {
  if (run.signal.aborted) {
    return Promise.reject(new LinkError('closed', 'ended before the machine was begun'));
  }
  const loop = new GattLoop(run);
  loop.begin();
  return Promise.resolve(loop);
}

/** Batches that may wait for the link. */
const BATCHES_MOST = 256;

class GattLoop implements RunningMachine {
  readonly closed: Promise<LinkError | undefined>;
  readonly #run: GattMachineRun;
  readonly #settle: PromiseWithResolvers<LinkError | undefined>;
  readonly #waiting: { readonly input: Input; readonly at: Uptime }[] = [];
  /** Batches to send, in order; each is confirmed by one `sent`. */
  readonly #batches: (readonly Send[])[] = [];
  #link: GattLink | undefined;
  /** Grows with each link, so that words of an old one are not taken for the new one's. */
  #generation = 0;
  #state: unknown;
  #isStepping = false;
  #isSending = false;
  #isOver = false;
  #timer: Timer | undefined;
  #identity = '';

  constructor(run: GattMachineRun) {
    this.#run = run;
    this.#settle = Promise.withResolvers();
    this.closed = this.#settle.promise;
    this.closed.catch(() => undefined);
  }

  /** Who was there when it was last connected. */
  get identity(): string {
    return this.#identity;
  }

  begin(): void {
    const { machine, clock, port, signal } = this.#run;
    signal.addEventListener('abort', () => void this.#finish(), { once: true });
    this.#guarded(() => {
      this.#isStepping = true;
      const now = clock.uptime();
      this.#apply(machine.begin(now), now);
      this.#isStepping = false;
      this.#pump();
    });
    port.watch?.((advertisement) => {
      const value = advertisement.manufacturerData;
      if (value !== undefined) this.#take({ kind: 'value', from: ADVERTISED, value });
    }, signal);
  }

  actuate(actuation: Actuation): void {
    if (!this.#isOver) {
      this.#take({ kind: 'actuation', actuation });
      return;
    }
    if (actuation.kind === 'feedback') return;
    const { id, device } = actuation;
    const nothing = { sent: false, acknowledged: false, observed: false };
    this.#run.onEvent(
      {
        kind: 'actuation-result',
        device,
        actuation: id,
        result: 'refused',
        ...nothing,
        detail: 'the run is over',
      },
      this.#run.clock.uptime(),
    );
  }

  withdraw(id: ActuationId): void {
    this.#take({ kind: 'withdraw', actuation: id });
  }

  statistics(): ReadonlyMap<DeviceId, DeviceStatistics> {
    return this.#state === undefined ? new Map() : this.#run.machine.statistics(this.#state);
  }

  #take(input: Input): void {
    if (this.#isOver) return;
    this.#waiting.push({ input, at: this.#run.clock.uptime() });
    this.#guarded(() => this.#pump());
  }

  #pump(): void {
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        this.#apply(this.#run.machine.step(this.#state, next.input, next.at), next.at);
      }
    } finally {
      this.#isStepping = false;
    }
    void this.#send();
  }

  #apply(step: Step<unknown>, at: Uptime): void {
    this.#state = step.state;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (step.send.length > 0) this.#batches.push(step.send);
    if (this.#batches.length > BATCHES_MOST) queueMicrotask(() => void this.#drop());
    for (const event of step.events) this.#run.onEvent(event, at);
    if (step.wakeAt === undefined || this.#isOver) return;
    this.#timer = this.#run.clock.wakeAt(step.wakeAt, () => {
      this.#timer = undefined;
      this.#take({ kind: 'wake' });
    });
  }

  async #send(): Promise<void> {
    if (this.#isSending || this.#isOver) return;
    this.#isSending = true;
    try {
      for (let batch = this.#batches.shift(); batch !== undefined; batch = this.#batches.shift()) {
        await this.#batch(batch);
        if (this.#isOver) return;
      }
    } finally {
      this.#isSending = false;
    }
  }

  async #batch(batch: readonly Send[]): Promise<void> {
    const generation = this.#generation;
    try {
      for (const send of batch) {
        if (send.kind === 'close') {
          await this.#disconnect();
          return;
        }
        // A link that ended meanwhile: the machine has been told, and asks anew if it still wants to.
        if (generation !== this.#generation && this.#link === undefined) return;
        const link = this.#link ?? (await this.#connect());
        if (link === undefined || this.#isOver) return;
        await this.#one(link, send);
      }
      this.#take({ kind: 'sent' });
    } catch (error) {
      if (!(error instanceof LinkError)) {
        this.#broke(error);
        return;
      }
      // The transport tells the end of the link itself; a failed operation on a living one is told here.
      const ends = error.code === 'closed' || error.code === 'timed-out';
      if (ends) await this.#disconnect();
      else this.#take({ kind: 'gatt-failed', detail: error.message });
    }
  }

  async #one(link: GattLink, send: Exclude<Send, { kind: 'close' }>): Promise<void> {
    switch (send.kind) {
      case 'gatt-write':
        await link.write(send.to, send.value, send.withResponse);
        return;
      case 'gatt-subscribe':
        await link.subscribe(send.to);
        return;
      case 'gatt-read':
        this.#take({ kind: 'value', from: send.from, value: await link.read(send.from) });
        return;
      default:
        throw new TypeError(`a ${send.kind} send to a peripheral`);
    }
  }

  /** `undefined` where it failed; the machine has then been told. */
  async #connect(): Promise<GattLink | undefined> {
    this.#generation += 1;
    const generation = this.#generation;
    let hasEnded = false;
    try {
      const link = await this.#run.port.open(
        {
          notified: (from, value) => {
            if (generation === this.#generation) this.#take({ kind: 'notified', from, value });
          },
          closed: () => {
            hasEnded = true;
            if (generation === this.#generation) this.#lost();
          },
        },
        this.#run.signal,
      );
      if (this.#isOver) {
        await link.close();
        return undefined;
      }
      this.#identity = link.identity;
      if (hasEnded) {
        this.#take({ kind: 'gatt-failed', detail: 'the link ended as soon as it was made' });
        return undefined;
      }
      this.#link = link;
      this.#take({ kind: 'link-up', mtu: link.mtu });
      return link;
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      this.#take({ kind: 'gatt-failed', detail: error.message });
      return undefined;
    }
  }

  /** A peripheral that has us answer faster than it takes answers is left; the machine is told, and asks anew. */
  async #drop(): Promise<void> {
    if (this.#batches.length <= BATCHES_MOST) return;
    this.#batches.length = 0;
    if (this.#link === undefined) this.#take({ kind: 'gatt-failed', detail: 'too much to say' });
    else await this.#disconnect();
  }

  #lost(): void {
    if (this.#link === undefined) return;
    this.#link = undefined;
    this.#generation += 1;
    this.#batches.length = 0;
    this.#take({ kind: 'link-down' });
  }

  async #disconnect(): Promise<void> {
    const link = this.#link;
    this.#lost();
    await link?.close();
  }

  async #finish(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    try {
      await this.#sayFarewell();
      const at = this.#run.clock.uptime();
      const step = this.#run.machine.step(this.#state, { kind: 'link-down' }, at);
      this.#state = step.state;
      for (const event of step.events) this.#run.onEvent(event, at);
      await this.#link?.close();
      this.#settle.resolve(undefined);
    } catch (broken) {
      this.#settle.reject(broken);
    }
  }

  /** Of what is under way the link takes one after the other; what it cannot take any more is said at the next start. */
  async #sayFarewell(): Promise<void> {
    const link = this.#link;
    if (link === undefined) return;
    for (const send of this.#run.machine.farewell?.(this.#state) ?? []) {
      if (send.kind === 'gatt-write') {
        await link.write(send.to, send.value, send.withResponse).catch(expected);
      }
    }
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (broken) {
      this.#broke(broken);
    }
  }

  /** A machine that throws has broken a promise of its own. */
  #broke(broken: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    const rejected = () => this.#settle.reject(broken);
    (this.#link?.close() ?? Promise.resolve()).then(rejected, rejected);
  }
}

/** @throws whatever is no fault of a link. */
function expected(error: unknown): void {
  if (!(error instanceof LinkError)) throw error;
}
