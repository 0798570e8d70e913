/**
 * A serial gateway on the network as a `ByteLink`. Gateways merge and split writes and add 5 to 50 ms, take one client
 * only, and go away without a word (serial-hardware 2.1).
 */
import { connect, type Socket } from 'node:net';
import { LinkError, type LinkErrorCode } from '../../drivers/contract/errors.ts';
import type { ByteLink, ByteLinkOpener, LinkListener } from '../../drivers/contract/link.ts';
import { type Clock, type Millis, type Uptime, uptime } from '../../drivers/contract/time.ts';

export interface TcpOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
}

const CONNECT_WITHIN: Millis = 5000;
/**
 * A network that comes back delivers what was shown at a reader while it was away: nobody stands there any more. After a
 * second of silence the kernel asks whether the other end lives, and a second later once more; at the third second the
 * link is gone, and what it would have brought with it.
 */
const KEEP_ALIVE = { enable: true, initialDelay: 1000, interval: 1000, count: 2 } as const;
/** A gateway keeps what was said while nobody was connected, and hands it over within this time. */
const KEPT_WITHIN: Millis = 100;
/** What is not taken by the kernel within this time has no way out: the other end has stopped reading. */
const WRITE_WITHIN: Millis = 2000;

export function tcpOpener(options: TcpOptions): ByteLinkOpener {
  const name = `${options.host}:${options.port}`;
  return {
    kind: 'tcp',
    name,
    async open(listener, signal) {
      const socket = connect({ host: options.host, port: options.port, noDelay: true });
      try {
        await connected(socket, name, options.clock, signal);
        await emptied(socket, name, options.clock, signal);
      } catch (error) {
        socket.on('error', () => undefined); // it may still say why it fails, to nobody
        socket.destroy();
        throw error;
      }
      socket.setKeepAlive(KEEP_ALIVE);
      return new TcpLink(socket, name, options.clock, listener);
    },
  };
}

class TcpLink implements ByteLink {
  readonly identity: string;
  readonly #socket: Socket;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #listener: LinkListener;
  #open = true;
  readonly #gone: Promise<void>;

  constructor(socket: Socket, name: string, clock: Clock, listener: LinkListener) {
    this.identity = `tcp:${name}`;
    this.#socket = socket;
    this.#name = name;
    this.#clock = clock;
    this.#listener = listener;
    socket.on('data', (chunk: Buffer) => {
      if (this.#open) listener.bytes(new Uint8Array(chunk), clock.uptime());
    });
    socket.on('error', (error) => {
      this.#end(new LinkError('closed', `${name} is gone: ${error.message}`, { cause: error }));
    });
    socket.on('end', () => this.#end(new LinkError('closed', `${name} hung up`)));
    this.#gone = new Promise((gone) => {
      socket.on('close', () => {
        gone();
        this.#end(new LinkError('closed', `${name} was closed`));
      });
    });
  }

  send(bytes: Uint8Array): Promise<Uptime> {
    return new Promise((resolve, reject) => {
      if (!this.#open) {
        reject(new LinkError('closed', `${this.#name} is not open`));
        return;
      }
      const deadline = uptime(this.#clock.uptime() + WRITE_WITHIN);
      const timer = this.#clock.wakeAt(deadline, () => {
        const late = new LinkError('timed-out', `${this.#name} takes no more bytes`);
        this.#end(late);
        reject(late);
      });
      this.#socket.write(bytes, (error) => {
        timer.cancel();
        if (error) reject(new LinkError('closed', `${this.#name} is gone`, { cause: error }));
        else resolve(this.#clock.uptime());
      });
    });
  }

  setBaudRate(): Promise<void> {
    const text = `the speed behind ${this.#name} is set on the gateway itself`;
    return Promise.reject(new LinkError('failed', text));
  }

  async close(): Promise<void> {
    this.#end(new LinkError('closed', `${this.#name} was closed`));
    await this.#gone;
  }

  /** Reset, not ended: what the kernel still holds (the network was away) must not arrive some time later. */
  #end(why: LinkError): void {
    if (!this.#open) return;
    this.#open = false;
    this.#listener.closed(why);
    this.#socket.resetAndDestroy();
  }
}

function connected(socket: Socket, name: string, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.wakeAt(uptime(clock.uptime() + CONNECT_WITHIN), () => {
      settle(() =>
        reject(new LinkError('timed-out', `${name} did not answer in ${CONNECT_WITHIN} ms`)),
      );
    });
    const givenUp = () => {
      settle(() => reject(new LinkError('closed', `${name} was given up while connecting`)));
    };
    const failed = (error: Error) => settle(() => reject(connectError(name, error)));
    const settle = (how: () => void) => {
      timer.cancel();
      signal.removeEventListener('abort', givenUp);
      socket.removeListener('error', failed);
      how();
    };
    socket.once('connect', () => settle(resolve));
    socket.once('error', failed);
    if (signal.aborted) givenUp();
    else signal.addEventListener('abort', givenUp, { once: true });
  });
}

/** Who typed or showed what the gateway had kept has left: nobody hears of it. */
function emptied(socket: Socket, name: string, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // However late the timer: what lay here by then is read before that turn is over.
    const timer = clock.wakeAt(uptime(clock.uptime() + KEPT_WITHIN), () =>
      setImmediate(() => settle(resolve)),
    );
    const drop = () => undefined;
    const ended = () => {
      settle(() => reject(new LinkError('closed', `${name} hung up`)));
    };
    const failed = (error: Error) => settle(() => reject(connectError(name, error)));
    const settle = (how: () => void) => {
      timer.cancel();
      signal.removeEventListener('abort', ended);
      socket.off('data', drop).off('error', failed).off('end', ended);
      how();
    };
    socket.on('data', drop).once('error', failed).once('end', ended);
    if (signal.aborted) ended();
    else signal.addEventListener('abort', ended, { once: true });
  });
}

const CONNECT_CODES: Readonly<Record<string, LinkErrorCode>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'missing',
  EAI_AGAIN: 'missing',
  EHOSTUNREACH: 'missing',
  ENETUNREACH: 'missing',
  ETIMEDOUT: 'timed-out',
};

function connectError(name: string, error: Error): LinkError {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const why = CONNECT_CODES[code] ?? 'failed';
  return new LinkError(why, `no connection to ${name}: ${code || error.message}`, { cause: error });
}
