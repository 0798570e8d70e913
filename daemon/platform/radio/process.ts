/** The daemon's end of the radio process: numbered calls with a deadline each, and one end. */
import { type ChildProcess, fork } from 'node:child_process';
import { LinkError } from '../../../drivers/contract/errors.ts';
import { type Clock, type Millis, uptime } from '../../../drivers/contract/time.ts';
import type { RadioEvent, RadioReply, RadioRequest, RadioResult } from './messages.ts';
import { WITHIN } from './messages.ts';

export interface RadioProcessListener {
  event(event: RadioEvent): void;
  /** A line the stack wrote to its output. */
  said(line: string): void;
  /** Once; calls under way have been rejected before. */
  exited(why: string): void;
}

interface UnderWay {
  resolve(result: RadioResult): void;
  reject(error: LinkError): void;
}

/** Calls that may be under way at once; more is a fault of ours. */
const UNDER_WAY_MAX = 256;

export class RadioProcess {
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #listener: RadioProcessListener;
  readonly #calls = new Map<number, UnderWay>();
  readonly #gone = Promise.withResolvers<void>();
  #next = 1;
  #isGone = false;
  /** The last line that looked like a reason. */
  #complaint: string | undefined;

  constructor(clock: Clock, listener: RadioProcessListener, environment: NodeJS.ProcessEnv = {}) {
    this.#clock = clock;
    this.#listener = listener;
    this.#child = fork(new URL('./child.ts', import.meta.url), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Credentials of the daemon are no matter of the stack.
      env: { PATH: process.env['PATH'], ...busAddress(), ...environment },
    });
    this.#child.on('message', (message: RadioReply | RadioEvent) => this.#hear(message));
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('close', (code, signal) => {
      const because = this.#complaint === undefined ? '' : `: ${this.#complaint}`;
      this.#end(`ended with ${signal ?? code}${because}`);
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        for (const line of chunk.toString().split('\n').filter(Boolean)) {
          // A kernel that refuses the adapter (EBUSY: it is up; EPERM: no capability) is only told here.
          if (/^\w*Error\b|\bE(BUSY|PERM|ACCES|NODEV)\b/.test(line)) this.#complaint = line;
          listener.said(line);
        }
      });
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Rejects with `timed-out` after the operation's own time; the process is left as it is. */
  call(request: RadioRequest, within?: Millis): Promise<RadioResult> {
    const limit = within ?? (request.op === 'connect' ? 10_000 : WITHIN[request.op]);
    return new Promise((resolve, reject) => {
      if (this.#isGone || this.#calls.size >= UNDER_WAY_MAX) {
        reject(new LinkError('closed', 'the radio process is gone'));
        return;
      }
      const id = this.#next;
      this.#next += 1;
      const timer = this.#clock.wakeAt(uptime(this.#clock.uptime() + limit), () => {
        this.#calls.delete(id);
        reject(new LinkError('timed-out', `${request.op} took more than ${limit} ms`));
      });
      const settle = (act: () => void) => {
        timer.cancel();
        this.#calls.delete(id);
        act();
      };
      this.#calls.set(id, {
        resolve: (result) => settle(() => resolve(result)),
        reject: (error) => settle(() => reject(error)),
      });
      this.#child.send({ id, ...request }, (error) => {
        if (error !== null) {
          this.#calls.get(id)?.reject(new LinkError('closed', 'the radio process is gone'));
        }
      });
    });
  }

  /** Ends it whatever it does; resolves once it is gone. */
  kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    return this.#gone.promise;
  }

  #hear(message: RadioReply | RadioEvent): void {
    if ('event' in message) {
      this.#listener.event(message);
      return;
    }
    const call = this.#calls.get(message.re);
    if ('code' in message) call?.reject(new LinkError(message.code, message.message));
    else call?.resolve(message.result);
  }

  #end(why: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    for (const call of [...this.#calls.values()]) {
      call.reject(new LinkError('closed', `the radio process ${why}`));
    }
    this.#gone.resolve();
    this.#listener.exited(why);
  }
}

/** A bus elsewhere than usual is the one thing of the daemon's surroundings that BlueZ's stack needs. */
function busAddress(): NodeJS.ProcessEnv {
  const address = process.env['DBUS_SYSTEM_BUS_ADDRESS'];
  return address === undefined ? {} : { DBUS_SYSTEM_BUS_ADDRESS: address };
}
