/** The daemon as a process that can be killed: at a moment, or before a system call of its own (strace). */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Where the process is killed: before one of its threads makes this call for the `nth` time. */
export interface FatalCall {
  readonly call: 'pwrite64' | 'write' | 'fdatasync' | 'fsync' | 'unlink' | 'rename' | 'ftruncate';
  readonly nth: number;
}

export interface DaemonProcessOptions {
  /** `daemon/main.ts`, or the same packaged. */
  readonly main: string;
  readonly config: string;
  /** Where code that was compiled once is kept between starts. */
  readonly cache?: string;
  readonly fatal?: FatalCall;
  /** Every call that changes what a disk holds is written here, with these arguments for strace. */
  readonly trace?: { readonly output: string; readonly arguments: readonly string[] };
}

/** What was asked of a process that is gone. */
export class Gone extends Error {
  override readonly name = 'Gone';
}

/** A safety net: a daemon that takes so long is at fault. */
const UP_WITHIN_MS = 600_000;

export class DaemonProcess {
  readonly #child: ChildProcess;
  readonly #exit: Promise<void>;
  readonly #up: Promise<string>;
  readonly began = performance.now();
  #output = '';
  #isGone = false;
  #isAsked = false;
  #endedItself = false;

  constructor({ main, config, cache, fatal, trace }: DaemonProcessOptions) {
    const command = [process.execPath, main, 'run', '--config', config];
    const [program = '', ...args] = [
      ...(fatal === undefined ? [] : inject(fatal)),
      ...(trace === undefined ? [] : ['strace', '-D', ...trace.arguments, '-o', trace.output]),
      ...command,
    ];
    this.#child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(cache === undefined ? {} : { CACHE_DIRECTORY: cache }) },
    });
    this.#exit = new Promise((over) => {
      this.#child.once('exit', (_code, signal) => {
        this.#isGone = true;
        this.#endedItself = signal !== 'SIGKILL' && !this.#isAsked;
        over();
      });
    });
    this.#up = new Promise((up) => {
      for (const stream of [this.#child.stdout, this.#child.stderr]) {
        if (stream === null) continue;
        createInterface(stream).on('line', (line) => {
          this.#output = `${this.#output}${line}\n`.slice(-4000);
          const url = /"api":"([^"]+)".*"event":"started"/.exec(line)?.[1];
          if (url !== undefined) up(url);
        });
      }
    });
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** What it said last, where it ended without being killed or asked to. */
  get ownEnd(): string | undefined {
    return this.#endedItself ? this.#output : undefined;
  }

  get exit(): Promise<void> {
    return this.#exit;
  }

  /** The address of its API, once it is up. @throws Gone where it was killed before */
  async up(): Promise<string> {
    const late = AbortSignal.timeout(UP_WITHIN_MS);
    const tooLate = new Promise<never>((_, fail) =>
      late.addEventListener('abort', () =>
        fail(new Error(`the daemon did not come up by itself:\n${this.#output}`)),
      ),
    );
    const gone = this.#exit.then(() => {
      throw new Gone(this.#output);
    });
    gone.catch(() => {});
    tooLate.catch(() => {});
    return Promise.race([this.#up, gone, tooLate]);
  }

  async kill(): Promise<void> {
    if (!this.#isGone) this.#child.kill('SIGKILL');
    await this.#exit;
  }

  /** Asks it to stop, without waiting for it. */
  askToStop(): void {
    this.#isAsked = true;
    if (!this.#isGone) this.#child.kill('SIGTERM');
  }
}

/** The tracer is the grandchild, so that the process we started is the daemon itself. */
function inject({ call, nth }: FatalCall): readonly string[] {
  const at = `inject=${call}:signal=SIGKILL:when=${nth}`;
  return ['strace', '-D', '-f', '--seccomp-bpf', '-qq', '-e', `trace=${call}`, '-e', at].concat(
    '-o',
    '/dev/null',
  );
}

export function hasStrace(): boolean {
  return spawnSync('strace', ['-V'], { stdio: 'ignore' }).error === undefined;
}
