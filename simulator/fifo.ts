/** A simulated input device (a keyboard-wedge reader): a FIFO that the daemon reads as it would read evdev records. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { HostEnd, SimulatedBus } from './bus.ts';
import type { BusPort } from './link.ts';

/** Publishes the bus at `path`. What is said while nobody reads is lost once the pipe is full. */
export async function serveFifo(bus: SimulatedBus, options: { path: string }): Promise<BusPort> {
  const port = new FifoPort(bus, resolve(options.path));
  await port.plug();
  return port;
}

class FifoPort implements BusPort {
  readonly address: string;
  readonly #bus: SimulatedBus;
  #opened: { readonly file: number; readonly end: HostEnd } | undefined;

  constructor(bus: SimulatedBus, path: string) {
    this.#bus = bus;
    this.address = path;
  }

  get isPlugged(): boolean {
    return this.#opened !== undefined;
  }

  /** A FIFO has no identity but its path. */
  plug(): Promise<void> {
    if (this.#opened !== undefined) return Promise.resolve();
    remove(this.address);
    mkdirSync(dirname(this.address), { recursive: true });
    execFileSync('mkfifo', [this.address]);
    // Open at both ends, so that it neither waits for a reader nor ends when one goes.
    const file = openSync(this.address, constants.O_RDWR | constants.O_NONBLOCK);
    this.#opened = { file, end: this.#bus.connect((bytes) => write(file, bytes)) };
    return Promise.resolve();
  }

  unplug(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened !== undefined) {
      opened.end.disconnect();
      closeSync(opened.file);
      remove(this.address);
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.unplug();
  }
}

function write(file: number, bytes: Uint8Array): void {
  try {
    writeSync(file, bytes);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return; // nobody reads
    throw error;
  }
}

/** Removes what an earlier run left, and never anything but a FIFO. */
function remove(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isFIFO()) throw new Error(`${path} is in the way: it is no FIFO`);
  unlinkSync(path);
}
