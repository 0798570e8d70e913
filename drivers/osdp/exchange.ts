/** One command and what comes back: whether it is the reply, BUSY, a refusal, or nothing at all. */
import { type Uptime, uptime } from '../contract/time.ts';
import { sameBytes } from '../wire/hex.ts';
import { encode, type Frame, hasMac } from './frame.ts';
import { forgetKeys, lookAfter, observe } from './observations.ts';
import { contradict, fail, inquired, lose, notInquired, succeed } from './outcomes.ts';
import {
  clear,
  count,
  type Move,
  type Pd,
  type Pending,
  type Purpose,
  raise,
  type Turn,
} from './pd.ts';
import { decodeReply, NAK, REPLY, type Reply, type Unreadable } from './replies.ts';
import { unseal } from './secure-channel.ts';
import {
  afterCapabilities,
  fallSilent,
  identified,
  keyRefused,
  refused,
  restart,
  sessionLost,
  stageAnswered,
} from './session.ts';
import { AFTER_BUSY, doubled, OFFLINE_AFTER, RESENDS } from './timing.ts';

/** A frame came from the address just spoken to. `false`: it is not the answer, go on waiting for that. */
export function hear(turn: Turn, pd: Pd, frame: Frame): boolean {
  const { pending } = pd;
  if (pending === undefined) return false;
  if (isBusy(frame)) {
    busy(turn, pd, pending);
    return true;
  }
  const opened = open(pd, pending, frame);
  if (opened === undefined) return false;
  const reply = decodeReply({ code: frame.code, data: opened.data });
  const isTrusted = opened.mac !== undefined || pending.mac === undefined;
  if (frame.sequence !== pending.sequence || !isTrusted) {
    // A reply that comes twice is no fault: the first copy was late, so we had asked again.
    if (pd.lastReply !== undefined && sameBytes(encode(frame), pd.lastReply)) return false;
    if (reply.kind === 'ack' && pd.stage === 'install' && frame.sequence === pending.sequence) {
      accept(turn, pd, frame, undefined);
      stageAnswered(turn, pd, reply);
      return true;
    }
    heard(turn, pd);
    const why = reply.kind === 'nak' ? `the reader refused (NAK ${reply.nak})` : 'out of sequence';
    // In clear and never sent before, a NAK can only mean that this very command was not taken.
    sessionLost(turn, pd, why, reply.kind === 'nak' && pending.mac === undefined);
    return true;
  }
  if (reply.kind === 'nak' && reply.nak === NAK.check) {
    heard(turn, pd);
    missed(turn, pd, true);
    return true;
  }
  accept(turn, pd, frame, opened.mac);
  if (reply.kind === 'nak') naked(turn, pd, pending, reply.nak);
  else if (pd.stage === 'online') answered(turn, pd, pending, reply);
  else stageAnswered(turn, pd, reply);
  return true;
}

/** Time is up, or the reader says that our frame came garbled: the same bytes again, and at last give it up. */
export function missed(turn: Turn, pd: Pd, isAnswered = false): void {
  const { pending } = pd;
  if (pending === undefined) return;
  if (!isAnswered) {
    count(pd, 'timeouts');
    pd.pending = { ...pending, unanswered: pending.unanswered + 1 };
  }
  const isKnown = pd.heardAt !== undefined && turn.now - pd.heardAt < OFFLINE_AFTER;
  const most = pd.stage === 'identify' && !isKnown ? 1 : RESENDS + 1;
  if (pending.sends >= most) fallSilent(turn, pd);
  else pd.restAt = turn.now;
}

/** An opening whose time has passed while it waited for its reply is not sent once more. */
export function giveUpLate(turn: Turn, pd: Pd): void {
  const { pending } = pd;
  if (pending?.purpose.kind !== 'move' || turn.now < pending.purpose.move.expiresAt) return;
  // Its sequence number is used up: another command under it would get the reply of this one.
  const isBusy = pending.busyFor > 0;
  const why = isBusy ? 'busy until it was too late' : 'no answer in time';
  // BUSY comes in clear also under a session, where nothing in clear proves what the reader did.
  restart(turn, pd, 0, why, isBusy && pending.mac === undefined);
}

interface Opened {
  readonly data: Uint8Array;
  /** The whole R-MAC; `undefined` for what came in clear. */
  readonly mac: Uint8Array | undefined;
}

