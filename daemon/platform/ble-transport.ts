/**
 * A Bluetooth adapter of the daemon: the stack runs in a process of its own, watched here. Whatever the stack does,
 * every operation ends in time; a stack that hangs or dies is reset, then replaced, then an alarm (reference ble.md 5).
 */
import { LinkError } from '../../drivers/contract/errors.ts';
import type {
  Advertisement,
  BleTransport,
  GattLink,
  GattListener,
} from '../../drivers/contract/link.ts';
import { type Clock, type Millis, pause, type Timer, uptime } from '../../drivers/contract/time.ts';
import { ConnectQueue } from './radio/connect-queue.ts';
import { type RadioBackend, type RadioEvent, WITHIN } from './radio/messages.ts';
import { RadioProcess } from './radio/process.ts';
import { ProcessLink } from './radio/process-link.ts';
import { ScanSwitch } from './radio/scan-switch.ts';

/** How the adapter fares, for log, state and metrics. */
export type RadioNews =
  | { readonly kind: 'up' }
  /** All links are closed; it is being brought back. */
  | { readonly kind: 'down'; readonly why: string }
  /** It does not come back, or not for long: a person should look. Repeated while it lasts. */
  | { readonly kind: 'alarm'; readonly why: string }
  | { readonly kind: 'log'; readonly line: string };

export interface BleTransportOptions {
  /** Of the adapter in the config. */
  readonly name: string;
  readonly backend: RadioBackend;
  readonly clock: Clock;
  /** How often the process has to show that it lives. Default 5 s. */
  readonly proofEvery?: Millis;
  /** How long the adapter may take to be powered. Default 10 s. */
  readonly startWithin?: Millis;
  /** Waits between two starts of the process; the last repeats. Default 1, 2, 5, 15, 60 s. */
  readonly backOff?: readonly Millis[];
  news?(news: RadioNews): void;
}

export interface BleRadio extends BleTransport {
  readonly isUp: boolean;
  /** Process id of the stack; for tests and `doctor`. */
  readonly pid: number | undefined;
  /** Hears a peripheral's advertisements for 10 s of every 30, until the signal. */
  watch(heard: (advertisement: Advertisement) => void, signal: AbortSignal): void;
}

const BACK_OFF: readonly Millis[] = [1000, 2000, 5000, 15_000, 60_000];
/** A process that lived this long has recovered: the next fault begins the ladder anew. */
const RECOVERED_AFTER: Millis = 60_000;
/** Starts that may fail in a row before a person is told. */
const ALARM_AFTER = 3;
const PROOF_EVERY: Millis = 5000;
const SCAN_WINDOW: Millis = 10_000;
const SCAN_EVERY: Millis = 30_000;

export function bleTransport(options: BleTransportOptions): BleRadio {
  return new Radio(options);
}

class Radio implements BleRadio {
  readonly name: string;
  readonly #options: BleTransportOptions;
  readonly #clock: Clock;
  readonly #links = new Map<number, ProcessLink>();
  /** Peripherals whose link is being closed; the stack takes them for connected until it is. */
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #queue: ConnectQueue;
  readonly #scan: ScanSwitch;
  readonly #closing = new AbortController();
  readonly #over: Promise<void>;
  #process: RadioProcess | undefined;
  #up = Promise.withResolvers<RadioProcess>();
  #isUp = false;
  #why = 'not started yet';
  /** Ends the present process with a reason. */
  #ended = Promise.withResolvers<string>();
  #resetting = false;
  #wasReset = false;
  #strikes = 0;
  #nextLink = 1;
  #watchers = 0;
  #duty: Timer | undefined;

