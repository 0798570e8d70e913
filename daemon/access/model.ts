/**
 * The things that rules speak of: grants, credentials, keys, places, windows. Words of the design page "What is
 * decided"; everything here is data, plain JSON once branded ids are taken as strings and numbers.
 */
import type { DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Instant, Millis } from '../../drivers/contract/time.ts';

export type HolderId = string & { readonly __id: 'holder' };
export type GrantId = string & { readonly __id: 'grant' };
export type CredentialId = string & { readonly __id: 'credential' };
export type KeyId = string & { readonly __id: 'key' };
export type AccessPointId = string & { readonly __id: 'access-point' };
/** 32 lower-case hex digits: HMAC-SHA-256 under the site's pepper, cut to 16 bytes. */
export type CredentialIndex = string & { readonly __id: 'credential-index' };

/**
 * The ids are opaque. Refused are emptiness, control characters, which would break keys and topics, and half of a
 * surrogate pair: UTF-8 has none, so what is read back from the disk is another text, and its entry breaks the chain.
 */
function opaque(what: string, text: string): string {
  if (!isOpaque(text)) throw new RangeError(`a ${what} id is 1 to 256 printable characters`);
  return text;
}

function isOpaque(text: string): boolean {
  const isSized = text.length > 0 && text.length <= 256;
  return isSized && !/[\u0000-\u001f]/.test(text) && text.isWellFormed();
}

export function holderId(text: string): HolderId {
  return opaque('holder', text) as HolderId;
}

export function grantId(text: string): GrantId {
  return opaque('grant', text) as GrantId;
}

export function credentialId(text: string): CredentialId {
  return opaque('credential', text) as CredentialId;
}

export function keyId(text: string): KeyId {
  return opaque('key', text) as KeyId;
}

/** What a grant names as a key is any text: not every text is a key's id. */
export function isKeyId(text: string): text is KeyId {
  return isOpaque(text);
}

export function accessPointId(text: string): AccessPointId {
  return opaque('access point', text) as AccessPointId;
}

export function credentialIndex(text: string): CredentialIndex {
  if (!/^[0-9a-f]{32}$/.test(text)) {
    throw new RangeError('a credential index is 32 lower-case hex digits');
  }
  return text as CredentialIndex;
}

export type CredentialKind = 'pin' | 'fob' | 'card' | 'mobile_key' | 'cloud_key';

/** Something a holder can show. The number or digits themselves are not here, only their keyed hash. */
export interface Credential {
  readonly id: CredentialId;
  readonly kind: CredentialKind;
  readonly index: CredentialIndex;
  /** A PIN that is only the second factor to the same grant's card; alone it opens nothing. */
  readonly combineWith?: 'card';
  /** Opens as usual and alarms silently. */
  readonly duress?: true;
  /** Digits of a PIN, for the code-space ratio; the keyed hash does not tell. */
  readonly digits?: number;
  /** Sealed (AES-GCM under the pepper's key) where a vendor's page or a lock needs the code back. */
  readonly sealed?: string;
}

/** `slot` ids are `<box device>:<slot>`; `lock` is a device; `location` an access point; `access_level` a config name. */
export interface Target {
  readonly kind: 'key' | 'lock' | 'slot' | 'access_level' | 'location';
  readonly id: string;
}

export type Operation = 'pickup' | 'dropoff' | 'unlock' | 'attach-fob';

/** Local wall time without zone, `YYYY-MM-DDTHH:MM[:SS]`. */
export type WallTime = string;

/** When a grant holds, half-open `[start, end)`. Wall times are kept as written and resolved again when tzdata changes. */
export type Window =
  | { readonly kind: 'ongoing' }
  | { readonly kind: 'instants'; readonly start?: Instant; readonly end?: Instant }
  | {
      readonly kind: 'wall';
      readonly start: WallTime;
      readonly end: WallTime;
      readonly zone: string;
    }
  | { readonly kind: 'floating'; readonly start: WallTime; readonly end: WallTime };

/** A window in instants; an end that is missing is open. */
export interface ResolvedWindow {
  readonly start: Instant | undefined;
  readonly end: Instant | undefined;
}

/** ISO weekday, Monday is 1. */
export type Weekday = 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** `from` is `HH:MM`; `to` is `HH:MM`, or `24:00`, or earlier than `from` when it crosses midnight. */
export interface DayWindow {
  readonly from: string;
  readonly to: string;
}

export interface Schedule {
  /** IANA zone, or `site`. */
  readonly zone: string;
  readonly weekly: readonly (DayWindow & { readonly days: readonly Weekday[] })[];
  /** Local dates with their own hours instead; none means closed. */
  readonly exceptions?: readonly {
    readonly date: string;
    readonly windows: readonly DayWindow[];
  }[];
  /** The site's holiday calendar applies too (its dates closed, or with the hours given there). */
  readonly holidays?: boolean;
}

