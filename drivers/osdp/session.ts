/**
 * How the talk with one reader begins, is lost and begins again:
 * identify, capabilities, challenge, prove, online (and inside an install window: relocate, install).
 */
import { type Millis, uptime } from '../contract/time.ts';
import { toHex } from '../wire/hex.ts';
import { feedbackCommands, wantedCommands } from './feedback.ts';
import { forgetKeys } from './observations.ts';
import { dropInquiries, fail, lose, refuse, succeed } from './outcomes.ts';
import { clear, isInstalling, nextBackOff, type Pd, raise, type Turn } from './pd.ts';
import type { Capability, Identity, Reply, Unreadable } from './replies.ts';
import { snapshotReads } from './requests.ts';
import {
  clientCryptogram,
  initialMac,
  isSame,
  SCBK_DEFAULT,
  serverCryptogram,
  sessionKeys,
} from './secure-channel.ts';
import {
  AFTER_COMSET,
  AFTER_REFUSAL,
  BACK_OFF,
  HOLDS_AFTER,
  LOSSES_TOLD,
  LOSSES_WITHIN,
  nth,
  OFFLINE_AFTER,
  REHANDSHAKE,
  STALE_AFTER,
  STALE_FOR,
} from './timing.ts';

/**
 * Everything of the session is dropped; the next thing said is ID with sequence 0. What had been sent and not been
 * answered is never sent again; openings that had not been sent wait for the new session until they expire.
 */
export function restart(turn: Turn, pd: Pd, after: Millis, why: string, isCertain = false): void {
  const { pending, confirming } = pd;
  if (pending?.purpose.kind === 'move') {
    const { id } = pending.purpose.move;
    if (isCertain && pending.unanswered === 0) fail(turn, pd, id, why);
    else lose(turn, pd, id, why);
  }
  if (confirming !== undefined) {
    succeed(turn, pd, confirming.move.id, false, `acknowledged, then not seen: ${why}`);
  }
  dropInquiries(turn, pd, why);
  forgetKeys(turn, pd, 'fault');
  pd.stage = 'identify';
  pd.sequence = 0;
  pd.channel = undefined;
  pd.handshake = undefined;
  pd.pending = undefined;
  pd.confirming = undefined;
  pd.shows = [];
  pd.reads = [];
  pd.lookAt = undefined;
  pd.power = 'untold';
  pd.isOnline = false;
  pd.restAt = uptime(turn.now + after);
}

/** Nothing comes back any more. Inside an install window a new reader is looked for where it was delivered. */
export function fallSilent(turn: Turn, pd: Pd): void {
  restart(turn, pd, nextBackOff(turn, pd, BACK_OFF), 'the reader does not answer');
  const from = isInstalling(turn, pd) ? pd.options.install?.from : undefined;
  const isHome = pd.address === pd.options.address && pd.baudRate === turn.bus.baudRate;
  pd.address = from && isHome ? from.address : pd.options.address;
  pd.baudRate = from && isHome ? from.baudRate : turn.bus.baudRate;
}

/** The reader has forgotten us (started again, other sequence): begin anew, ever less eagerly if it goes on. */
export function sessionLost(turn: Turn, pd: Pd, why: string, isCertain = false): void {
  const recent = pd.losses.filter((at) => turn.now - at < LOSSES_WITHIN);
  pd.losses = [...recent, turn.now].slice(-LOSSES_TOLD * 2);
  if (pd.losses.length >= LOSSES_TOLD) {
    const detail = `the session was lost ${pd.losses.length} times in ${LOSSES_WITHIN / 1000} s: ${why}`;
    raise(turn, pd, pd.key === undefined ? 'refusing' : 'secure-channel', detail);
  }
  const hasHeld = pd.isOnline && turn.now - pd.onlineSince >= HOLDS_AFTER;
  pd.shortSessions = hasHeld ? 0 : pd.shortSessions + 1;
  restart(turn, pd, nth(REHANDSHAKE, pd.shortSessions), why, isCertain);
}

/** It answers, and will not have us. There is no lesser security to fall back to. */
export function refused(turn: Turn, pd: Pd, why: string): void {
  const after = isInstalling(turn, pd) ? nth(AFTER_REFUSAL, 0) : nth(AFTER_REFUSAL, pd.refusals);
  pd.refusals += 1;
  raise(turn, pd, pd.key === undefined ? 'refusing' : 'secure-channel', why);
  restart(turn, pd, after, why);
}

