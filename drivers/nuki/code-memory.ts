/**
 * The keypad's memory as a cache of grants: read in full, changed by one write, read again, until it holds what was
 * asked for. A new code is there before an old one goes, and nothing is believed that was not read back.
 */
import { type Millis, uptime } from '../contract/time.ts';
import { errorText } from './errors.ts';
import { REPLY_WITHIN, waitLonger } from './exchange.ts';
import { COMMAND, type Message, readU16 } from './frame.ts';
import {
  addCode,
  type CodeWish,
  codeHash,
  entryTag,
  type HeldCode,
  holds,
  parseCode,
  unfitDigits,
  updateCode,
  wishFields,
} from './keypad-code.ts';
import { type Request, removeCode, requestCodes } from './requests.ts';
import {
  accepted,
  type CodeJob,
  dropJob,
  refused,
  refusing,
  replaceJob,
  type Talk,
  type Turn,
  tell,
} from './talk.ts';

/** Said where two entries want the same digits, or change places. */
export const DIGITS_TAKEN = 'these digits are in the lock under another name';

const PAGE = 100;
/** No keypad holds so many (ble.md 3.7: about 200). */
const HELD_MOST = 1000;
const DAY: Millis = 86_400_000;
/** More writes than this for one entry, and the lock does not keep what it is given. */
const WRITES_MAX = 6;

function wishOf(job: CodeJob): CodeWish | undefined {
  const { actuation } = job;
  if (actuation.kind !== 'put-code') return undefined;
  const { entry, digits, from, until, name } = actuation;
  return { entry, digits, from, until, name };
}

/** Why it cannot even be tried; told at once, before the guest arrives. */
export function cannot(talk: Talk, job: CodeJob): string | undefined {
  if (talk.credentials.pin === undefined) return 'no security PIN is configured for this lock';
  if (talk.pinRefused !== undefined) return talk.pinRefused;
  const wish = wishOf(job);
  if (wish === undefined) return undefined;
  if (talk.options.codesMax === 0) return 'its keypad memory is not ours (codesMax 0)';
  if (talk.config?.hasKeypad === false) return 'the lock has no keypad';
  return unfitDigits(wish.digits);
}

/** The next thing to ask for, or `undefined` where the job is over. */
export function nextOfCodes(turn: Turn, talk: Talk, job: CodeJob): Request | undefined {
  const why = cannot(talk, job);
  if (why !== undefined) return ended(turn, talk, job, `cannot: ${why}`);
  if (turn.now >= job.actuation.expiresAt) {
    return ended(turn, talk, job, 'the lock was not reached in time');
  }
  return job.write ?? requestCodes(job.reading.length, PAGE);
}

export function hearOfCodes(turn: Turn, talk: Talk, job: CodeJob, message: Message): boolean {
  if (job.write !== undefined) {
    const isAnswer =
      job.write.command === COMMAND.addCode
        ? message.command === COMMAND.codeId
        : message.command === COMMAND.status && message.payload[0] === 0x00;
    if (isAnswer) replaceJob(talk, { ...job, write: undefined, reading: [], total: undefined });
    return isAnswer;
  }
  if (message.command === COMMAND.codeCount) {
    if (message.payload.length < 2) return false; // cut off: not a memory without codes
    const total = readU16(message.payload, 0);
    const counted = { ...job, total };
    if (total > HELD_MOST) {
      ended(turn, talk, job, `the lock says that its keypad holds ${total} codes`);
      return true;
    }
    replaceJob(talk, counted);
    if (job.reading.length < total) return false;
    decideNext(turn, talk, counted);
    return true;
  }
  const code =
    message.command === COMMAND.code ? parseCode(message.payload, talk.hashKey) : undefined;
  if (code === undefined) return false;
  waitLonger(turn, talk, REPLY_WITHIN);
  const read = { ...job, reading: [...job.reading.filter(({ id }) => id !== code.id), code] };
  replaceJob(talk, read);
  const { total } = job;
  if (total !== undefined && read.reading.length >= total) {
    decideNext(turn, talk, read);
    return true;
  }
  // A page is over, the memory is not: the same request goes on from where the reading stands.
  return read.reading.length % PAGE === 0;
}

/** Link lost: whatever was being written may be there, or not. It is read before anything else is done. */
export function codesLost(talk: Talk, job: CodeJob): void {
  replaceJob(talk, { ...job, write: undefined, reading: [], total: undefined });
}

