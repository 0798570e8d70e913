/** The daemon as its own process, kept running the way its systemd unit keeps it. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  createWriteStream,
  openSync,
  readdirSync,
  readlinkSync,
  type WriteStream,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { type Clock, type Millis, pause } from '../../drivers/contract/time.ts';

const MAIN = resolve(import.meta.dirname, '../../daemon/main.ts');
const SHIFTED_CLOCK = resolve(import.meta.dirname, 'shifted-clock.ts');
/** As `RestartSec=` of the unit, shortened for a story. */
const RESTART_AFTER: Millis = 500;
const STOP_WITHIN: Millis = 18_000;

export interface DaemonProcessOptions {
  readonly config: string;
  /** `name=value` for the `${NAME}`s of the config. */
  readonly variables: Readonly<Record<string, string>>;
  /** As systemd gives it to a service: a file for each. */
  readonly credentials: string;
  /** Program and first arguments; the source of this checkout without it. */
  readonly command?: readonly string[];
  /** Its log goes to `daemon.log` here. */
  readonly directory: string;
  readonly clock: Clock;
  /** Called whenever it ended without being asked to, before it is started again. */
  readonly onDeath: (how: string) => void;
}

export class DaemonProcess implements AsyncDisposable {
  readonly #options: DaemonProcessOptions;
  readonly #log: WriteStream;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #deaths = 0;
  #shift: Millis = 0;
  /** Resolves when the power is back; there is none while it is cut. */
  #dark: PromiseWithResolvers<void> | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: DaemonProcessOptions) {
    this.#options = options;
    this.#log = createWriteStream(join(options.directory, 'daemon.log'), { flags: 'a' });
    this.#running = this.#keepRunning();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** How often it ended without being asked to. */
  get deaths(): number {
    return this.#deaths;
  }

  /** As a power cut would: no goodbye. It is started again like after any death. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  get hasPower(): boolean {
    return this.#dark === undefined;
  }

  /** Of the machine that it runs on: it dies at once, and starts when the power is back. */
  power(on: boolean): void {
    if (on === this.hasPower) return;
    if (on) {
      this.#dark?.resolve();
      this.#dark = undefined;
    } else {
      this.#dark = Promise.withResolvers();
      this.kill();
    }
  }

  get clockShift(): Millis {
    return this.#shift;
  }

  /** Sets the wall clock of its machine wrong by so much, over restarts too. Its monotonic clock goes on as it was. */
  shiftClock(by: Millis): void {
    this.#shift = by;
    if (this.#child?.connected === true) this.#child.send({ shiftMs: by });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.power(true);
    const { clock } = this.#options;
    this.#child?.kill('SIGTERM');
    const ended = new AbortController();
    const late = pause(clock, STOP_WITHIN, ended.signal).then(() => {
      if (!ended.signal.aborted) this.#child?.kill('SIGKILL');
    });
    await this.#running;
    ended.abort();
    await late;
    await new Promise<void>((resolve) => this.#log.end(resolve));
  }

  async #keepRunning(): Promise<void> {
    const { clock, onDeath } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const how = await this.#runOnce();
      if (this.#stopping.signal.aborted) return;
      this.#deaths += 1;
      onDeath(how);
      await this.#dark?.promise;
      await pause(clock, RESTART_AFTER, this.#stopping.signal);
    }
  }

  #runOnce(): Promise<string> {
    const {
      config,
      variables,
      credentials,
      command = [process.execPath, '--import', SHIFTED_CLOCK, MAIN],
    } = this.#options;
    const args = Object.entries(variables).flatMap(([name, value]) => [
      '--set',
      `${name}=${value}`,
    ]);
    const nothing = openSync('/dev/null', 'r');
    const [program = process.execPath, ...first] = command;
    const child = spawn(program, [...first, 'run', '--config', config, ...args], {
      env: { ...process.env, CREDENTIALS_DIRECTORY: credentials },
      stdio: ['ignore', 'pipe', 'pipe', ...withoutPorts(nothing), 'ipc'],
    });
    closeSync(nothing);
    this.#child = child;
    if (this.#shift !== 0) child.send({ shiftMs: this.#shift });
    child.stdout?.pipe(this.#log, { end: false });
    child.stderr?.pipe(this.#log, { end: false });
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(signal ?? `exit status ${code}`));
    });
  }
}

/**
 * What a child gets from descriptor 3 on. `node-pty` opens our ends of the ports without close-on-exec, and a pty is not
 * hung up while anybody holds our end of it: a daemon that inherited one would never notice that it is unplugged.
 */
function withoutPorts(instead: number): readonly ('ignore' | number)[] {
  const ports = new Set(readdirSync('/proc/self/fd').filter(isPort).map(Number));
  return Array.from({ length: Math.max(2, ...ports) - 2 }, (_, n) =>
    ports.has(n + 3) ? instead : 'ignore',
  );
}

function isPort(descriptor: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).endsWith('/ptmx');
  } catch {
    return false; // the one that read the folder is closed again
  }
}