/** Under a session only its own messages count; in clear only a NAK is looked at, and the ACK of a KEYSET. */
function open(pd: Pd, pending: Pending, frame: Frame): Opened | undefined {
  if (pending.mac === undefined || pd.channel === undefined) {
    return hasMac(frame.security) ? undefined : { data: frame.data, mac: undefined };
  }
  if (hasMac(frame.security)) return unseal(pd.channel.keys, pending.mac, frame);
  const isNak = frame.code === REPLY.nak;
  const isKeysetAck = frame.code === REPLY.ack && pd.stage === 'install';
  return frame.security === undefined && (isNak || isKeysetAck)
    ? { data: frame.data, mac: undefined }
    : undefined;
}

/** Comes with sequence 0 and in clear even inside a session, and changes neither. */
function isBusy(frame: Frame): boolean {
  return frame.code === REPLY.busy && frame.data.length === 0 && !hasMac(frame.security);
}

function busy(turn: Turn, pd: Pd, pending: Pending): void {
  heard(turn, pd);
  const busyFor = doubled(AFTER_BUSY, pending.busyFor);
  pd.pending = { ...pending, busyFor: Math.min(busyFor, AFTER_BUSY[1]), sends: 0 };
  pd.restAt = uptime(turn.now + busyFor);
}

function heard(turn: Turn, pd: Pd): void {
  pd.heardAt = turn.now;
  pd.statistics = { ...pd.statistics, lastSeen: turn.now };
}

function accept(turn: Turn, pd: Pd, frame: Frame, mac: Uint8Array | undefined): void {
  heard(turn, pd);
  count(pd, 'replies');
  pd.lastReply = encode(frame);
  pd.sequence = frame.sequence === 3 ? 1 : frame.sequence + 1;
  if (pd.channel !== undefined && mac !== undefined) {
    pd.channel = { ...pd.channel, replyMac: mac };
  }
  pd.pending = undefined;
  pd.restAt = turn.now;
  pd.backOff = 0;
  if (pd.stage !== 'online') return;
  pd.reachableAt = turn.now;
  pd.aliveAt = turn.now;
}

/** The reader understood the frame and will not do what it says. */
function naked(turn: Turn, pd: Pd, pending: Pending, nak: number): void {
  if (nak === NAK.sequence) {
    settleRefused(turn, pd, pending, nak);
    sessionLost(turn, pd, 'the reader expects another sequence');
    return;
  }
  if (pd.stage === 'capabilities' && nak === NAK['unknown-command']) {
    afterCapabilities(turn, pd);
    return;
  }
  const isAboutSecurity =
    nak === NAK['secure-channel-failed'] || nak === NAK['secure-channel-required'];
  if (pd.stage === 'challenge' || pd.stage === 'prove') {
    keyRefused(turn, pd, `the reader refused the handshake (NAK ${nak})`);
  } else if (isAboutSecurity) {
    settleRefused(turn, pd, pending, nak);
    if (pd.key === undefined) refused(turn, pd, 'the reader demands secure channel');
    else sessionLost(turn, pd, `the reader has no session (NAK ${nak})`);
  } else if (pd.stage !== 'online') {
    refused(turn, pd, `the reader refused "${pd.stage}" (NAK ${nak})`);
  } else {
    settleRefused(turn, pd, pending, nak);
  }
}

const OF_SESSION: readonly number[] = [
  NAK.sequence,
  NAK['secure-channel-failed'],
  NAK['secure-channel-required'],
];

function settleRefused(turn: Turn, pd: Pd, { purpose, unanswered }: Pending, nak: number): void {
  switch (purpose.kind) {
    case 'move':
      // A refusal for the session says nothing about an earlier send of the same bytes.
      if (unanswered > 0 && OF_SESSION.includes(nak)) {
        lose(turn, pd, purpose.move.id, `no answer, then NAK ${nak}`);
      } else fail(turn, pd, purpose.move.id, `the reader refused (NAK ${nak})`);
      break;
    case 'confirm':
      confirmed(turn, pd, undefined);
      break;
    case 'show':
      if (nak === NAK['unknown-command'])
        pd.unknown = new Set([...pd.unknown, purpose.command.kind]);
      break;
    case 'read':
      if (nak === NAK['unknown-command'] && purpose.what !== 'id') {
        pd.unknown = new Set([...pd.unknown, purpose.what]);
      }
      notInquired(turn, pd, purpose.what, `the reader refused (NAK ${nak})`);
      break;
    case 'poll':
      pd.pollAt = uptime(turn.now + pd.options.pollMs);
      break;
    case 'stage':
      break;
    default:
      purpose satisfies never;
  }
}