export function codesFailed(turn: Turn, talk: Talk, job: CodeJob, code: number): void {
  ended(turn, talk, job, errorText(code));
}

/** The memory was read in full. Removes nothing that is not ours. */
function decideNext(turn: Turn, talk: Talk, job: CodeJob): void {
  talk.codes = job.reading;
  const tag = entryTag(job.actuation.entry);
  const ours = job.reading.filter((code) => code.tag === tag);
  const wish = wishOf(job);
  if (wish === undefined) {
    const [first] = ours;
    if (first === undefined) proven(turn, talk, job, 'absent');
    else write(turn, talk, job, removeCode(first.id));
    return;
  }
  const offset = offsetOf(talk);
  const right = ours.find((code) => holds(code, wish, talk.hashKey, offset));
  const stale = ours.find((code) => code !== right);
  if (right !== undefined && stale === undefined) proven(turn, talk, job, 'present');
  else if (right !== undefined && stale !== undefined) write(turn, talk, job, removeCode(stale.id));
  else putNew(turn, talk, job, wish, ours, offset);
}

function putNew(
  turn: Turn,
  talk: Talk,
  job: CodeJob,
  wish: CodeWish,
  ours: readonly HeldCode[],
  offset: number,
): void {
  const hash = codeHash(talk.hashKey, Number(wish.digits));
  const same = ours.find((code) => code.hash === hash);
  const fields = wishFields(wish, offset);
  if (same !== undefined) {
    // The same digits in another window: changed in place, since the lock takes no code twice.
    write(turn, talk, job, {
      command: COMMAND.updateCode,
      body: updateCode(same.id, ...fields),
      tail: 'pin',
    });
    return;
  }
  if (job.reading.some((code) => code.hash === hash)) {
    ended(turn, talk, job, `cannot: ${DIGITS_TAKEN}`);
    return;
  }
  const held = job.reading.filter((code) => code.tag !== undefined).length;
  if (held >= talk.options.codesMax) {
    ended(turn, talk, job, `cannot: all ${talk.options.codesMax} entries are taken`);
    return;
  }
  talk.codeWrites = talk.codeWrites.filter((at) => at > turn.now - DAY);
  if (talk.codeWrites.length >= talk.options.codeWritesPerDay) {
    ended(turn, talk, job, "cannot: the day's writes are used up");
    return;
  }
  write(turn, talk, job, { command: COMMAND.addCode, body: addCode(...fields), tail: 'pin' });
}

function write(turn: Turn, talk: Talk, job: CodeJob, request: Request): void {
  if (job.writes >= WRITES_MAX) {
    ended(turn, talk, job, 'the lock does not keep what is written to it');
    return;
  }
  if (request.command !== COMMAND.removeCode) {
    talk.codeWrites = [...talk.codeWrites, uptime(turn.now)];
  }
  replaceJob(talk, {
    ...job,
    write: request,
    writes: job.writes + 1,
    reading: [],
    total: undefined,
  });
}

function proven(turn: Turn, talk: Talk, job: CodeJob, state: 'present' | 'absent'): void {
  const { id, entry } = job.actuation;
  turn.events.push({ kind: 'code-memory', device: talk.id, actuation: id, entry, state });
  const sent = job.writes > 0;
  if (talk.refusal === 'code') accepted(turn, talk, 'the keypad holds what it should');
  tell(turn, talk, id, { result: 'done', sent, acknowledged: true, observed: true });
  dropJob(talk);
}

/** A revocation that failed is the loudest alarm there is: the code still opens. */
function ended(turn: Turn, talk: Talk, job: CodeJob, detail: string): undefined {
  const { id, kind } = job.actuation;
  if (job.writes === 0) refused(turn, talk, id, detail);
  else {
    tell(turn, talk, id, {
      result: 'failed',
      sent: true,
      acknowledged: false,
      observed: false,
      detail,
    });
  }
  if (kind === 'remove-code' && job.writes > 0) {
    refusing(turn, talk, 'code', `a revoked code may still be in the keypad: ${detail}`);
  }
  dropJob(talk);
  return undefined;
}

/** Minutes added to UTC in the windows of codes. */
function offsetOf(talk: Talk): number {
  return talk.options.clock === 'utc' ? 0 : (talk.states?.offsetMinutes ?? 0);
}
