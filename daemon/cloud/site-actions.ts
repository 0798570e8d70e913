/**
 * What the cloud's commands ask of the site, once they are checked: the port that the pipeline implements. The
 * downlink never drives anything itself (P1); it hands over what must be committed together with the intent.
 */
import type { DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Instant, Millis } from '../../drivers/contract/time.ts';
import type { JsonObject } from '../access/entry.ts';
import type {
  AccessPointId,
  CredentialIndex,
  CredentialKind,
  GrantId,
  Reason,
} from '../access/model.ts';
import type { EvidenceRow } from '../store/ports.ts';

/** Why an action was not done, where the list of the rules has no word for it. */
export type ActionFault =
  | 'not-found'
  | 'busy'
  | 'timeout'
  | 'jammed'
  | 'unsupported'
  | 'conflict'
  | 'bad-request'
  | 'limit-exceeded'
  | 'storage-full'
  | 'internal';

/** `refused`: nothing was sent to the device. `unknown`: it was sent, and nobody can tell what came of it. */
export interface ActionOutcome {
  readonly result: 'done' | 'refused' | 'failed' | 'unknown';
  readonly reason?: Reason | ActionFault;
  /** What else the caller may know; becomes part of the reply's `data`. */
  readonly data?: JsonObject;
}

/** One command under way. */
export interface Attempt {
  /** Resolves when the evidence has its place in the journal, if not yet on the disk: what comes later is judged by it. */
  readonly placed: Promise<void>;
  /**
   * Resolves when the evidence handed in, with the intent (`access.commanded`) or the refusal, is on the disk; only
   * then does the broker get its acknowledgement. Rejects with `StorageError`, and then nothing will move.
   */
  readonly recorded: Promise<void>;
  /** What came of it. Never rejects; settled within the action's own deadline. */
  readonly outcome: Promise<ActionOutcome>;
  /** As in `LongAction`. */
  readonly left?: Promise<void>;
}

/** What takes longer than the daemon may live. */
export interface LongAction {
  readonly outcome: Promise<ActionOutcome>;
  /** Resolves in place of `outcome` when the daemon stops first: its next start is asked by `resumed`. */
  readonly left: Promise<void>;
}

/** Who asked, for the journal's body: `command` is the command's id and names the intent for good. */
export interface Asked {
  readonly command: string;
  /** `kid` of the key that signed. */
  readonly kid: string;
  readonly requester: string;
}

/** `slot.open` (with a slot) and `unlock` (without, or a channel of a board). */
export interface OpenAction extends Asked {
  readonly device: DeviceId;
  readonly slot?: SlotNumber;
  /** At most 30 000; missing: what the access point is set to. */
  readonly hold?: Millis;
  /** Pseudonymous person on whose behalf, and why; both go into the journal. */
  readonly by?: string;
  readonly reason?: string;
  /** Not put on the wire at or after this moment of the wall clock. */
  readonly expires: Instant;
}

export interface LockdownAction extends Asked {
  readonly scope: 'site' | AccessPointId;
  readonly allowStaff: boolean;
}

export interface TimeAction extends Asked {
  readonly unixMs: Instant;
  readonly errMs: Millis;
}

export interface ConfigAction extends Asked {
  readonly version: number;
  readonly set: JsonObject;
}

export interface DeviceAction extends Asked {
  readonly device: DeviceId;
}

export interface DeviceAddAction extends DeviceAction {
  readonly settings: JsonObject;
  /** Its bus, where the site has none of the name. */
  readonly wire?: JsonObject;
}

export interface UsesAction extends Asked {
  readonly grant: GrantId;
  readonly count: number;
}

/** Where a revocation stands at a device that keeps codes of its own; the box itself is always `dead`. */
export interface RevocationState {
  readonly device: DeviceId;
  readonly state: 'dead' | 'pending';
}

/**
 * Each method takes the evidence (command row, counter, mark) and commits it in the same batch as the entry it
 * appends. The intent's id is the command's id: it is asked for at most once in the life of the journal (P3).
 */