  constructor(options: BleTransportOptions) {
    this.name = options.name;
    this.#options = options;
    this.#clock = options.clock;
    this.#up.promise.catch(() => undefined);
    this.#scan = new ScanSwitch({
      clock: this.#clock,
      turn: async (on) => {
        if (this.#process === undefined || !this.#isUp) return false;
        await this.#process.call({ op: 'scan', on });
        return true;
      },
      stuck: (why) => void this.#reset(why),
    });
    this.#queue = new ConnectQueue({
      clock: this.#clock,
      begin: (link, address, addressType, within) =>
        this.#mustBeUp().call({ op: 'connect', link, address, addressType }, within),
      cancel: async (link, address) => {
        await this.#mustBeUp().call({ op: 'cancel', link, address });
      },
      quiet: (on) => this.#scan.hush(on),
      stuck: (why) => void this.#reset(why),
      probe: () => this.#scan.probe(),
    });
    this.#over = this.#live();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async scan(
    heard: (advertisement: Advertisement) => void,
    length: Millis,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    // To come up is no part of the scan: a short one would end before there is anything to hear with.
    await this.#untilUp(Math.max(length, WITHIN.start));
    const stop = this.#scan.listen(heard);
    await pause(this.#clock, length, AbortSignal.any([signal, this.#closing.signal]));
    await stop();
  }

  watch(heard: (advertisement: Advertisement) => void, signal: AbortSignal): void {
    if (signal.aborted || this.#closing.signal.aborted) return;
    const deaf = this.#scan.overhear(heard);
    this.#watchers += 1;
    if (this.#watchers === 1) this.#window();
    signal.addEventListener(
      'abort',
      () => {
        deaf();
        this.#watchers -= 1;
        if (this.#watchers === 0) this.#duty?.cancel();
      },
      { once: true },
    );
  }

  /** A stack that goes down meanwhile costs time, not the connection: it is waited for as long as there is some. */
  async connect(
    address: string,
    addressType: 'public' | 'random',
    listener: GattListener,
    deadline: Millis,
  ): Promise<GattLink> {
    const end = this.#clock.uptime() + deadline;
    for (;;) {
      const left = end - this.#clock.uptime();
      await this.#untilUp(left);
      try {
        return await this.#connect(address, addressType, listener, left);
      } catch (error) {
        const isDown = error instanceof LinkError && !this.#isUp;
        if (!isDown || this.#closing.signal.aborted || this.#clock.uptime() >= end) throw error;
      }
    }
  }

  async #connect(
    address: string,
    addressType: 'public' | 'random',
    listener: GattListener,
    within: Millis,
  ): Promise<GattLink> {
    const end = this.#clock.uptime() + within;
    await this.#untilLeft(address, within);
    const number = this.#nextLink;
    this.#nextLink += 1;
    const link = new ProcessLink({
      number,
      identity: `ble:${address}`,
      listener,
      clock: this.#clock,
      process: () => this.#mustBeUp(),
      leaving: (done) => {
        this.#leaving.set(address, done);
        void done.finally(() => {
          if (this.#leaving.get(address) === done) this.#leaving.delete(address);
        });
      },
      ended: (answered) => {
        this.#links.delete(number);
        this.#strike(answered);
      },
    });
    // Before connecting: what it says may come before the answer to the call.
    this.#links.set(number, link);
    try {
      const left = end - this.#clock.uptime();
      link.begin(await this.#queue.connect(number, address, addressType, left));
      return link;
    } catch (error) {
      this.#links.delete(number);
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return this.#over;
    this.#duty?.cancel();
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    this.#closing.abort();
    await this.#process?.call({ op: 'stop' }).catch(() => undefined);
    this.#ended.resolve('closed');
    await this.#over;
  }

  /** The ladder's upper half: one process after the other until closed. */
  async #live(): Promise<void> {
    const { clock, backend } = this.#options;
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      const began = clock.uptime();
      this.#ended = Promise.withResolvers();
      const { resolve: end } = this.#ended;
      const process = new RadioProcess(clock, {
        event: (event) => this.#event(event),
        said: (line) => this.#tell({ kind: 'log', line }),
        exited: (why) => end(`the radio process ${why}`),
      });
      this.#process = process;
      process.call({ op: 'start', backend }, this.#options.startWithin).then(
        () => this.#rise(process),
        (error: Error) => end(`the adapter does not start: ${error.message}`),
      );
      const why = await this.#ended.promise;
      this.#fall(why);
      await process.kill();
      this.#process = undefined;
      if (this.#closing.signal.aborted) return;
      failures = clock.uptime() - began > RECOVERED_AFTER ? 1 : failures + 1;
      this.#wasReset = false;
      if (failures >= ALARM_AFTER) this.#tell({ kind: 'alarm', why });
      const { backOff = BACK_OFF } = this.#options;
      const wait = backOff[Math.min(failures, backOff.length) - 1] ?? 60_000;
      await pause(clock, wait, this.#closing.signal);
    }
  }

  #rise(process: RadioProcess): void {
    if (this.#process !== process || this.#closing.signal.aborted) return;
    this.#isUp = true;
    this.#strikes = 0;
    this.#up.resolve(process);
    this.#tell({ kind: 'up' });
    void this.#scan.refresh();
    void this.#prove(process);
  }

  #fall(why: string): void {
    this.#why = why;
    if (this.#isUp) {
      this.#isUp = false;
      this.#up = Promise.withResolvers();
      this.#up.promise.catch(() => undefined);
    }
    this.#scan.forget();
    for (const link of [...this.#links.values()]) link.lost(new LinkError('closed', why));
    this.#links.clear();
    if (!this.#closing.signal.aborted) this.#tell({ kind: 'down', why });
  }

  /** The process answers, or it is replaced: a stack in an endless loop answers nothing. */
  async #prove(process: RadioProcess): Promise<void> {
    while (this.#process === process && this.#isUp) {
      await pause(this.#clock, this.#options.proofEvery ?? PROOF_EVERY, this.#closing.signal);
      if (this.#process !== process || !this.#isUp || this.#closing.signal.aborted) return;
      try {
        await process.call({ op: 'ping' });
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        this.#ended.resolve(`the radio process gives no sign of life: ${why}`);
        return;
      }
    }
  }

  /** The ladder's lower half: the stack anew within its process, which resets the adapter; once, then the process. */
  async #reset(why: string): Promise<void> {
    const process = this.#process;
    if (process === undefined || !this.#isUp || this.#resetting) return;
    if (this.#wasReset) {
      this.#ended.resolve(why);
      return;
    }
    this.#resetting = true;
    this.#wasReset = true;
    this.#fall(why);
    try {
      const { backend, startWithin } = this.#options;
      await process.call({ op: 'start', backend }, startWithin);
      this.#rise(process);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#ended.resolve(`${why}; resetting did not help: ${text}`);
    } finally {
      this.#resetting = false;
    }
  }

  /** A disconnect that is not answered leaves a dead link behind; two in a row are the stack's fault. */
  #strike(answered: boolean): void {
    this.#strikes = answered ? 0 : this.#strikes + 1;
    if (this.#strikes >= 2) void this.#reset('two disconnects in a row were not answered');
  }

  #event(event: RadioEvent): void {
    switch (event.event) {
      case 'heard':
        this.#scan.heard(event.advertisement);
        return;
      case 'notified':
        this.#links.get(event.link)?.notified(event.from, event.value);
        return;
      case 'closed': {
        const link = this.#links.get(event.link);
        this.#links.delete(event.link);
        link?.lost(new LinkError('closed', event.message));
        return;
      }
      case 'adapter-lost':
        this.#ended.resolve(event.message);
        return;
      default:
        event satisfies never;
    }
  }

  /** Listens 10 s of every 30 while somebody watches. */
  #window(): void {
    const { clock } = this.#options;
    const stop = this.#scan.listen(() => undefined);
    this.#duty = clock.wakeAt(uptime(clock.uptime() + SCAN_WINDOW), () => {
      void stop();
      this.#duty = clock.wakeAt(uptime(clock.uptime() + SCAN_EVERY - SCAN_WINDOW), () => {
        if (this.#watchers > 0) this.#window();
      });
    });
  }

  async #untilUp(within: Millis): Promise<void> {
    if (this.#isUp) return;
    const waited = new AbortController();
    const up = this.#up.promise.then(() => waited.abort());
    await Promise.race([
      up,
      pause(this.#clock, within, AbortSignal.any([waited.signal, this.#closing.signal])),
    ]);
    waited.abort();
    this.#mustBeUp();
  }

  /** Until the stack has let go of an earlier link. */
  async #untilLeft(address: string, within: Millis): Promise<void> {
    const leaving = this.#leaving.get(address);
    if (leaving === undefined) return;
    const left = new AbortController();
    void leaving.then(() => left.abort());
    await pause(this.#clock, within, AbortSignal.any([left.signal, this.#closing.signal]));
  }

  #mustBeUp(): RadioProcess {
    if (this.#process === undefined || !this.#isUp) {
      throw new LinkError('missing', `${this.name} is down: ${this.#why}`);
    }
    return this.#process;
  }

  #tell(news: RadioNews): void {
    this.#options.news?.(news);
  }
}
