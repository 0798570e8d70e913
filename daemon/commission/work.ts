/** What every step of the run is given, and how it writes down what it saw. */
import type { Clock, Millis } from '../../drivers/contract/time.ts';
import { type Ask, Stopped } from './ask.ts';
import type { Field } from './field.ts';
import type { Proof } from './sheet.ts';

export interface Work {
  readonly field: Field;
  readonly ask: Ask;
  readonly clock: Clock;
  /** The installer's Ctrl-C. */
  readonly signal: AbortSignal;
  /** How long a hand may take: to shut a door, to hold up a fob, to type a code. */
  readonly patience: Millis;
  record(proof: Proof): void;
}

/** Written down at once, so that a run that is stopped still tells what it has proven. */
export function note(work: Work, proof: Omit<Proof, 'at'>): void {
  work.record({ ...proof, at: new Date(work.clock.now()).toISOString() });
}

/** @throws Stopped */
export function goOn({ signal }: Pick<Work, 'signal'>): void {
  if (signal.aborted) throw new Stopped('stopped by the installer');
}

export function seconds(length: Millis): string {
  return `${Math.round(length / 1000)} s`;
}
