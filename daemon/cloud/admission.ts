/**
 * Whether a message from the broker is a command at all: size, signature, audience, once-only, times, nonce, counter,
 * power, body, in this order (conventions 1.7). Everything is looked at first and recorded last; nothing here writes.
 * Whoever cannot sign learns nothing: those refusals have no reply.
 */

import { type Instant, instant } from '../../drivers/contract/time.ts';
import type { Stamp } from '../access/entry.ts';
import type { ClockInterval } from '../access/model.ts';
import type { EvidenceRow, Journal } from '../store/ports.ts';
import type { ReceivedMessage } from './broker.ts';
import { type CommandRule, isCommandType, RULES } from './commands.ts';
import { CounterWindow, judgeTimes, type SessionNonces } from './freshness.ts';
import { type Checked, type Compact, parseJson, verified } from './jws.ts';
import {
  addressSchema,
  type Envelope,
  envelopeSchema,
  type ReplyCode,
  readCommand,
  type WireCommand,
} from './messages.ts';
import type { RefusalType } from './refusals.ts';
import { LARGEST, type Topics } from './topics.ts';
import { powerOf, type TrustStore } from './trust-store.ts';

/** How long a command's row outlives the command, so that a late copy finds its reply. */
const KEPT_AFTER_EXPIRY = 24 * 3_600_000;

export interface Refused {
  readonly code: ReplyCode;
  readonly msg: string;
  readonly reason?: string;
}

/** Enough of an envelope to answer it. */
export type Addressed = Pick<Envelope, 'id' | 'type' | 'requester'>;

export type Admission =
  /** Not for us, not signed, or not readable: acknowledged, counted, never answered. */
  | {
      readonly kind: 'silent';
      readonly type: RefusalType;
      readonly kid?: string;
      readonly id?: string;
    }
  | { readonly kind: 'duplicate'; readonly envelope: Envelope }
  /** Over, or not readable, and so for ever: no row is needed to refuse it again in the same words. */
  | {
      readonly kind: 'stale';
      readonly envelope: Addressed;
      readonly refused: Refused;
      readonly type: RefusalType;
      readonly kid: string;
    }
  /** Not to be done; its row is written, so that it stays refused and has one answer whenever it comes again. */
  | {
      readonly kind: 'refused';
      readonly envelope: Envelope;
      readonly refused: Refused;
      /** What the journal says of it beside its row. */
      readonly type?: RefusalType;
      readonly kid: string;
    }
  | { readonly kind: 'command'; readonly command: WireCommand; readonly kid: string };

export interface AdmissionParts {
  readonly topics: Topics;
  readonly trust: Pick<TrustStore, 'key'>;
  readonly journal: Pick<Journal, 'command' | 'counter'>;
  readonly nonces: Pick<SessionNonces, 'isCurrent'>;
  readonly stamp: () => Stamp;
  /** Ids that are being worked on right now. */
  readonly underWay: { has(id: string): boolean };
}

/** Why nothing in the message is worth a look, whatever it says; `undefined` where it may be one of ours. */
export function refusedUnread(message: ReceivedMessage, largest: number): RefusalType | undefined {
  if (message.retain) return 'security.retained_command';
  return message.payload.length > largest ? 'security.malformed_command' : undefined;
}

/** `compact` is the message taken apart; `ahead` says what a check of its signature gave, where one was made. */
export function admit(
  message: ReceivedMessage,
  compact: Compact | undefined,
  parts: AdmissionParts,
  ahead?: Checked,
): Admission {
  const unread = refusedUnread(message, LARGEST.command);
  if (unread !== undefined) return { kind: 'silent', type: unread };
  const { clock } = parts.stamp();
  const found = verified(compact, (kid) => parts.trust.key(kid, clock), ahead);
  switch (found.kind) {
    case 'malformed':
    case 'bad-signature':
      return { kind: 'silent', type: 'security.bad_signature' };
    case 'unknown-key':
      return { kind: 'silent', type: 'security.unknown_key' };
    case 'verified':
      return admitSigned(found.payload, found.kid, message.topic, clock, parts);
    default:
      return found satisfies never;
  }
}

