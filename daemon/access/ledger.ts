/**
 * The ledger: everything that is folded from the journal (custody, uses, lockouts, lockdown, openings under way).
 * It is never kept a second time by hand: `fold.ts` says what an entry changes, the store writes these rows in the
 * entry's own transaction, and `journal verify` folds again and compares.
 */
import type { DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Instant, Millis, Uptime } from '../../drivers/contract/time.ts';
import type {
  AccessPointId,
  CredentialId,
  CredentialIndex,
  GrantId,
  HolderId,
  KeyId,
} from './model.ts';

/** Where a key is. One key, one place (P7). */
export type Place =
  | { readonly kind: 'slot'; readonly box: DeviceId; readonly slot: SlotNumber }
  | {
      readonly kind: 'holder';
      readonly holder: HolderId;
      readonly grant: GrantId | undefined;
      readonly since: Instant;
      readonly due: Instant | undefined;
    }
  | { readonly kind: 'unknown'; readonly since: Instant };

export interface KeyCustody {
  readonly place: Place;
  /** Last slot the key was known in. */
  readonly lastSlot?: { readonly box: DeviceId; readonly slot: SlotNumber };
  readonly flags: readonly ('content-unknown' | 'doubled' | 'lost' | 'overdue' | 'reminded')[];
  /** Fob attached here, before its grant store knows; null: detached here. */
  readonly fob?: CredentialIndex | null;
}

/** A moment that survives the wall clock: uptime within one boot. */
export interface Moment {
  readonly at: Instant;
  readonly boot: string;
  readonly uptime: Uptime;
}

export interface SlotCustody {
  readonly doorOpen?: boolean;
  readonly present?: boolean;
  readonly flags: readonly ('shared' | 'content-unknown' | 'held-open' | 'forced')[];
  readonly openSince?: Moment;
  /** A lock's door: opening it until then is expected (unlocked, or an exit button was pressed). */
  readonly expectedUntil?: Moment;
  /** A lock's door: the lock says that it stands open, by hand or for passage. */
  readonly unlocked?: boolean;
  /** A lock's door: released because of fire, until cleared. */
  readonly fire?: boolean;
  /** Inputs that released it and were not cleared since, as `device:input`; left out where there is none. */
  readonly fireInputs?: readonly string[];
}

/** Uses of a grant id; outlives revision, revocation and re-adding. */
export interface UseCount {
  readonly count: number;
  readonly reset: string | undefined;
  /** Grants refuse until their source confirms the count (after a restored journal). */
  readonly unconfirmed?: boolean;
  /** Reset words that were used before this one: an older copy of the grant gives nothing again. */
  readonly spent?: readonly string[];
}

/** Wrong tries at one keypad (conventions 2.4). The wait is time remaining on the monotonic clock. */
export interface KeypadLockout {
  readonly failures: number;
  readonly waitLeft: Millis;
  /** Uptime and boot at which `failures` and `waitLeft` were true. */
  readonly asOf: { readonly boot: string; readonly uptime: number; readonly at: Instant };
  readonly longFailures: number;
  readonly recent: readonly Instant[];
  /** Time already passed towards the next decay. */
  readonly sinceDecay?: Millis;
  /** The same for codes of nine digits and more, which have their own counter. */
  readonly longWaitLeft?: Millis;
  readonly longSinceDecay?: Millis;
}

export interface CredentialRecord {
  readonly wrongSecondFactors: number;
  readonly disabled: boolean;
}

export interface Lockdown {
  readonly id: string;
  readonly scope: 'site' | AccessPointId;
  readonly allowStaff: boolean;
  readonly since: Instant;
}

