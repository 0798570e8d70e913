/** Asks the installer: with prompts on a terminal, in plain lines everywhere else, and nobody where `--yes` says so. */
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import * as clack from '@clack/prompts';
import { type Clock, type Timer, uptime } from '../../drivers/contract/time.ts';
import { type Ask, type Busy, Stopped } from '../commission/ask.ts';

export interface AskParts {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Writable & { readonly isTTY?: boolean };
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Every question is answered by its default. */
  readonly takeDefaults: boolean;
  /** Ctrl-C at a prompt, where the terminal gives it to us as a key. */
  stopped(): void;
}

export function openAsk(parts: AskParts): Ask & Disposable {
  const isTerminal = parts.input.isTTY === true && parts.output.isTTY === true;
  return isTerminal && !parts.takeDefaults ? new Prompts(parts) : new Lines(parts);
}

class Prompts implements Ask, Disposable {
  readonly #parts: AskParts;

  constructor(parts: AskParts) {
    this.#parts = parts;
  }

  head(text: string): void {
    clack.log.step(text, this.#where());
  }

  tell(text: string): void {
    clack.log.info(text, this.#where());
  }

  /** In lines: a spinner takes the keyboard, and with it the Ctrl-C that must reach the run. */
  busy(text: string): Busy {
    return busyInLines(text, this.#parts.clock, (line) => this.#parts.output.write(`│  ${line}\n`));
  }

  async confirm(message: string, initialValue: boolean): Promise<boolean> {
    const { signal } = this.#parts;
    const answer = await clack.confirm({ message, initialValue, signal, ...this.#where() });
    return typeof answer === 'boolean' ? answer : this.#stop();
  }

  async text(
    message: string,
    otherwise: string,
    fault?: (answer: string) => string | undefined,
  ): Promise<string> {
    const { signal } = this.#parts;
    const answer = await clack.text({
      message,
      initialValue: otherwise,
      defaultValue: otherwise,
      validate: (text) => fault?.(text?.trim() || otherwise),
      signal,
      ...this.#where(),
    });
    return typeof answer === 'string' ? answer.trim() || otherwise : this.#stop();
  }

  [Symbol.dispose](): void {}

  #stop(): never {
    this.#parts.stopped();
    throw new Stopped('stopped by the installer');
  }

  #where() {
    return { input: this.#parts.input, output: this.#parts.output };
  }
}

/** How often something that takes long is said again. */
const STILL_EVERY = 5000;

/** A line for each question and a line for each answer; nothing moves on the screen. */
class Lines implements Ask, Disposable {
  readonly #parts: AskParts;
  readonly #reader: Interface | undefined;
  readonly #answers: string[] = [];
  #isOver = false;
  #more = Promise.withResolvers<void>();

  constructor(parts: AskParts) {
    this.#parts = parts;
    if (parts.takeDefaults) return;
    this.#reader = createInterface({ input: parts.input, terminal: false });
    const wake = () => {
      this.#more.resolve();
      this.#more = Promise.withResolvers();
    };
    this.#reader.on('line', (line) => {
      this.#answers.push(line);
      wake();
    });
    this.#reader.on('close', () => {
      this.#isOver = true;
      wake();
    });
    parts.signal.addEventListener('abort', wake, { once: true });
  }

  head(text: string): void {
    this.#say(`\n${text}`);
  }

  tell(text: string): void {
    this.#say(`  ${text}`);
  }

  busy(text: string): Busy {
    return busyInLines(text, this.#parts.clock, (line) => this.#say(`  ${line}`));
  }

  async confirm(question: string, otherwise: boolean): Promise<boolean> {
    for (;;) {
      const answer = await this.#answer(`${question} ${otherwise ? '[Y/n]' : '[y/N]'}`);
      if (answer === '') return otherwise;
      if (/^(y|yes)$/i.test(answer)) return true;
      if (/^(n|no)$/i.test(answer)) return false;
      this.tell('y or n');
    }
  }

  async text(
    question: string,
    otherwise: string,
    fault?: (answer: string) => string | undefined,
  ): Promise<string> {
    for (;;) {
      const answer = (await this.#answer(`${question} [${otherwise}]`)) || otherwise;
      const wrong = fault?.(answer);
      if (wrong === undefined) return answer;
      if (this.#parts.takeDefaults) throw new Stopped(`${question}: ${wrong}`);
      this.tell(wrong);
    }
  }

  [Symbol.dispose](): void {
    this.#reader?.close();
  }

  async #answer(question: string): Promise<string> {
    this.#say(`? ${question}`);
    if (this.#parts.signal.aborted) throw new Stopped('stopped by the installer');
    if (this.#parts.takeDefaults) return '';
    for (;;) {
      const answer = this.#answers.shift();
      if (answer !== undefined) return answer.trim();
      if (this.#parts.signal.aborted) throw new Stopped('stopped by the installer');
      if (this.#isOver) throw new Stopped('nobody answers: --yes takes all defaults');
      await this.#more.promise;
    }
  }

  #say(text: string): void {
    this.#parts.output.write(`${text}\n`);
  }
}

function busyInLines(text: string, clock: Clock, say: (line: string) => void): Busy {
  const began = clock.uptime();
  let now = text;
  let timer: Timer;
  const still = () => {
    say(`... ${now} (${Math.round((clock.uptime() - began) / 1000)} s)`);
    timer = clock.wakeAt(uptime(clock.uptime() + STILL_EVERY), still);
  };
  timer = clock.wakeAt(uptime(clock.uptime() + STILL_EVERY), still);
  say(text);
  return {
    say: (next) => {
      now = next;
    },
    call: (next) => {
      now = next;
      say(next);
    },
    done: (last, isGood) => {
      timer.cancel();
      say(`${isGood ? 'ok  ' : 'NOT '} ${last}`);
    },
  };
}
