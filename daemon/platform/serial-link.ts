/**
 * A serial port as a `ByteLink`, by the rules of serial-hardware 2.1. What was written to a closed port must not be
 * delivered when it is opened again: a late unlock. So each opening is a new port, and nothing waits for one.
 *
 * The package opens the port, sets its line up, locks it and waits for it to become readable; bytes are read and written
 * here, at once and without waiting, as the descriptor never blocks. Its own streams send each read, each write and each
 * drain through a thread: measured on a pty, two thirds and more of what a poll costs.
 */
import { readSync, statSync, writeSync } from 'node:fs';
import { SerialPort } from 'serialport';
import { LinkError } from '../../drivers/contract/errors.ts';
import type { ByteLink, ByteLinkOpener, LinkListener } from '../../drivers/contract/link.ts';
import {
  type Clock,
  type Millis,
  pause,
  type Timer,
  type Uptime,
  uptime,
} from '../../drivers/contract/time.ts';
import { serialIdentity, shortenLatency } from './port-identity.ts';

export interface SerialOptions {
  readonly path: string;
  readonly baudRate: number;
  readonly clock: Clock;
  /** Told in plain words what would make the port work better. */
  readonly advise?: (advice: string) => void;
}

/** Start bit, eight data bits, stop bit. */
const BITS_PER_BYTE = 10;
/** A write that has not left by its wire time and this much more never will: the port is given up. */
const WRITE_SLACK: Millis = 2000;
/** So long after a write it is looked at whether all has left: once for many, as a look takes a thread. */
const LOOK_AFTER: Millis = 500;
/** More than this in one read is read in the next turn. */
const READ_MOST = 4096;

export function serialOpener(options: SerialOptions): ByteLinkOpener {
  return {
    kind: 'serial',
    name: options.path,
    async open(listener, signal) {
      mustBePort(options.path);
      const link = new SerialLink(await openPort(options), options, listener);
      if (signal.aborted) {
        await link.close();
        throw new LinkError('closed', `${options.path} was given up while it was being opened`);
      }
      const advice = shortenLatency(options.path);
      if (advice !== undefined) options.advise?.(advice);
      return link;
    },
  };
}

type OpenedPort = Awaited<ReturnType<typeof openPort>>;

async function openPort({ path, baudRate }: SerialOptions) {
  const port = await SerialPort.binding.open({ path, baudRate }).catch((error: unknown) => {
    throw openError(path, error);
  });
  if ('poller' in port) return port;
  await port.close();
  throw new LinkError('failed', `${path}: serial ports are driven on Linux only`);
}

class SerialLink implements ByteLink {
  readonly identity: string;
  readonly #port: OpenedPort;
  readonly #clock: Clock;
  readonly #path: string;
  readonly #listener: LinkListener;
  readonly #heard = Buffer.allocUnsafe(READ_MOST);
  #baudRate: number;
  #lastByteAt: Uptime;
  #open = true;
  /** The last of those that wait for room in the kernel; nearly always there is room. */
  #waiting: Promise<void> | undefined;
  #look: Timer | undefined;
  #gone: Promise<void> | undefined;

  constructor(port: OpenedPort, options: SerialOptions, listener: LinkListener) {
    this.identity = serialIdentity(options.path);
    this.#port = port;
    this.#clock = options.clock;
    this.#path = options.path;
    this.#baudRate = options.baudRate;
    this.#listener = listener;
    this.#lastByteAt = options.clock.uptime();
    this.#listen();
  }

  /** In order. What the kernel has room for is written before this returns. */
  async send(bytes: Uint8Array): Promise<Uptime> {
    const before = this.#waiting;
    let written = before === undefined ? this.#write(bytes) : 0;
    if (written < bytes.length) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting = promise;
      try {
        await before;
        while (written < bytes.length) {
          this.#mustBeOpen();
          await this.#room();
          written += this.#write(bytes.subarray(written));
        }
      } finally {
        if (this.#waiting === promise) this.#waiting = undefined;
        resolve();
      }
    }
    this.#lookAfter();
    return this.#lastByteAt;
  }