/** A granted or commanded opening whose end is not recorded yet. */
export interface Opening {
  readonly seq: number;
  readonly device: DeviceId;
  readonly slot: SlotNumber | undefined;
  readonly accessPoint: AccessPointId;
  readonly operation: 'pickup' | 'dropoff' | 'unlock' | 'command';
  readonly key: KeyId | undefined;
  readonly grant: GrantId | undefined;
  /** The revision of the grant that was decided on. */
  readonly rev?: number;
  readonly holder: HolderId | undefined;
  /** A use was spent for it, which is given back if it comes to nothing. */
  readonly counted: boolean;
  /** Several locks are opened with one use: the opening that it is counted for. */
  readonly sharesUse?: number;
  readonly since: Instant;
  readonly boot: string;
  readonly due: Instant | undefined;
  /** What was seen of it so far. */
  readonly seen: {
    readonly outcome?: 'done' | 'failed' | 'unknown' | 'refused';
    readonly opened?: boolean;
    readonly presenceGone?: boolean;
    readonly presenceBack?: boolean;
    readonly closed?: boolean;
    /** Fob read in the slot: a key's id, or `foreign`. */
    readonly read?: KeyId | 'foreign';
    readonly closedAt?: Uptime;
    /** Its box was away meanwhile: a door that was not seen to open may have been opened. */
    readonly unwatched?: true;
  };
  readonly uptime?: Uptime;
  readonly hold?: Millis;
  /** Judged as a return only. */
  readonly isReturn?: boolean;
  /** By the key's own fob or a fob attached just now: what comes back is known without a slot reader. */
  readonly byFob?: boolean;
}

export interface AreaPresence {
  readonly area: string;
  readonly since: Instant;
  readonly boot?: string;
  readonly uptime?: Uptime;
  /** Of the decision to let them in, while none of its locks is known to have opened; and where they were before. */
  readonly openings?: readonly number[];
  readonly before?: Omit<AreaPresence, 'openings' | 'before'>;
}

/** Table name -> what a row of it holds; ids are strings made by `slotId`, or the thing's own id. */
export interface LedgerTables {
  key: KeyCustody;
  slot: SlotCustody;
  use: UseCount;
  keypad: KeypadLockout;
  credential: CredentialRecord;
  lockdown: Lockdown;
  opening: Opening;
  area: AreaPresence;
}

export type LedgerTable = keyof LedgerTables;

/** One row set to a new value, or taken away (`value` undefined). */
export type LedgerChange = {
  readonly [T in LedgerTable]: {
    readonly table: T;
    readonly id: string;
    readonly value: LedgerTables[T] | undefined;
  };
}[LedgerTable];

/** The ledger as rules read it. */
export interface LedgerView {
  get<T extends LedgerTable>(table: T, id: string): LedgerTables[T] | undefined;
  all<T extends LedgerTable>(table: T): Iterable<readonly [string, LedgerTables[T]]>;
}

export function slotId(box: DeviceId, slot: SlotNumber): string {
  return `${box}:${slot}`;
}

/**
 * The row of a credential as one grant has it: some sources call every card by the same id. A row under the id alone
 * stands for all of that id, as somebody who disables by hand names it.
 */
export function cardId(grant: string, credential: string): string {
  return `${grant}${CARD_OF}${credential}`;
}

/** In no id. */
export const CARD_OF = '\u001f';

/** What is known of a grant's credential; that it is disabled by its id alone comes first. */
export function credentialRecord(
  ledger: LedgerView,
  grant: GrantId,
  credential: CredentialId,
): CredentialRecord | undefined {
  const all = ledger.get('credential', credential);
  return all?.disabled === true ? all : ledger.get('credential', cardId(grant, credential));
}

/** The row of a lock's own door, among the slots. */
export function doorId(lock: DeviceId): string {
  return `${lock}:door`;
}

/** The ledger in memory: rows by table. `apply` returns what undoes it, for a commit that fails. */
export class Ledger implements LedgerView {
  readonly #tables: { readonly [T in LedgerTable]: Map<string, LedgerTables[T]> } = {
    key: new Map(),
    slot: new Map(),
    use: new Map(),
    keypad: new Map(),
    credential: new Map(),
    lockdown: new Map(),
    opening: new Map(),
    area: new Map(),
  };

  get<T extends LedgerTable>(table: T, id: string): LedgerTables[T] | undefined {
    return this.#tables[table].get(id);
  }

  all<T extends LedgerTable>(table: T): Iterable<readonly [string, LedgerTables[T]]> {
    return this.#tables[table];
  }

  apply(changes: readonly LedgerChange[]): LedgerChange[] {
    const undo: LedgerChange[] = [];
    for (const { table, id, value } of changes) {
      const rows = this.#tables[table] as Map<string, unknown>;
      undo.unshift({ table, id, value: rows.get(id) } as LedgerChange);
      if (value === undefined) rows.delete(id);
      else rows.set(id, value);
    }
    return undo;
  }
}
