/** What an answer is made of, whoever gives it. */
import type { Actuation } from '../../drivers/contract/device.ts';
import type { Uptime } from '../../drivers/contract/time.ts';
import type { Entry } from './entry.ts';
import type { Reason } from './model.ts';
import type { PendingChange } from './presentation.ts';

type WithoutId<T> = T extends Actuation ? Omit<T, 'id' | 'expiresAt'> : never;

/**
 * An actuation to be asked for. Its id becomes `a-<seq>` of the entry at `intent`, which is committed before
 * anything moves; the result carries that id back, and so finds the opening.
 */
export type Asked = WithoutId<Actuation> & {
  /** Index into `Answer.entries`; undefined for what moves nothing. */
  readonly intent: number | undefined;
  /** Fire release: to the wire first, journaled after. */
  readonly atOnce?: true;
  /** Feedback of a refusal is given at one fixed time after the presentation, whatever was checked. */
  readonly notBefore?: Uptime;
};

export interface Answer {
  readonly entries: readonly Entry[];
  readonly actuations: readonly Asked[];
  readonly pending?: readonly PendingChange[];
  /** A command that was not done, and why. */
  readonly refused?: { readonly reason: Reason; readonly detail: string };
}

export function entriesOnly(entries: readonly Entry[]): Answer {
  return { entries, actuations: [] };
}