  async setBaudRate(baudRate: number): Promise<void> {
    await this.#waiting;
    this.#mustBeOpen();
    await this.#withDeadline(() => this.#port.drain());
    // An adapter calls drained what has reached it, not what has left it.
    await pause(this.#clock, this.#leftOnWire());
    this.#mustBeOpen();
    await this.#withDeadline(() => this.#port.update({ baudRate }));
    this.#baudRate = baudRate;
  }

  async close(): Promise<void> {
    this.#end(new LinkError('closed', `${this.#path} was closed`));
    await this.#gone;
  }

  /** Always reading: an unplugged port is only noticed by who reads it. */
  #listen(): void {
    this.#port.poller.once('readable', (error) => {
      if (!this.#open) return;
      if (error) this.#unplugged(error);
      else this.#read();
    });
  }

  #read(): void {
    const count = this.#atOnce((fd) => readSync(fd, this.#heard));
    if (count === 0) this.#unplugged('nothing comes any more');
    if (!this.#open) return;
    this.#listen();
    if (count === undefined) return;
    const chunk = new Uint8Array(this.#heard.subarray(0, count));
    this.#listener.bytes(chunk, this.#clock.uptime());
  }

  /** How many bytes there was room for. */
  #write(bytes: Uint8Array): number {
    this.#mustBeOpen();
    const count = this.#atOnce((fd) => writeSync(fd, bytes)) ?? 0;
    this.#mustBeOpen();
    const begins = Math.max(this.#clock.uptime(), this.#lastByteAt);
    this.#lastByteAt = uptime(begins + (count * BITS_PER_BYTE * 1000) / this.#baudRate);
    return count;
  }

  /** `undefined`: not now. The link ends where the port is gone. */
  #atOnce(act: (fd: number) => number): number | undefined {
    const { fd } = this.#port;
    try {
      return fd === null ? undefined : act(fd);
    } catch (error) {
      if (!isForLater(error)) this.#unplugged(error);
      return undefined;
    }
  }

  #room(): Promise<void> {
    return this.#withDeadline(
      () =>
        new Promise((resolve, reject) => {
          this.#port.poller.once('writable', (error) => (error ? reject(error) : resolve()));
        }),
    );
  }

  /** What the port has taken must leave it, or be dropped: it may be an unlock. */
  #lookAfter(): void {
    this.#look ??= this.#clock.wakeAt(uptime(this.#clock.uptime() + LOOK_AFTER), () => {
      this.#look = undefined;
      this.#withDeadline(() => this.#port.drain()).catch(() => undefined); // the listener is told
    });
  }

  #unplugged(cause: unknown): void {
    this.#end(new LinkError('closed', `${this.#path} was unplugged`, { cause }));
  }

  /** Tells the listener once and lets go of the port, dropping what has not left it. */
  #end(why: LinkError): void {
    if (!this.#open) return;
    this.#open = false;
    this.#look?.cancel();
    this.#gone = this.#letGo();
    this.#listener.closed(why);
  }

  async #letGo(): Promise<void> {
    const nothing = () => undefined; // of a port that is gone
    // Flushed first, else the kernel goes on sending what was written, for up to 30 s.
    await this.#port.flush().catch(nothing);
    await this.#port.close().catch(nothing);
  }

  #mustBeOpen(): void {
    if (!this.#open) throw new LinkError('closed', `${this.#path} is not open`);
  }

  #leftOnWire(): Millis {
    return Math.max(0, this.#lastByteAt - this.#clock.uptime());
  }

  async #withDeadline(act: () => Promise<void>): Promise<void> {
    const length = this.#leftOnWire() + WRITE_SLACK;
    const late = Promise.withResolvers<never>();
    const timer = this.#clock.wakeAt(uptime(this.#clock.uptime() + length), () => {
      const why = new LinkError('timed-out', `${this.#path} took nothing for ${length} ms`);
      late.reject(why);
      this.#end(why);
    });
    try {
      await Promise.race([act(), late.promise]);
    } catch (error) {
      if (error instanceof LinkError) throw error;
      this.#unplugged(error);
      throw new LinkError('closed', `${this.#path} is gone`, { cause: error });
    } finally {
      timer.cancel();
    }
  }
}

/** Nothing there yet, no room yet, or a signal came between. */
function isForLater(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EAGAIN' || code === 'EWOULDBLOCK' || code === 'EINTR';
}

/** An open of a path that is not there fails without a code, so it is looked for first. */
function mustBePort(path: string): void {
  try {
    const found = statSync(path);
    if (!found.isCharacterDevice()) {
      throw new LinkError('failed', `${path} is no serial port; name a device under /dev`);
    }
  } catch (error) {
    if (error instanceof LinkError) throw error;
    throw openError(path, error);
  }
}

function openError(path: string, error: unknown): LinkError {
  const text = error instanceof Error ? error.message : String(error);
  const options = { cause: error };
  if (/ENOENT|ENOTDIR|ENXIO|ENODEV|No such/i.test(text)) {
    return new LinkError('missing', `${path} is not there; is its adapter plugged in?`, options);
  }
  if (/EACCES|EPERM|Permission denied/i.test(text)) {
    const remedy = 'add the user of the service to group dialout';
    return new LinkError('refused', `no permission to open ${path}; ${remedy}`, options);
  }
  if (/Cannot lock port|EBUSY|busy/i.test(text)) {
    const remedy = 'stop it (a second daemon, ModemManager, a terminal program)';
    return new LinkError('refused', `another program holds ${path}; ${remedy}`, options);
  }
  return new LinkError('failed', `${path} cannot be opened: ${text}`, options);
}