/** A reply to what the present stage asked. `nak` is handled before. */
export function stageAnswered(turn: Turn, pd: Pd, reply: Reply | Unreadable): void {
  const { stage } = pd;
  if (stage === 'identify' && reply.kind === 'id') identified(turn, pd, reply);
  else if (stage === 'relocate' && reply.kind === 'com') relocated(turn, pd, reply);
  else if (stage === 'capabilities' && reply.kind === 'capabilities') advertised(turn, pd, reply);
  else if (stage === 'challenge' && reply.kind === 'client-cryptogram') challenged(turn, pd, reply);
  else if (stage === 'prove' && reply.kind === 'initial-mac') proved(turn, pd, reply.mac);
  else if (stage === 'install' && reply.kind === 'ack') installed(turn, pd);
  else refused(turn, pd, `an answer that does not belong to "${stage}"`);
}

/** PDID: in its stage the talk goes on from it; `asked` in the midst of a session it is only told. */
export function identified(turn: Turn, pd: Pd, found: Identity, when?: 'asked'): void {
  const { oui, model, version, serial, firmware } = found;
  const identity: Identity = { oui, model, version, serial, firmware };
  const before = pd.identity;
  const isSameReader = before !== undefined && describe(before) === describe(identity);
  const number = serialText(identity);
  const expected = pd.options.serial?.toUpperCase();
  if (expected !== undefined && expected !== number) {
    raise(turn, pd, 'identity-changed', `reader ${number} answers, ${expected} is expected`);
    restart(turn, pd, BACK_OFF[1], `another reader answers (${number})`);
    return;
  }
  if (expected !== undefined) clear(turn, pd, 'identity-changed', `reader ${number} answers`);
  else if (before !== undefined && !isSameReader) {
    const detail = `${describe(identity)} answers in place of ${describe(before)}`;
    raise(turn, pd, 'identity-changed', detail);
    pd.capabilities = undefined;
  }
  pd.identity = identity;
  if (!isSameReader || when === 'asked') tellIdentity(turn, pd, identity);
  if (when === 'asked') return;
  const isHome = pd.address === pd.options.address && pd.baudRate === turn.bus.baudRate;
  if (!isHome) pd.stage = 'relocate';
  else if (pd.capabilities === undefined) pd.stage = 'capabilities';
  else afterCapabilities(turn, pd);
}

function tellIdentity(turn: Turn, pd: Pd, identity: Identity): void {
  turn.events.push({
    device: pd.id,
    kind: 'identity',
    model: `${ouiText(identity)}-${identity.model}.${identity.version}`,
    serial: serialText(identity),
    firmware: identity.firmware.join('.'),
  });
}

/** The reply came from the old address and speed; from here on the reader is at those it names. */
function relocated(
  turn: Turn,
  pd: Pd,
  { address, baudRate }: Extract<Reply, { kind: 'com' }>,
): void {
  const { options } = pd;
  if (address !== options.address || baudRate !== turn.bus.baudRate) {
    refused(turn, pd, `the reader moved itself to address ${address} at ${baudRate} baud`);
    return;
  }
  pd.address = options.address;
  pd.baudRate = turn.bus.baudRate;
  restart(turn, pd, AFTER_COMSET, 'the reader takes up its new address');
}

function advertised(
  turn: Turn,
  pd: Pd,
  { capabilities }: { readonly capabilities: readonly Capability[] },
): void {
  // A list without entries says nothing, so nothing is concluded from it.
  pd.capabilities =
    capabilities.length === 0
      ? undefined
      : new Map(capabilities.map((each) => [each.function, each]));
  afterCapabilities(turn, pd);
}

export function afterCapabilities(turn: Turn, pd: Pd): void {
  if (pd.key === undefined) cameOnline(turn, pd);
  else pd.stage = 'challenge';
}

function challenged(
  turn: Turn,
  pd: Pd,
  { rndB, cryptogram }: Extract<Reply, { kind: 'client-cryptogram' }>,
): void {
  const { handshake, key } = pd;
  if (handshake === undefined || key === undefined) return;
  const { rndA, selector } = handshake;
  const keys = sessionKeys(selector === 'site' ? key : SCBK_DEFAULT, rndA);
  if (!isSame(clientCryptogram(keys, rndA, rndB), cryptogram)) {
    keyRefused(turn, pd, 'the reader does not hold our key');
    return;
  }
  pd.handshake = {
    ...handshake,
    proof: { keys, cryptogram: serverCryptogram(keys, rndA, rndB) },
  };
  pd.stage = 'prove';
}

