/** The story of a site as a person reads it: who did what, when, and whether it went as told. */
import type { Clock, Instant } from '../../drivers/contract/time.ts';

export interface StepReport {
  readonly name: string;
  readonly ok: boolean;
  readonly ms: number;
  /** What went otherwise than told. */
  readonly fault?: string;
}

const STYLES = { dim: 2, bold: 1, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** Actors get a column of their own, so that the eye can follow one of them down the page. */
const ACTOR_WIDTH = 9;

export class Timeline {
  readonly #clock: Clock;
  readonly #write: (line: string) => void;
  readonly #colour: boolean;
  readonly #began: Instant;
  readonly #steps: StepReport[] = [];

  constructor(clock: Clock, write: (line: string) => void, colour: boolean) {
    this.#clock = clock;
    this.#write = write;
    this.#colour = colour;
    this.#began = clock.now();
  }

  get steps(): readonly StepReport[] {
    return this.#steps;
  }

  title(text: string): void {
    this.#write('');
    this.#write(this.#paint(text, 'bold'));
  }

  say(actor: string, text: string): void {
    this.#line(actor, text, 'cyan');
  }

  /** A quieter line: what a part of the system did about it. */
  note(actor: string, text: string): void {
    this.#write(
      `${this.#elapsed()}  ${this.#paint(actor.padEnd(ACTOR_WIDTH), 'dim')}  ${this.#paint(text, 'dim')}`,
    );
  }

  /** Runs one step of the story; it went as told when `run` returns, otherwise its error says what did not. */
  async step(name: string, told: string, run: () => Promise<string>): Promise<boolean> {
    this.#write('');
    this.#write(`${this.#paint('          ▸', 'dim')} ${this.#paint(told, 'bold')}`);
    const before = this.#clock.uptime();
    try {
      const outcome = await run();
      const ms = Math.round(this.#clock.uptime() - before);
      this.#steps.push({ name, ok: true, ms });
      this.#line('', `${this.#paint('✔', 'green')} ${outcome}`, 'green');
      return true;
    } catch (error) {
      const ms = Math.round(this.#clock.uptime() - before);
      const fault = error instanceof Error ? error.message : String(error);
      this.#steps.push({ name, ok: false, ms, fault });
      this.#line('', `${this.#paint('✘', 'red')} ${fault}`, 'red');
      return false;
    }
  }

  text(line: string): void {
    this.#write(line);
  }

  #line(actor: string, text: string, style: keyof typeof STYLES): void {
    this.#write(`${this.#elapsed()}  ${this.#paint(actor.padEnd(ACTOR_WIDTH), style)}  ${text}`);
  }

  #elapsed(): string {
    const seconds = (this.#clock.now() - this.#began) / 1000;
    const minutes = Math.floor(seconds / 60);
    const rest = (seconds - minutes * 60).toFixed(1).padStart(4, '0');
    return this.#paint(`  ${String(minutes).padStart(2, '0')}:${rest}`, 'dim');
  }

  #paint(text: string, style: keyof typeof STYLES): string {
    return this.#colour ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
  }
}
