/** Unlock, lock, unlatch: sent at most once, and what came of it is never guessed. */
import type { LockState } from '../contract/device.ts';
import { type Millis, uptime } from '../contract/time.ts';
import { errorText, isJam, retryAfter } from './errors.ts';
import { waitLonger } from './exchange.ts';
import { COMMAND, type Message } from './frame.ts';
import { lockAction, type Request, requestData } from './requests.ts';
import { ACTION, type KeyturnerStates } from './states.ts';
import {
  count,
  dropJob,
  hasPin,
  type MoveJob,
  raise,
  refused,
  replaceJob,
  type Talk,
  type Turn,
  tell,
  want,
} from './talk.ts';

const MOTOR_WITHIN: Millis = 20_000;
/** How long a lock that vanished after the command is looked for. */
const VERIFY_WITHIN: Millis = 30_000;
const TRIES_MAX = 3;
/** Ours in the pairing; the lock writes it to its own log only. */
const APP_ID = 0;

const TARGETS: Readonly<Record<number, readonly LockState[]>> = {
  [ACTION.unlock]: ['unlocked', 'unlatched'],
  [ACTION.lock]: ['locked'],
  [ACTION.unlatch]: ['unlatched'],
};
const MOVING: readonly LockState[] = ['unlocking', 'unlatching', 'locking'];

export function nextOfMove(turn: Turn, talk: Talk, job: MoveJob): Request | undefined {
  if (job.stage === 'verify') return requestData(COMMAND.states);
  if (turn.now >= job.actuation.expiresAt) {
    refused(turn, talk, job.actuation.id, 'the lock was not reached in time');
    dropJob(talk);
    return undefined;
  }
  return lockAction(job.action, APP_ID);
}

/** Called with the write of the command itself: from here on it may move. Too late is not sent at all. */
export function moveIsDue(turn: Turn, talk: Talk, job: MoveJob): boolean {
  if (turn.now >= job.actuation.expiresAt) {
    refused(turn, talk, job.actuation.id, 'the lock did not answer in time');
    dropJob(talk);
    return false;
  }
  count(talk, 'actuations');
  replaceJob(talk, { ...job, stage: 'sent' });
  return true;
}

/** `true` ends the exchange. */
export function hearOfMove(turn: Turn, talk: Talk, job: MoveJob, message: Message): boolean {
  if (job.stage === 'verify') return message.command === COMMAND.states && judge(turn, talk, job);
  if (message.command === COMMAND.states) {
    if (talk.states !== undefined && MOVING.includes(talk.states.state)) {
      waitLonger(turn, talk, MOTOR_WITHIN);
    }
    return false;
  }
  if (message.command !== COMMAND.status) return false;
  if (message.payload[0] === 0x01) {
    replaceJob(talk, { ...job, acknowledged: true });
    waitLonger(turn, talk, MOTOR_WITHIN);
    return false;
  }
  if (message.payload[0] !== 0x00) return false;
  // Complete may come without accepted, where the lock was there already.
  finish(turn, talk, job, { result: 'done', acknowledged: true, observed: true });
  return true;
}

/** An error report ends the exchange; a used challenge, a damaged frame and a busy lock are worth another try. */
export function moveFailed(turn: Turn, talk: Talk, job: MoveJob, code: number): void {
  const after = retryAfter(code);
  if (isJam(code)) raise(turn, talk, 'jammed', errorText(code));
  if (job.acknowledged) {
    // It has taken the command and may have moved: it is not said again, and what became of it is looked at.
    moveLost(turn, talk, job, errorText(code));
    return;
  }
  if (after !== undefined && job.tries < TRIES_MAX && job.stage !== 'verify') {
    count(talk, 'retries');
    talk.pauseUntil = uptime(turn.now + after);
    replaceJob(talk, { ...job, stage: 'ask', tries: job.tries + 1 });
    return;
  }
  finish(turn, talk, job, {
    result: 'failed',
    acknowledged: true,
    observed: false,
    detail: errorText(code),
  });
}

/** Link lost, or no reply: before the command, it is tried again; after it, only looked at. Never sent twice. */
export function moveLost(turn: Turn, talk: Talk, job: MoveJob, why: string): void {
  if (job.stage === 'ask') return;
  const verifyUntil = job.verifyUntil ?? uptime(turn.now + VERIFY_WITHIN);
  if (turn.now < verifyUntil) {
    replaceJob(talk, { ...job, stage: 'verify', verifyUntil });
    return;
  }
  giveUp(turn, talk, job, why);
}

/** Nobody can tell any more. */
export function giveUp(turn: Turn, talk: Talk, job: MoveJob, why: string): void {
  finish(turn, talk, job, {
    result: 'unknown',
    acknowledged: job.acknowledged,
    observed: false,
    detail: why,
  });
}

/** After the link was lost: what the lock says it is, and what it says it did last. */
function judge(turn: Turn, talk: Talk, job: MoveJob): boolean {
  const { states } = talk;
  if (states === undefined) return false;
  if (MOVING.includes(states.state)) {
    waitLonger(turn, talk, MOTOR_WITHIN);
    return false;
  }
  const { acknowledged } = job;
  if ((TARGETS[job.action] ?? []).includes(states.state) || did(states, job.action)) {
    finish(turn, talk, job, {
      result: 'done',
      acknowledged,
      observed: true,
      detail: `seen ${states.state} after the link was lost`,
    });
  } else if (states.state === 'jammed') {
    finish(turn, talk, job, {
      result: 'failed',
      acknowledged,
      observed: true,
      detail: 'motor blocked',
    });
  } else if (job.action === ACTION.unlatch && states.state === 'unlocked') {
    // The latch falls back by itself, and this firmware does not tell its last action.
    giveUp(turn, talk, job, 'unlocked; whether the latch was pulled cannot be told');
  } else {
    // It may have turned, and back again: by hand, or by itself.
    giveUp(turn, talk, job, `seen ${states.state} after the link was lost`);
  }
  return true;
}

function did({ last, state }: KeyturnerStates, action: number): boolean {
  if (action !== ACTION.unlatch || state !== 'unlocked') return false;
  return last?.action === action && last.completion === 0;
}

function finish(
  turn: Turn,
  talk: Talk,
  { actuation }: MoveJob,
  outcome: {
    readonly result: 'done' | 'failed' | 'unknown';
    readonly acknowledged: boolean;
    readonly observed: boolean;
    readonly detail?: string;
  },
): void {
  tell(turn, talk, actuation.id, { ...outcome, sent: true });
  dropJob(talk);
  want(talk, 'states');
  if (hasPin(talk) && talk.options.logEntries > 0) want(talk, 'log');
}