function answered(turn: Turn, pd: Pd, pending: Pending, reply: Reply | Unreadable): void {
  const { purpose } = pending;
  if (isStale(turn, pd, purpose, reply)) forgetKeys(turn, pd, 'fault');
  else observe(turn, pd, reply);
  switch (purpose.kind) {
    case 'poll':
      // A reader hands over one event a poll: after one, there may be another.
      pd.pollAt = reply.kind === 'ack' ? uptime(turn.now + pd.options.pollMs) : turn.now;
      return;
    case 'move':
      moved(turn, pd, purpose.move, pending.firstAt, reply);
      return;
    case 'confirm':
      confirmed(turn, pd, reply.kind === 'output-status' ? reply.states : undefined);
      return;
    case 'read':
      if (reply.kind === 'id') identified(turn, pd, reply, 'asked');
      inquired(turn, pd, purpose.what);
      return;
    case 'show':
      if (pd.shows.length === 0) pd.wanted = undefined;
      return;
    case 'stage':
      return;
    default:
      purpose satisfies never;
  }
}

/**
 * Readers keep what was shown to them while nobody asked. Who showed it has left, and must not have a door opened for
 * whoever stands there now: cards and keys count again once the reader has nothing left to hand over.
 */
function isStale(turn: Turn, pd: Pd, { kind }: Purpose, reply: Reply | Unreadable): boolean {
  if (pd.staleUntil === undefined) return false;
  if (turn.now >= pd.staleUntil || (kind === 'poll' && reply.kind === 'ack')) {
    pd.staleUntil = undefined;
    return false;
  }
  return reply.kind === 'raw' || reply.kind === 'keypad';
}

function moved(turn: Turn, pd: Pd, move: Move, firstAt: Uptime, reply: Reply | Unreadable): void {
  lookAfter(turn, pd, move.lasts);
  if (reply.kind !== 'ack' && reply.kind !== 'output-status') {
    // It has heard the command, and this is no refusal.
    lose(turn, pd, move.id, `the reader answered "${reply.kind}" to it`);
    return;
  }
  const until = move.lasts === undefined ? undefined : uptime(firstAt + move.lasts - MARGIN);
  pd.confirming = { move, until };
  if (reply.kind === 'output-status') confirmed(turn, pd, reply.states);
  else if (pd.unknown.has('output-status')) confirmed(turn, pd, undefined);
}

/** The reader times its pulse by a clock of its own, in tenths of a second. */
const MARGIN = 100;

/** What the output looked like after the reader had acknowledged; `undefined` where it does not tell. */
function confirmed(turn: Turn, pd: Pd, states: readonly boolean[] | undefined): void {
  if (pd.confirming === undefined) return;
  const { move, until } = pd.confirming;
  pd.confirming = undefined;
  const state = states?.[move.control.output];
  if (state === move.isOn) succeed(turn, pd, move.id, true);
  else if (state === undefined) {
    if (states === undefined) pd.unknown = new Set([...pd.unknown, 'output-status']);
    succeed(turn, pd, move.id, false, 'acknowledged; the reader does not tell its output');
  } else if (until !== undefined && turn.now >= until) {
    succeed(turn, pd, move.id, false, 'acknowledged; it was over before the reader was asked');
  } else contradict(turn, pd, move);
}

/** One exchange is over: were there bytes that are no reply? Five of sixteen are told, one or none is well again. */
export function judgeLine(turn: Turn, pd: Pd, isGarbled: boolean, othersAreClean: boolean): void {
  pd.garbage = ((pd.garbage << 1) | Number(isGarbled)) & 0xffff;
  const bad = ones(pd.garbage);
  if (bad >= 5 && !pd.isGarbled) {
    pd.isGarbled = true;
    if (othersAreClean) {
      raise(
        turn,
        pd,
        'address-clash',
        'broken replies at this address alone: two readers with it?',
      );
    } else raise(turn, pd, 'garbage', 'broken replies: wiring, termination, speed or noise');
  } else if (bad <= 1 && pd.isGarbled) {
    pd.isGarbled = false;
    clear(turn, pd, 'address-clash', 'replies are whole again');
    clear(turn, pd, 'garbage', 'replies are whole again');
  }
}

function ones(bits: number): number {
  let left = bits;
  let found = 0;
  for (; left !== 0; left &= left - 1) found += 1;
  return found;
}