/** Only inside an install window, and only once our own key has failed, the default key is tried: to replace it. */
export function keyRefused(turn: Turn, pd: Pd, why: string): void {
  const mayTryDefault = pd.handshake?.selector === 'site' && isInstalling(turn, pd);
  if (!mayTryDefault) {
    refused(turn, pd, why);
    return;
  }
  restart(turn, pd, 0, why);
  pd.handshake = { selector: 'default', rndA: turn.bus.random.bytes(8) };
}

function proved(turn: Turn, pd: Pd, mac: Uint8Array): void {
  const { proof, selector } = pd.handshake ?? {};
  if (proof === undefined) return;
  const expected = initialMac(proof.keys, proof.cryptogram);
  if (!isSame(expected, mac)) {
    refused(turn, pd, 'the reader did not accept our proof');
    return;
  }
  pd.channel = { keys: proof.keys, replyMac: expected };
  pd.handshake = undefined;
  if (selector === 'site') cameOnline(turn, pd);
  else pd.stage = 'install';
}

/** The new key counts from now on, and is proved by a handshake with it before anything else is said. */
function installed(turn: Turn, pd: Pd): void {
  pd.channel = undefined;
  pd.handshake = undefined;
  pd.sequence = 0;
  pd.stage = 'challenge';
  raise(turn, pd, 'secure-channel', 'a new key was written; it is being proved');
}

function cameOnline(turn: Turn, pd: Pd): void {
  pd.stage = 'online';
  pd.refusals = 0;
  pd.pollAt = turn.now;
  pd.reachableAt = turn.now;
  pd.onlineSince = turn.now;
  pd.isOnline = true;
  const isAsItWas = pd.aliveAt !== undefined && turn.now - pd.aliveAt < STALE_AFTER;
  pd.staleUntil = isAsItWas ? undefined : uptime(turn.now + STALE_FOR);
  pd.unknown = new Set();
  if (!pd.isReported) {
    turn.events.push({ device: pd.id, kind: 'online' });
    pd.isReported = true;
  }
  pd.isOffline = false;
  // Readers forget their LEDs when they start.
  pd.shows = [...feedbackCommands(pd, 'idle', undefined), ...wantedCommands(turn, pd)];
  pd.reads = snapshotReads(pd);
}

/** Faults of the session end when it has held for a while. */
export function settle(turn: Turn, pd: Pd): void {
  if (!pd.isOnline || pd.faults.size === 0) return;
  if (pd.losses.some((at) => turn.now - at < LOSSES_WITHIN)) return;
  clear(turn, pd, 'secure-channel', 'the session holds');
  clear(turn, pd, 'refusing', 'the reader answers again');
}

/** Too long without a valid exchange: the operator is told, and nothing waits for it any longer. */
export function goOffline(turn: Turn, pd: Pd, why: string): void {
  pd.isOffline = true;
  pd.isReported = false;
  pd.inputs = undefined;
  pd.outputs = undefined;
  refuseMoves(turn, pd, 'the reader is offline');
  turn.events.push({ device: pd.id, kind: 'offline', why });
}

export function refuseMoves(turn: Turn, pd: Pd, why: string): void {
  for (const { id } of pd.moves) refuse(turn, pd, id, why);
  pd.moves = [];
}

/** Why a reader is offline, from what was heard of it. */
export function whyOffline(turn: Turn, pd: Pd): string {
  const isHeard = pd.heardAt !== undefined && turn.now - pd.heardAt < OFFLINE_AFTER;
  if (pd.isGarbled) return 'answers garbage';
  if (!isHeard) return 'silent';
  return pd.key === undefined ? 'answers, but refuses' : 'answers, but gives no secure session';
}

function serialText({ serial }: Identity): string {
  return serial.toString(16).padStart(8, '0').toUpperCase();
}

function ouiText({ oui }: Identity): string {
  return toHex(oui).toUpperCase();
}

function describe(identity: Identity): string {
  const { model, version } = identity;
  return `${ouiText(identity)}-${model}.${version} ${serialText(identity)}`;
}
