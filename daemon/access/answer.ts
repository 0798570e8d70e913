/** What happened -> what is to be recorded and asked of devices. Pure: no clock, no database. */
import type { Actuation, DeviceEvent } from '../../drivers/contract/device.ts';
import type { Uptime } from '../../drivers/contract/time.ts';
import type { Command } from './command.ts';
import type { Entry, Stamp } from './entry.ts';
import type { Knowledge } from './knowledge.ts';
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

export const NO_ANSWER: Answer = { entries: [], actuations: [] };

/** To anything a device says. `known` was gathered for this event. */
export function answerTo(_event: DeviceEvent, _known: Knowledge, _stamp: Stamp): Answer {
  return NO_ANSWER;
}

/** To what an authorised person asks. `known` was gathered for this command. */
export function answerToCommand(_command: Command, _known: Knowledge, _stamp: Stamp): Answer {
  return NO_ANSWER;
}

/** To time passing: overdue, reminders, doors held open, openings without a result. `known` is of the whole site. */
export function answerToTimer(_known: Knowledge, _stamp: Stamp): Answer {
  return NO_ANSWER;
}

/** When `answerToTimer` has something to say at the earliest; undefined: only after another event. */
export function nextWake(_known: Knowledge, _stamp: Stamp): Uptime | undefined {
  return undefined;
}

/** At start, before the first event: openings under way when the daemon stopped. `known` is of the whole site. */
export function answerAtStart(_known: Knowledge, _stamp: Stamp): Answer {
  return NO_ANSWER;
}
