/** One showing of a credential, and what may wait at an access point for the next one. Plain JSON. */
import type { Uptime } from '../../drivers/contract/time.ts';
import type { AccessPointId, CredentialId, CredentialIndex, GrantId, KeyId } from './model.ts';

/** What was shown; never the digits or the card number, only the keyed hash. */
export type Presentation =
  | { readonly kind: 'card'; readonly index: CredentialIndex }
  /** `index` is missing while the keypad is locked: the code is then not looked up. */
  | { readonly kind: 'code'; readonly index?: CredentialIndex; readonly digits: number }
  /** The number of a slot or key, after `choice-required`. */
  | { readonly kind: 'choice'; readonly number: string }
  | { readonly kind: 'malformed'; readonly what: 'card' | 'code'; readonly fault: string };

/** How an access was asked for, as entries name it. */
export type Method =
  | 'pin'
  | 'card'
  | 'fob'
  | 'mobile_key'
  | 'cloud_key'
  | 'card+pin'
  | 'key-fob'
  | 'command';

/** Waits in memory only, for seconds; gone after a restart, which is always the narrower side. */
export type Pending =
  /** A card of these grants was shown; their PIN must follow. */
  | {
      readonly kind: 'second-factor';
      readonly until: Uptime;
      readonly index: CredentialIndex;
      readonly grants: readonly GrantId[];
      /** The card as each of these grants, in their order, names it. */
      readonly credentials: readonly CredentialId[];
    }
  /** Several things may be opened; one must be named. */
  | {
      readonly kind: 'choice';
      readonly until: Uptime;
      readonly index: CredentialIndex;
      readonly grants: readonly GrantId[];
      /** `index` is the PIN that completed a card. */
      readonly isCompleted: boolean;
    }
  /** The next unknown fob is this key's. */
  | {
      readonly kind: 'attach-fob';
      readonly until: Uptime;
      readonly key: KeyId;
      readonly grant: GrantId;
    };

/** `value` undefined: nothing waits there any more. */
export interface PendingChange {
  readonly accessPoint: AccessPointId;
  readonly value: Pending | undefined;
}
