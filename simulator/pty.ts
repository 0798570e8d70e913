/**
 * A simulated bus behind a pseudo-terminal, so that a program opens it as it would open a USB adapter: by a name that
 * stays while the port behind it comes and goes.
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { ReadStream } from 'node:tty';
import * as nodePty from '@lydell/node-pty';
import type { HostEnd, SimulatedBus } from './bus.ts';
import type { BusPort } from './link.ts';

export interface PtyPortOptions {
  /** Where the stable name is put, as `/dev/serial/by-id` would have it. */
  readonly path: string;
  /** What the adapter calls itself; a link of that name in `by-id` beside `path` is what `path` leads to. */
  readonly identity?: string;
}

/** Publishes the bus at `path`. What a device says while nobody has the port open is lost, as on a real one. */
export async function servePty(bus: SimulatedBus, options: PtyPortOptions): Promise<BusPort> {
  const port = new PtyPort(bus, options);
  await port.plug();
  return port;
}

class PtyPort implements BusPort {
  readonly address: string;
  readonly #bus: SimulatedBus;
  #identity: string;
  #names: readonly string[] = [];
  #pair: PtyPair | undefined;

  constructor(bus: SimulatedBus, options: PtyPortOptions) {
    this.#bus = bus;
    this.address = resolve(options.path);
    this.#identity = options.identity ?? `usb-Simulated_adapter_${bus.name}-if00-port0`;
  }

  get isPlugged(): boolean {
    return this.#pair !== undefined;
  }

  async plug(identity = this.#identity): Promise<void> {
    if (this.#pair !== undefined) return;
    this.#identity = identity;
    const named = join(dirname(this.address), 'by-id', identity);
    const pair = new PtyPair(this.#bus);
    try {
      mkdirSync(dirname(named), { recursive: true });
      link(pair.path, named);
      link(named, this.address);
    } catch (error) {
      await pair.close();
      throw error;
    }
    this.#names = [this.address, named];
    this.#pair = pair;
  }

  unplug(): Promise<void> {
    for (const name of this.#names) unlink(name);
    this.#names = [];
    const pair = this.#pair;
    this.#pair = undefined;
    return pair?.close() ?? Promise.resolve();
  }

  close(): Promise<void> {
    return this.unplug();
  }
}

/** The package gives more than its types tell: a pair without a program, each end a stream of Node's. */
interface OpenedPair {
  readonly ptsName: string;
  /** Its file descriptor. */
  readonly fd: number;
  readonly master: ReadStream;
  readonly slave: ReadStream;
}

function openPair(): OpenedPair {
  const open: unknown = 'open' in nodePty ? nodePty.open : undefined;
  const opened: unknown = typeof open === 'function' ? open({ encoding: null }) : undefined;
  if (!isPair(opened)) throw new Error('node-pty has changed: open() gives no pair');
  return opened;
}

function isPair(opened: unknown): opened is OpenedPair {
  return (
    typeof opened === 'object' &&
    opened !== null &&
    ['ptsName', 'fd', 'master', 'slave'].every((part) => part in opened)
  );
}

/** One pty: the master end is ours, the slave end is for whoever opens the name. */
class PtyPair {
  readonly path: string;
  readonly #master: ReadStream;
  /** Kept open, unread: a pty without any slave end is hung up, and loses its settings. */
  readonly #held: number;
  readonly #host: HostEnd;

  constructor(bus: SimulatedBus) {
    const opened = openPair();
    this.path = opened.ptsName;
    this.#held = openSync(this.path, constants.O_RDWR | constants.O_NOCTTY);
    opened.slave.destroy();
    // Eight bits, unchanged, no echo, also before a program opens the port and sets the same.
    execFileSync('stty', ['-F', this.path, 'raw', '-echo']);
    this.#master = opened.master;
    neverBlock(this.#master);
    this.#host = bus.connect((bytes) => write(opened.fd, bytes));
    this.#master.on('data', (bytes: Buffer) => this.#host.hear(new Uint8Array(bytes)));
    this.#master.on('error', () => this.#host.disconnect());
  }

  close(): Promise<void> {
    this.#host.disconnect();
    closeSync(this.#held);
    return new Promise((closed) => {
      this.#master.once('close', () => closed());
      this.#master.destroy();
    });
  }
}

/**
 * Node writes to the master end of a pty blocking, so that a port which nobody reads would stop the whole process once
 * it is full. Only the stream's own handle can change that.
 */
function neverBlock(master: ReadStream): void {
  const handle: unknown = '_handle' in master ? master._handle : undefined;
  const has = typeof handle === 'object' && handle !== null && 'setBlocking' in handle;
  if (!has || typeof handle.setBlocking !== 'function') {
    throw new Error('Node has changed: the handle of a terminal cannot be set non-blocking');
  }
  handle.setBlocking(false);
}

/** What does not fit is lost, as when nobody empties a UART. */
function write(master: number, bytes: Uint8Array): void {
  try {
    writeSync(master, bytes);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'EAGAIN' && code !== 'EIO') throw error;
  }
}

/** Puts a symbolic link in place of what an earlier run left there, and never in place of anything else. */
function link(target: string, name: string): void {
  unlink(name);
  symlinkSync(target, name);
}

function unlink(name: string): void {
  const found = lstatSync(name, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSymbolicLink()) throw new Error(`${name} is in the way: it is no symbolic link`);
  unlinkSync(name);
}
