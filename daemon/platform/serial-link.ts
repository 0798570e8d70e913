/**
 * A serial port as a `ByteLink`, by the rules of serial-hardware 2.1. A `SerialPort` object that was closed keeps what
 * was written to it and delivers it when it is opened again: a late unlock. So each opening makes a new object, and
 * nothing is handed to one that is not open.
 */
import { stat } from 'node:fs/promises';
import { SerialPort } from 'serialport';
import { LinkError } from '../../drivers/contract/errors.ts';
import type { ByteLink, ByteLinkOpener, LinkListener } from '../../drivers/contract/link.ts';
import {
  type Clock,
  type Millis,
  pause,
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

export function serialOpener(options: SerialOptions): ByteLinkOpener {
  return {
    kind: 'serial',
    name: options.path,
    async open(listener, signal) {
      await mustBePort(options.path);
      const port = new SerialPort({
        path: options.path,
        baudRate: options.baudRate,
        autoOpen: false,
      });
      await new Promise<void>((opened, failed) => {
        port.open((error) => (error ? failed(openError(options.path, error)) : opened()));
      });
      const link = new SerialLink(port, options, listener);
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

class SerialLink implements ByteLink {
  readonly identity: string;
  readonly #port: SerialPort;
  readonly #clock: Clock;
  readonly #path: string;
  readonly #listener: LinkListener;
  #baudRate: number;
  #lastByteAt: Uptime;
  #open = true;
  #sending: Promise<unknown> = Promise.resolve();
  readonly #gone: Promise<void>;

  constructor(port: SerialPort, options: SerialOptions, listener: LinkListener) {
    this.identity = serialIdentity(options.path);
    this.#port = port;
    this.#clock = options.clock;
    this.#path = options.path;
    this.#baudRate = options.baudRate;
    this.#listener = listener;
    this.#lastByteAt = options.clock.uptime();
    // Always reading: an unplugged port is only noticed by who reads it. `close` may come twice for one unplug.
    port.on('data', (chunk: Buffer) => {
      if (this.#open) listener.bytes(new Uint8Array(chunk), this.#clock.uptime());
    });
    this.#gone = new Promise((gone) => {
      port.on('close', (why: Error | null) => {
        gone();
        this.#end(new LinkError('closed', `${this.#path} ${why ? 'was unplugged' : 'was closed'}`));
      });
    });
    port.on('error', (error) => {
      this.#end(new LinkError('failed', `${this.#path}: ${error.message}`, { cause: error }));
    });
  }

  /** One after the other: drained tells of the whole port, so what is written meanwhile would blur it. */
  send(bytes: Uint8Array): Promise<Uptime> {
    const sent = this.#sending.then(() => this.#send(bytes));
    this.#sending = sent.catch(() => undefined); // told to who sent it
    return sent;
  }

  async #send(bytes: Uint8Array): Promise<Uptime> {
    this.#mustBeOpen();
    const onTheWire = (bytes.length * BITS_PER_BYTE * 1000) / this.#baudRate;
    await this.#withDeadline(onTheWire + WRITE_SLACK, (done) => {
      this.#port.write(Buffer.from(bytes), (error) => {
        if (error) done(error);
        else if (!this.#port.isOpen) done(new Error('the port is closed'));
        else this.#port.drain((undrained) => done(undrained));
      });
    });
    // An adapter calls drained what has reached it, not what has left it.
    this.#lastByteAt = uptime(this.#clock.uptime() + onTheWire);
    return this.#lastByteAt;
  }

  async setBaudRate(baudRate: number): Promise<void> {
    await this.#sending;
    this.#mustBeOpen();
    await pause(this.#clock, Math.max(0, this.#lastByteAt - this.#clock.uptime()));
    this.#mustBeOpen();
    await this.#withDeadline(WRITE_SLACK, (done) => this.#port.update({ baudRate }, done));
    this.#baudRate = baudRate;
  }

  async close(): Promise<void> {
    this.#end(new LinkError('closed', `${this.#path} was closed`));
    await this.#gone;
  }

  /** Tells the listener once and lets go of the port, dropping what has not left it. */
  #end(why: LinkError): void {
    if (!this.#open) return;
    this.#open = false;
    this.#listener.closed(why);
    if (!this.#port.isOpen) return;
    // Flushed first, else the kernel goes on sending what was written, for up to 30 s.
    this.#port.flush(() => {
      if (this.#port.isOpen) this.#port.close(() => undefined);
    });
  }

  #mustBeOpen(): void {
    if (!this.#open || !this.#port.isOpen) {
      throw new LinkError('closed', `${this.#path} is not open`);
    }
  }

  #withDeadline(
    length: Millis,
    act: (done: (error: Error | null | undefined) => void) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.wakeAt(uptime(this.#clock.uptime() + length), () => {
        const late = new LinkError('timed-out', `${this.#path} took nothing for ${length} ms`);
        this.#end(late);
        reject(late);
      });
      act((error) => {
        timer.cancel();
        if (error) {
          reject(
            new LinkError('closed', `${this.#path} is gone: ${error.message}`, { cause: error }),
          );
        } else resolve();
      });
    });
  }
}

/** An open of a path that is not there fails without a code, so it is looked for first. */
async function mustBePort(path: string): Promise<void> {
  try {
    const found = await stat(path);
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
