/** Question and answer over the encrypted characteristic: challenge, command, replies, each with its deadline. */
import { type Millis, uptime } from '../contract/time.ts';
import { joinBytes, toHex } from '../wire/hex.ts';
import { NOTHING_HELD } from '../wire/receive-buffer.ts';
import { BOX_NONCE_BYTES } from './crypto.ts';
import {
  assembleSealed,
  COMMAND,
  decodePlain,
  decodeSealed,
  encodeSealed,
  type Message,
} from './frame.ts';
import { complete, type Request, requestData } from './requests.ts';
import { count, type Talk, type Turn } from './talk.ts';
import { USER } from './uuids.ts';

export const REPLY_WITHIN: Millis = 5000;
/** A lock that always has one thing more to say keeps nobody at its door waiting for longer. */
const EXCHANGE_WITHIN: Millis = 60_000;
/** Frames of the last connections that are known again: each has a nonce of its own. */
const NONCES_KEPT = 64;
const NO_CHALLENGE = new Uint8Array(32);

/** Asks; where the command needs a challenge, asks for that first. One at a time. */
export function ask(turn: Turn, talk: Talk, request: Request): void {
  if (request.tail === 'plain') say(turn, talk, request, 'command', NO_CHALLENGE);
  else say(turn, talk, requestData(COMMAND.challenge), 'challenge', NO_CHALLENGE, request);
}

/** The challenge has come: the command itself goes out with it. */
export function answerChallenge(turn: Turn, talk: Talk, challenge: Uint8Array): void {
  const { exchange } = talk;
  if (exchange !== undefined) say(turn, talk, exchange.request, 'command', challenge);
}

function say(
  turn: Turn,
  talk: Talk,
  request: Request,
  stage: 'challenge' | 'command',
  challenge: Uint8Array,
  about: Request = request,
): void {
  const { authorization, key, pin } = talk.credentials;
  const nonce = turn.bus.random.bytes(BOX_NONCE_BYTES);
  const value = encodeSealed(key, authorization, nonce, complete(request, challenge, pin));
  turn.send.push({ kind: 'gatt-write', to: USER, value, withResponse: true });
  count(talk, 'polls');
  talk.exchange = {
    request: about,
    stage,
    isLeaving: true,
    answerBy: uptime(turn.now + REPLY_WITHIN),
    overBy: uptime(turn.now + EXCHANGE_WITHIN),
  };
}

/** The write has left: from now on a reply is due. */
export function left(turn: Turn, talk: Talk): void {
  if (talk.exchange?.isLeaving !== true) return;
  talk.exchange = {
    ...talk.exchange,
    isLeaving: false,
    answerBy: uptime(turn.now + REPLY_WITHIN),
  };
}

export function waitLonger(turn: Turn, talk: Talk, by: Millis): void {
  if (talk.exchange !== undefined) {
    const answerBy = uptime(Math.min(turn.now + by, talk.exchange.overBy));
    talk.exchange = { ...talk.exchange, answerBy };
  }
}

/** Pieces of frames to messages. What does not open is counted and dropped: nothing is believed that is not sealed. */
export function* messages(
  talk: Talk,
  piece: Uint8Array,
): Generator<Message & { readonly isSealed: boolean }> {
  talk.held = joinBytes(talk.held, piece);
  for (;;) {
    const found = assembleSealed(talk.held);
    if (found.kind === 'need-more') return;
    if (found.kind === 'invalid') {
      talk.held = NOTHING_HELD;
      count(talk, 'checksumErrors');
      return;
    }
    const frame = talk.held.subarray(0, found.length);
    talk.held = talk.held.slice(found.length);
    const { key, authorization } = talk.credentials;
    const sealed = decodeSealed(key, authorization, frame);
    if (sealed !== undefined) {
      // What was heard before is an echo, or somebody's recording: it says nothing of now.
      if (isHeardAgain(talk, frame)) count(talk, 'checksumErrors');
      else yield { ...sealed, isSealed: true };
    } else {
      // A lock that does not know our key can say so in clear only.
      const plain = decodePlain(frame);
      if (plain?.command === COMMAND.errorReport) yield { ...plain, isSealed: false };
      else count(talk, 'checksumErrors');
    }
  }
}

function isHeardAgain(talk: Talk, frame: Uint8Array): boolean {
  const nonce = toHex(frame.subarray(0, BOX_NONCE_BYTES));
  if (talk.nonces.includes(nonce)) return true;
  talk.nonces = [...talk.nonces, nonce].slice(-NONCES_KEPT);
  return false;
}
