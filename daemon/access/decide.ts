/** May what was shown open what it asks for, now? Pure: the same knowledge and clock give the same answer. */
import type { DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Instant, Millis, Uptime } from '../../drivers/contract/time.ts';
import type { Knowledge } from './knowledge.ts';
import type {
  AccessPointId,
  ClockInterval,
  CredentialId,
  GrantId,
  HolderId,
  KeyId,
  Operation,
  Reason,
} from './model.ts';
import type { Method, Pending, Presentation } from './presentation.ts';

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
  /** A wrong PIN to a card: counts against keypad and credential. */
  readonly wrongSecond?: CredentialId;
}

export type Decision = Granted | Denied;

export function denied(reason: Reason, more: Omit<Denied, 'kind' | 'reason'> = {}): Denied {
  return { kind: 'denied', reason, ...more };
}

/** The order of the checks is the order in which an operator would want to hear the reason. */
export function decide(
  known: Knowledge,
  presentation: Presentation,
  _clock: ClockInterval,
): Decision {
  if (known.point === undefined) return denied('device-unknown');
  if (presentation.kind === 'malformed') return denied('malformed');
  return denied('unknown-credential');
}

/** A second factor must follow within this time. */
export const SECOND_FACTOR_WAIT: Millis = 10_000;
/** A fob must be shown within this time after the presentation that allows attaching it. */
export const ATTACH_WAIT: Millis = 30_000;
/** A slot or key must be chosen within this time. */
export const CHOICE_WAIT: Millis = 20_000;

export function isOver(pending: Pending, now: Uptime): boolean {
  return pending.until <= now;
}
