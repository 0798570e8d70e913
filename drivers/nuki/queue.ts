/** What waits to be done with a lock: who comes first, who is taken back, whose time is over. */
import type { Actuation } from '../contract/device.ts';
import { cannot, codesFailed } from './code-memory.ts';
import { ERROR } from './errors.ts';
import { giveUp } from './move.ts';
import { ACTION } from './states.ts';
import { type CodeJob, type MoveJob, refused, type Talk, type Turn } from './talk.ts';

const JOBS_MAX = 64;

/** Puts what is asked into the queue, or refuses it at once. */
export function take(turn: Turn, talk: Talk, actuation: Actuation): void {
  if (talk.jobs.length >= JOBS_MAX && actuation.urgent !== true) {
    refused(turn, talk, actuation.id, 'too much is asked of this lock');
    return;
  }
  switch (actuation.kind) {
    case 'unlock':
    case 'lock': {
      const pulls = actuation.kind === 'unlock' && (actuation.unlatch ?? talk.options.unlatch);
      const action =
        actuation.kind === 'lock' ? ACTION.lock : pulls ? ACTION.unlatch : ACTION.unlock;
      insertUrgent(talk, {
        kind: 'move',
        actuation,
        action,
        stage: 'ask',
        acknowledged: false,
        tries: 0,
        verifyUntil: undefined,
      });
      return;
    }
    case 'read-state':
      talk.jobs = [...talk.jobs, { kind: 'states', actuation, tries: 0 }];
      return;
    case 'put-code':
    case 'remove-code': {
      const job: CodeJob = {
        kind: 'codes',
        actuation,
        write: undefined,
        writes: 0,
        reading: [],
        total: undefined,
      };
      const why = cannot(talk, job);
      if (why !== undefined) refused(turn, talk, actuation.id, `cannot: ${why}`);
      else talk.jobs = [...talk.jobs, job];
      return;
    }
    case 'feedback':
      return;
    case 'open-slot':
    case 'identify':
      refused(turn, talk, actuation.id, `a lock does not ${actuation.kind}`);
      return;
    default:
      actuation satisfies never;
  }
}

/** Somebody stands at the door: before everything but what is under way, and other moves. */
function insertUrgent(talk: Talk, job: MoveJob): void {
  const busy = talk.exchange !== undefined ? 1 : 0;
  let place = busy;
  for (let next = talk.jobs[place]; next?.kind === 'move'; next = talk.jobs[place]) {
    // Nobody's turn comes before a release for fire but what may be moving already.
    if (job.actuation.urgent === true && next.stage === 'ask') break;
    place += 1;
  }
  talk.jobs = [...talk.jobs.slice(0, place), job, ...talk.jobs.slice(place)];
}

/** Takes back what was not sent yet. */
export function withdraw(turn: Turn, talk: Talk, id: Actuation['id']): void {
  const index = talk.jobs.findIndex((job) => 'actuation' in job && job.actuation?.id === id);
  const job = talk.jobs[index];
  if (job === undefined || (job.kind === 'move' && job.stage !== 'ask')) return;
  if (job.kind === 'codes' && job.writes > 0) return;
  refused(turn, talk, id, 'withdrawn');
  talk.jobs = talk.jobs.toSpliced(index, 1);
  // Its challenge may still come; without an exchange it is a stray.
  if (index === 0) talk.exchange = undefined;
}

/** Actuations whose time is over before anything of them was sent; a move nobody could follow any further. */
export function expire(turn: Turn, talk: Talk): void {
  for (const job of talk.jobs) {
    const isHead = job === talk.jobs[0];
    if (isHead && talk.exchange !== undefined) continue;
    if (job.kind === 'move' && job.stage === 'verify') {
      if (turn.now < (job.verifyUntil ?? turn.now)) continue;
      if (isHead) giveUp(turn, talk, job, 'the lock did not come back to be asked');
      continue;
    }
    if (!('actuation' in job) || job.actuation === undefined) continue;
    if (turn.now < job.actuation.expiresAt) continue;
    const writes = job.kind === 'codes' ? job.writes : 0;
    if (isHead && writes > 0) {
      if (job.kind === 'codes') codesFailed(turn, talk, job, ERROR.unknown);
      continue;
    }
    refused(turn, talk, job.actuation.id, `the lock was not reached in time`);
    talk.jobs = talk.jobs.filter((other) => other !== job);
  }
}
