/**
 * A keyboard-wedge reader as a `ByteLink`: the raw records of its evdev device, or of a FIFO that stands for one. What
 * is typed on it also reaches the console, since an exclusive grab needs an ioctl that Node has not (serial-hardware 8).
 */
import { close, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { LinkError } from '../../drivers/contract/errors.ts';
import type { ByteLink, ByteLinkOpener, LinkListener } from '../../drivers/contract/link.ts';
import {
  type Clock,
  type Millis,
  type Timer,
  type Uptime,
  uptime,
} from '../../drivers/contract/time.ts';
import { inputIdentity } from './port-identity.ts';

export interface InputOptions {
  readonly path: string;
  readonly clock: Clock;
}

/**
 * A blocking read would hold one of Node's four file threads for good, so the device is looked at without waiting:
 * often enough that nobody feels it at a key.
 */
const LOOK_EVERY: Millis = 10;
/** How often it is made sure that the name still leads to what was opened; a FIFO cannot tell by itself. */
const NAME_EVERY: Millis = 500;
/** 64 records of 24 bytes. */
const READ_MAX = 64 * 24;

export function inputOpener(options: InputOptions): ByteLinkOpener {
  return {
    kind: 'input',
    name: options.path,
    async open(listener, signal) {
      await Promise.resolve();
      if (signal.aborted) throw new LinkError('closed', `${options.path} was given up`);
      return new InputLink(openDevice(options.path), options, listener);
    },
  };
}

class InputLink implements ByteLink {
  readonly identity: string;
  readonly #file: number;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #listener: LinkListener;
  readonly #buffer = new Uint8Array(READ_MAX);
  #open = true;
  #timer: Timer;
  #nameCheckedAt: Uptime;

  constructor(file: number, options: InputOptions, listener: LinkListener) {
    this.identity = inputIdentity(options.path);
    this.#file = file;
    this.#path = options.path;
    this.#clock = options.clock;
    this.#listener = listener;
    this.#nameCheckedAt = options.clock.uptime();
    this.#timer = this.#lookAgain();
  }

  send(): Promise<Uptime> {
    const code = this.#open ? 'failed' : 'closed';
    return Promise.reject(new LinkError(code, `${this.#path} is an input: nothing can be sent`));
  }

  setBaudRate(): Promise<void> {
    return Promise.reject(new LinkError('failed', `${this.#path} is an input: it has no speed`));
  }

  close(): Promise<void> {
    this.#end(new LinkError('closed', `${this.#path} was closed`));
    return Promise.resolve();
  }

  #lookAgain(): Timer {
    return this.#clock.wakeAt(uptime(this.#clock.uptime() + LOOK_EVERY), () => this.#look());
  }

  #look(): void {
    try {
      for (let length = READ_MAX; length === READ_MAX && this.#open; ) {
        length = readSync(this.#file, this.#buffer, 0, READ_MAX, null);
        if (length > 0) this.#listener.bytes(this.#buffer.slice(0, length), this.#clock.uptime());
      }
    } catch (error) {
      if (errorCode(error) !== 'EAGAIN') {
        this.#end(new LinkError('closed', `${this.#path} was unplugged`, { cause: error }));
        return;
      }
    }
    if (!this.#open) return; // who heard it has closed it
    const now = this.#clock.uptime();
    if (now - this.#nameCheckedAt >= NAME_EVERY) {
      this.#nameCheckedAt = now;
      if (!this.#isStillThere()) this.#end(new LinkError('closed', `${this.#path} was unplugged`));
    }
    if (this.#open) this.#timer = this.#lookAgain();
  }

  /** A name that cannot be followed any more (a loop of links, no permission) leads nowhere. */
  #isStillThere(): boolean {
    try {
      const opened = fstatSync(this.#file);
      const named = statSync(this.#path);
      return named.ino === opened.ino && named.dev === opened.dev;
    } catch {
      return false;
    }
  }

  #end(why: LinkError): void {
    if (!this.#open) return;
    this.#open = false;
    this.#timer.cancel();
    close(this.#file, () => undefined); // a device that is gone may refuse even that
    this.#listener.closed(why);
  }
}

function openDevice(path: string): number {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = fstatSync(file);
    if (found.isCharacterDevice() || found.isFIFO()) return file;
    close(file, () => undefined);
  } catch (error) {
    const code = errorCode(error);
    const options = { cause: error };
    if (code === 'EACCES' || code === 'EPERM') {
      const remedy = 'add the user of the service to group input';
      throw new LinkError('refused', `no permission to open ${path}; ${remedy}`, options);
    }
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENODEV' || code === 'ENXIO') {
      throw new LinkError('missing', `${path} is not there; is the reader plugged in?`, options);
    }
    throw new LinkError('failed', `${path} cannot be opened: ${code}`, options);
  }
  throw new LinkError('failed', `${path} is no input device; name one under /dev/input/by-id`);
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
