/** What `decide` says: granted, or denied with one reason. Plain JSON, so that a replay can be compared. */
import type { DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Instant, Millis } from '../../drivers/contract/time.ts';
import type {
  AccessPointId,
  CredentialId,
  CredentialIndex,
  GrantId,
  HolderId,
  KeyId,
  Operation,
  Reason,
} from './model.ts';
import type { Method, Pending } from './presentation.ts';

/** What exactly is opened. */
export type Opens =
  | {
      readonly kind: 'slot';
      readonly device: DeviceId;
      readonly slot: SlotNumber;
      readonly hold: Millis;
    }
  | { readonly kind: 'lock'; readonly device: DeviceId; readonly hold: Millis };

/** Without `grant`: a return by the key's own fob. */
export interface Granted {
  readonly kind: 'granted';
  readonly operation: Operation;
  readonly method: Method;
  /** One slot, or every lock the grant names here. Empty only for attaching a fob with no slot free. */
  readonly opens: readonly Opens[];
  readonly grant?: GrantId;
  readonly rev?: number;
  readonly holder?: HolderId;
  readonly credential?: CredentialId;
  /** The key that is expected to leave, or to come. */
  readonly key?: KeyId;
  /** A return, judged only by what a return is judged by. */
  readonly isReturn: boolean;
  /** One use of the grant is spent by this. */
  readonly counted: boolean;
  /** When the key must be back. */
  readonly due?: Instant;
  /** Several holders share the credential: nobody is named. */
  readonly unattributed?: true;
  /** Anti-passback was violated but is only reported. */
  readonly passback?: { readonly area: string };
  /** The fob to be attached to `key`. */
  readonly attaches?: CredentialIndex;
  readonly pending?: Pending;
}

export interface Denied {
  readonly kind: 'denied';
  readonly reason: Reason;
  readonly method?: Method;
  readonly grant?: GrantId;
  readonly rev?: number;
  readonly holder?: HolderId;
  readonly credential?: CredentialId;
  readonly key?: KeyId;
  readonly operation?: Operation;
  /** Where the key must go instead; for the holder's and manager's channels only. */
  readonly home?: AccessPointId;
  /** What the next presentation may complete. */
  readonly pending?: Pending;
  /** Numbers to choose from. */
  readonly choices?: readonly string[];
  /** Cards to which this was a wrong PIN: it counts against the keypad and them. */
  readonly wrongSecond?: readonly CredentialId[];
}

export type Decision = Granted | Denied;

export function denied(reason: Reason, more: Omit<Denied, 'kind' | 'reason'> = {}): Denied {
  return { kind: 'denied', reason, ...more };
}
