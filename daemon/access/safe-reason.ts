/** What the keypad and the guest's app may learn of a refusal: less than the operator does (issue 3, item 6). */
import type { FeedbackSignal } from '../../drivers/contract/device.ts';
import type { Decision } from './decision.ts';
import type { Reason } from './model.ts';

/** What stands at the box or comes out of a keypad: the same for every kind of refusal. */
export function signalFor(decision: Decision): FeedbackSignal {
  if (decision.kind === 'granted') return 'granted';
  return decision.pending === undefined ? 'denied' : 'wait';
}

/**
 * What a guest's app may be told, once the guest is known by it. Nothing tells whether a code exists, is somebody
 * else's, how often it may still be tried, who has a key, or what the store of the box is like.
 */
export type SafeReason = 'not-now' | 'not-here' | 'ask-the-host' | 'try-again-later' | 'box-full';

export function safeReason(reason: Reason): SafeReason {
  switch (reason) {
    case 'not-yet-valid':
    case 'expired':
    case 'outside-schedule':
    case 'holiday':
      return 'not-now';
    case 'wrong-access-point':
      return 'not-here';
    case 'box-full':
      return 'box-full';
    case 'locked-out':
    case 'device-offline':
    case 'lockdown':
    case 'storage-unsafe':
    case 'clock-untrusted':
      return 'try-again-later';
    case 'device-unknown':
    case 'malformed':
    case 'unknown-credential':
    case 'ambiguous-credential':
    case 'choice-required':
    case 'second-factor-required':
    case 'credential-disabled':
    case 'revoked':
    case 'superseded':
    case 'operation-not-allowed':
    case 'unsupported-limit':
    case 'uses-exhausted':
    case 'anti-passback':
    case 'key-not-here':
    case 'key-held-by-another':
    case 'slot-disabled':
      return 'ask-the-host';
    default:
      return reason satisfies never;
  }
}