export interface SiteActions {
  /** Looks at lockdown, place and device, records, then opens. The only way in for `unlock` and `slot.open`. */
  open(action: OpenAction, evidence: readonly EvidenceRow[]): Attempt;
  lock(action: DeviceAction, evidence: readonly EvidenceRow[]): Attempt;
  /** The lockdown's id is the command's id. Survives a restart; never blocks egress or a return. */
  lockdown(action: LockdownAction, evidence: readonly EvidenceRow[]): Attempt;
  /** `not-found` where no such lockdown stands. */
  release(action: Asked & { readonly lockdown: string }, evidence: readonly EvidenceRow[]): Attempt;
  /** Clears the keypad's lockout. */
  keypadReset(action: DeviceAction, evidence: readonly EvidenceRow[]): Attempt;
  /** How often a grant was used, as its source knows it; `conflict` unless a lost journal left that open. */
  confirmUses(action: UsesAction, evidence: readonly EvidenceRow[]): Attempt;
  /** Raises `lo`; sets the interval only while the clock is not trusted (conventions 3.1). */
  time(action: TimeAction, evidence: readonly EvidenceRow[]): Attempt;
  /** Allow-listed keys; `conflict` with `data.have` unless `version` is newer than the one in force. */
  config(action: ConfigAction, evidence: readonly EvidenceRow[]): Attempt;
  identify(action: DeviceAction, evidence: readonly EvidenceRow[]): Attempt;
  /** Kept over restarts, and run at once. What the config would not allow is `bad-request`, with the faults. */
  deviceAdd(action: DeviceAddAction, evidence: readonly EvidenceRow[]): Attempt;
  /** `conflict` while an access point or an input needs it. */
  deviceRemove(action: DeviceAction, evidence: readonly EvidenceRow[]): Attempt;
  /** Has another version of the daemon installed; most often its next start knows how it went. */
  update(
    action: Asked & { readonly settings: JsonObject },
    evidence: readonly EvidenceRow[],
  ): Attempt;
  /** What an earlier start of the daemon took on and left to this one; `undefined`: nothing of this id. */
  resumed(command: string): LongAction | undefined;
  /** For `diag.get`: device statistics, queue lengths, versions; no secret, no person. Under 40 KiB as JSON. */
  diagnostics(): JsonObject;
  /**
   * Takes back every opening under the grant that is not yet on the wire, and starts removing its codes from
   * devices that keep them. Resolves once no opening under it can reach a wire any more (P6).
   */
  withdrawOpenings(grant: GrantId): Promise<readonly RevocationState[]>;
}

/** What a sealed PIN, fob or card number becomes; the number itself is forgotten. */
export interface IndexedSecret {
  readonly index: CredentialIndex;
  /** Number of digits of a PIN. */
  readonly digits?: number;
  /** Sealed under the site's own key, where the site keeps the code for a lock or a vendor's page. */
  readonly sealed?: string;
}

/** Turns what a holder shows into a keyed hash, and draws PINs. Implemented beside the pepper, by the wiring. */
export interface CredentialDesk {
  /**
   * `secret` is the digits of a PIN, or of a fob or card the text that `parseIdentity` reads. A `RangeError` says why
   * it will not do, without repeating it. `sealed` in the answer is bound to the grant.
   */
  index(kind: CredentialKind, secret: string, grant: GrantId): IndexedSecret;
  /** A new PIN, unique and not trivial, of the site's own length if none is asked for; `undefined` where the code space is used up. */
  drawPin(digits?: number): string | undefined;
  /** Seals a drawn PIN for keeping, bound to its grant, so that a repeated request gets the same one. */
  keep(digits: string, grant: GrantId): string;
  /** The digits of a PIN of this grant, from its `sealed`; `undefined` where they are not kept. */
  reveal(sealed: string, grant: GrantId): string | undefined;
  /** Keyed hash of the fob on a key's ring; a `RangeError` as above. */
  indexFob(secret: string): CredentialIndex;
}
