/** A daemon that answers, on a port of this machine that nobody else has. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Millis, pause } from '../../drivers/contract/time.ts';
import { listen } from '../tcp.ts';
import { DaemonProcess, type DaemonProcessOptions } from './daemon-process.ts';

const TRIES = 3;
const DEATHS_MAX = 3;

export interface ReadyDaemonOptions extends Omit<DaemonProcessOptions, 'onDeath'> {
  readonly say: (line: string) => void;
  /** Of the API where it is free; 0 for any. */
  readonly port: number;
  /** Of the API: a daemon that does not know it is another one, on the port that we meant to have. */
  readonly token: string;
  readonly within: Millis;
}

export interface ReadyDaemon extends AsyncDisposable {
  readonly daemon: DaemonProcess;
  readonly url: string;
}

/**
 * Between finding a port free and the daemon listening on it somebody else may take it: then on another one. Rejects
 * with what the daemon wrote where it does not come up at all.
 */
export async function startReadyDaemon(options: ReadyDaemonOptions): Promise<ReadyDaemon> {
  const { port: preferred, token, within, say, variables, directory, ...parts } = options;
  for (let tries = 1; ; tries++) {
    const port = await freePort(tries === 1 ? preferred : 0);
    const url = `http://127.0.0.1:${port}`;
    await using starting = new AsyncDisposableStack();
    const daemon = starting.use(
      new DaemonProcess({
        ...parts,
        directory,
        variables: { ...variables, API_PORT: String(port) },
        onDeath: (how) => say(`the daemon died (${how}) and is started again`),
      }),
    );
    const end = parts.clock.uptime() + within;
    while (parts.clock.uptime() < end && daemon.deaths < DEATHS_MAX) {
      if (await isReady(url, token)) {
        const started = starting.move();
        return { daemon, url, [Symbol.asyncDispose]: () => started.disposeAsync() };
      }
      if (daemon.deaths > 0 && (await freePort(port)) !== port) break;
      await pause(parts.clock, 50);
    }
    const log = readFileSync(join(directory, 'daemon.log'), 'utf8').slice(-2000);
    if (tries === TRIES || (await freePort(port)) === port) {
      throw new Error(`the daemon did not come up:\n${log}`);
    }
  }
}

async function isReady(url: string, token: string): Promise<boolean> {
  try {
    if (!(await fetch(`${url}/readyz`)).ok) return false;
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${url}/api/v1/status`, { headers })).ok;
  } catch (error) {
    if (error instanceof TypeError) return false; // nobody listens yet
    throw error;
  }
}

/** The preferred one, or one that the system picks where it is taken. */
async function freePort(preferred: number): Promise<number> {
  const server = createServer();
  const port = await listen(server, '127.0.0.1', preferred);
  await new Promise<void>((closed) => server.close(() => closed()));
  return port;
}
