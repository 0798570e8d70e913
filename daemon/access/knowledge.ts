/**
 * What one decision needs to know, as plain JSON: small enough to be stored with the decision, so that `why`
 * replays it bit for bit. `gather.ts` fills it from the store and the site.
 */
import type { DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Instant, Millis, Uptime } from '../../drivers/contract/time.ts';
import type {
  AreaPresence,
  CredentialRecord,
  KeyCustody,
  KeypadLockout,
  Lockdown,
  Opening,
  SlotCustody,
  UseCount,
} from './ledger.ts';
import type { GrantMatch } from './lookup.ts';
import type {
  AccessPointId,
  CredentialId,
  CredentialIndex,
  GrantId,
  KeyId,
  LockoutPolicy,
  Policies,
  Target,
} from './model.ts';
import type { Pending, Presentation } from './presentation.ts';
import type { InputRole } from './site-facts.ts';

/** What the device of the event is at its access point. */
export type DeviceRole =
  | { readonly kind: 'reader' }
  | { readonly kind: 'slot-reader'; readonly slot: SlotNumber }
  | { readonly kind: 'box' }
  | { readonly kind: 'lock' }
  | { readonly kind: 'input'; readonly inputs: readonly InputRole[] };

/** An access point without its maps. */
export interface KnownPoint {
  readonly id: AccessPointId;
  readonly box?: {
    readonly device: DeviceId;
    readonly slots: readonly SlotNumber[];
    readonly disabledSlots: readonly SlotNumber[];
  };
  readonly locks: readonly DeviceId[];
  readonly readers: readonly DeviceId[];
  readonly slotReaders: readonly (readonly [SlotNumber, DeviceId])[];
  readonly area?: { readonly enters: string; readonly leaves?: string };
  readonly hold: Millis;
  readonly heldOpenAfter: Millis;
}

/** A grant that carries what was shown, with all that was counted under it. */
export interface KnownMatch extends GrantMatch {
  readonly use?: UseCount;
  /** Of the credential shown, or of the card it completes, whichever is worse. */
  readonly credentialRecord?: CredentialRecord;
  /** Where the ledger has the holder, for anti-passback. */
  readonly presence?: AreaPresence;
}

/** A key and where the ledger has it. */
export interface KnownKey {
  readonly id: KeyId;
  readonly virtual: boolean;
  readonly roaming: boolean;
  readonly home?: AccessPointId;
  readonly hasFob: boolean;
  readonly custody?: KeyCustody;
  /** State of the grant it was taken under: `due` moves with the grant, `over` is revoked or gone. */
  readonly loan?: {
    readonly due?: Instant;
    readonly over: boolean;
    readonly remindMinutes?: number;
  };
}

export interface KnownSlot {
  readonly box: DeviceId;
  readonly slot: SlotNumber;
  readonly custody?: SlotCustody;
  /** Named by a live slot grant. */
  readonly reserved: boolean;
}

export interface KnownKeypad {
  readonly device: DeviceId;
  readonly isOnline: boolean;
  readonly lockout?: KeypadLockout;
}

export interface KnownPolicies {
  readonly zone: string;
  readonly clockUntrusted: Policies['clockUntrusted'];
  readonly auditFull: Policies['auditFull'];
  readonly holidays: Policies['holidays'];
  /** Only the levels that a match names. */
  readonly accessLevels: { readonly [name: string]: readonly Target[] };
  readonly lockout: LockoutPolicy;
  readonly antiPassbackMinutes: number;
}

/** `undefined` members are left out, so that a round trip through JSON changes nothing. */
export interface Knowledge {
  readonly bridge: string;
  readonly alone: boolean;
  readonly tzdata: string;
  readonly policies: KnownPolicies;
  /** Missing: the device belongs to no access point. */
  readonly point?: KnownPoint;
  /** The device that the event is of. */
  readonly device?: DeviceId;
  readonly role?: DeviceRole;
  readonly presentation?: Presentation;
  readonly matches: readonly KnownMatch[];
  /** What a reader in a slot saw, or the fob to be attached. */
  readonly fob?: CredentialIndex;
  /** Id of the key (in `keys`) whose fob was shown. */
  readonly shown?: KeyId;
  /** Keys named by the matches, shown, out, or lying in the slots concerned. */
  readonly keys: readonly KnownKey[];
  readonly slots: readonly KnownSlot[];
  /** Granted or commanded and not ended, at the devices concerned. */
  readonly openings: readonly Opening[];
  readonly keypads: readonly KnownKeypad[];
  readonly lockdowns: readonly Lockdown[];
  /** Anti-passback can be trusted: every reader of the area entered here is online. */
  readonly areaOnline: boolean;
  /** Not yet over. */
  readonly pending?: Pending;
  /** Cards that wait for their PIN. */
  readonly cards?: readonly {
    readonly id: CredentialId;
    readonly grant: GrantId;
    readonly record: CredentialRecord;
  }[];
  /** Devices of this access point that are online. */
  readonly online: readonly DeviceId[];
  readonly storageSafe: boolean;
  readonly now: { readonly boot: string; readonly uptime: Uptime; readonly startedAt: Uptime };
  /** Doors of locks, by device. */
  readonly doors: readonly { readonly device: DeviceId; readonly custody?: SlotCustody }[];
  /** The whole site's, for timers and at start only. */
  readonly points?: readonly KnownPoint[];
  readonly inputs?: readonly InputRole[];
  readonly waiting?: readonly {
    readonly accessPoint: AccessPointId;
    readonly pending: Pending;
  }[];
}