function admitSigned(
  payload: Uint8Array,
  kid: string,
  topic: string,
  clock: ClockInterval,
  parts: AdmissionParts,
): Admission {
  const read = envelopeSchema.safeParse(parseJson(payload));
  if (!read.success) return unreadable(payload, kid, parts.topics);
  const envelope = read.data;
  const { id, type } = envelope;
  if (envelope.aud !== parts.topics.bridge) {
    return { kind: 'silent', type: 'security.wrong_audience', kid, id };
  }
  // An id that was taken on is answered from the store, however old its copy is.
  if (parts.underWay.has(id) || parts.journal.command(id) !== undefined) {
    return { kind: 'duplicate', envelope };
  }
  const rule = isCommandType(type) ? RULES[type] : undefined;
  if (judgeTimes(envelope, clock) === 'expired') {
    const refused: Refused = { code: 'expired', msg: 'exp is past' };
    return { kind: 'stale', envelope, refused, type: 'security.expired_command', kid };
  }
  const stale = staleness(envelope, kid, rule, parts);
  if (stale !== undefined) {
    return { kind: 'refused', envelope, refused: stale, type: 'security.replayed_command', kid };
  }
  const refused = refusalOf(envelope, kid, rule, topic, clock, parts.topics);
  if (refused !== undefined) {
    // A key that reaches beyond its power has leaked, or its owner has lost the overview.
    const leaked = refused.reason === undefined ? {} : { type: 'security.unknown_key' as const };
    return { kind: 'refused', envelope, kid, refused, ...leaked };
  }
  const command = readCommand(envelope);
  if (command.kind === 'bad') {
    return { kind: 'refused', envelope, kid, refused: { code: command.code, msg: command.why } };
  }
  return { kind: 'command', command: command.command, kid };
}

/** Signed by a key we trust, but not understood: answered where it says clearly enough whom to answer. */
function unreadable(payload: Uint8Array, kid: string, topics: Topics): Admission {
  const type = 'security.malformed_command';
  const read = addressSchema.safeParse(parseJson(payload));
  if (!read.success || read.data.aud !== topics.bridge) return { kind: 'silent', type, kid };
  const refused: Refused = { code: 'bad_request', msg: 'the envelope is not understood' };
  return { kind: 'stale', envelope: read.data, refused, type, kid };
}

function staleness(
  envelope: Envelope,
  kid: string,
  rule: CommandRule | undefined,
  parts: AdmissionParts,
): Refused | undefined {
  const nonce = nonceOf(envelope);
  if (rule?.nonce === true && (nonce === undefined || !parts.nonces.isCurrent(nonce))) {
    const msg = 'the nonce is not one of the two newest in state';
    return { code: 'nonce_stale', msg };
  }
  if (rule?.counter !== false) {
    const window = new CounterWindow(parts.journal.counter(kid));
    if (envelope.ctr === undefined || !window.isFresh(envelope.ctr)) {
      const msg =
        envelope.ctr === undefined ? 'ctr is missing' : 'ctr was used before, or is too old';
      return { code: 'replay', msg };
    }
  }
  return undefined;
}

/** `time` may carry its nonce in the body; both places at once must agree. */
function nonceOf({ nonce, body }: Envelope): string | undefined {
  const inner = typeof body['nonce'] === 'string' ? body['nonce'] : undefined;
  if (nonce !== undefined && inner !== undefined && inner !== nonce) return undefined;
  return nonce ?? inner;
}

function refusalOf(
  envelope: Envelope,
  kid: string,
  rule: CommandRule | undefined,
  topic: string,
  clock: ClockInterval,
  topics: Topics,
): Refused | undefined {
  const { type, iat, exp } = envelope;
  if (rule === undefined) return { code: 'unsupported', msg: `no command "${type}"` };
  if (topic !== topics.command(type)) {
    return { code: 'bad_request', msg: 'type and topic differ' };
  }
  const power = powerOf(kid);
  if (power === undefined || !rule.powers.includes(power)) {
    return {
      code: 'denied',
      msg: `a key ${power ?? 'without power'} may not send this`,
      reason: 'operation-not-allowed',
    };
  }
  if (exp <= iat || exp - iat > rule.life) {
    return { code: 'bad_request', msg: `exp must lie within ${rule.life} s after iat` };
  }
  if (judgeTimes(envelope, clock) === 'clock-untrusted') {
    return { code: 'clock_untrusted', msg: 'iat lies in the future of this bridge' };
  }
  const dark = clock.state === 'floor' || clock.state === 'broken';
  if (dark && rule.momentary && !rule.nonce) {
    return { code: 'clock_untrusted', msg: 'without a trusted clock this cannot be shown fresh' };
  }
  return undefined;
}

/** Rows that make an id and its counter used; to be committed with the effect (P3). */
export function evidenceOf(
  { id, ctr, exp }: Pick<Envelope, 'id' | 'ctr' | 'exp'>,
  kid: string,
  journal: Pick<Journal, 'counter'>,
): readonly EvidenceRow[] {
  const command: EvidenceRow = { table: 'command', id, reply: undefined, expires: rowExpiry(exp) };
  if (ctr === undefined) return [command];
  const window = new CounterWindow(journal.counter(kid));
  if (!window.isFresh(ctr)) return [command];
  window.use(ctr);
  return [command, { table: 'counter', kid, ...window.text }];
}

export function rowExpiry(exp: number): Instant {
  return instant(exp * 1000 + KEPT_AFTER_EXPIRY);
}