export interface GrantOptions {
  /** Set only by a `cc-*` signed command or a local admin, never by a vendor dialect. */
  readonly staff?: boolean;
  /** A first drop-off may attach a fob to the grant's one key. */
  readonly allowSetup?: boolean;
  /** Minutes before the end of the window at which the holder is reminded of a key still out. */
  readonly remindMinutes?: number;
  readonly antiPassback?: 'off' | 'soft' | 'hard';
}

export type Vendor = 'cloud' | 'local' | 'keycafe' | 'seam' | 'intserv';

/** A holder may open this lock, or take this key, from-until, on a schedule. */
export interface Grant {
  readonly id: GrantId;
  /** Grows with every change at the source; an equal or smaller one changes nothing. */
  readonly rev: number;
  readonly source: { readonly vendor: Vendor; readonly ref: string; readonly version: string };
  readonly holder: HolderId;
  readonly credentials: readonly Credential[];
  readonly targets: readonly Target[];
  readonly window: Window;
  readonly schedule?: Schedule;
  /** Counted where decided. `reset` is any new word that gives `max` again. `carrier`: the one bridge that counts. */
  readonly uses?: { readonly max: number; readonly reset?: string; readonly carrier?: string };
  readonly operations: readonly Operation[];
  readonly options: GrantOptions;
  /** `pending`: stored, not yet answered to its maker. `superseded`: replaced by another grant. */
  readonly state: 'active' | 'pending' | 'superseded';
  /** Limits this version does not know, by name; any makes the answer `unsupported-limit` (P5). */
  readonly unsupported?: readonly string[];
}

export interface Key {
  readonly id: KeyId;
  readonly name: string;
  readonly rev: number;
  readonly source: { readonly vendor: Vendor; readonly ref: string; readonly version: string };
  /** Keyed hash of the fob on the ring, once known. */
  readonly fob?: CredentialIndex;
  /** No physical key: has no place and stands outside custody. */
  readonly virtual: boolean;
  /** May be returned at any box, not only at home. */
  readonly roaming: boolean;
  readonly home?: AccessPointId;
  readonly notes?: string;
}

/** What a person stands before, as configured. */
export interface AccessPoint {
  readonly id: AccessPointId;
  /** The key box behind it, with the slots that are in use. */
  readonly box?: {
    readonly device: DeviceId;
    readonly slots: readonly SlotNumber[];
    readonly disabledSlots: readonly SlotNumber[];
  };
  /** Locks behind it. */
  readonly locks: readonly DeviceId[];
  readonly readers: readonly DeviceId[];
  readonly slotReaders: ReadonlyMap<SlotNumber, DeviceId>;
  /** Area entered and left by passing, for anti-passback. */
  readonly area?: { readonly enters: string; readonly leaves?: string };
  readonly hold: Millis;
  /** A door or slot open longer than this is `held-open`. */
  readonly heldOpenAfter: Millis;
}

/** Site-wide choices that rules need. */
export interface Policies {
  readonly zone: string;
  /** `clock.untrusted` of conventions 3.1. */
  readonly clockUntrusted: 'deny' | 'grace' | 'assume';
  readonly graceHours: number;
  /** When events cannot be stored (conventions 3.4). */
  readonly auditFull: 'allow_staff' | 'allow' | 'deny';
  readonly holidays: readonly { readonly date: string; readonly windows: readonly DayWindow[] }[];
  readonly accessLevels: ReadonlyMap<string, readonly Target[]>;
  readonly lockout: LockoutPolicy;
  readonly antiPassbackMinutes: number;
}

/** conventions 2.4. */
export interface LockoutPolicy {
  readonly freeFailures: number;
  readonly firstWait: Millis;
  readonly longestWait: Millis;
  readonly decayEvery: Millis;
}

/** How far the wall clock can be trusted right now (conventions 3.1). */
export interface ClockInterval {
  readonly lo: Instant;
  /** `Infinity` only under policy `deny`. */
  readonly hi: Instant;
  readonly state: 'trusted' | 'holdover' | 'floor' | 'broken';
  /** What is left of the grace budget, in `floor` and `broken` under policy `grace`; missing counts as none. */
  readonly graceLeft?: Millis;
}

/** The order is the order of the checks; the last that fails ranks highest when several grants are tried. */
export const REASONS = [
  'device-unknown',
  'malformed',
  'locked-out',
  'unknown-credential',
  'ambiguous-credential',
  'choice-required',
  'second-factor-required',
  'credential-disabled',
  'revoked',
  'superseded',
  'wrong-access-point',
  'operation-not-allowed',
  'unsupported-limit',
  'not-yet-valid',
  'expired',
  'outside-schedule',
  'holiday',
  'clock-untrusted',
  'uses-exhausted',
  'anti-passback',
  'key-not-here',
  'key-held-by-another',
  'slot-disabled',
  'box-full',
  'lockdown',
  'device-offline',
  'storage-unsafe',
] as const;

export type Reason = (typeof REASONS)[number];
