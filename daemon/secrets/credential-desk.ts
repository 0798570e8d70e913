/** What secrets become at the door: keyed hashes, drawn PINs, and sealed copies where something needs the digits. */
import {
  type Clock,
  type Instant,
  instant,
  type Millis,
  type Random,
  type Uptime,
} from '../../drivers/contract/time.ts';
import type { LedgerView } from '../access/ledger.ts';
import type { GrantLookup } from '../access/lookup.ts';
import type { CredentialIndex, CredentialKind, GrantId } from '../access/model.ts';
import { type CodeSpace, drawPin, ratioAfter } from '../access/pin-allocator.ts';
import type { Indexer } from '../access/site-facts.ts';
import type { CredentialDesk, IndexedSecret } from '../cloud/site-actions.ts';
import { indexFob } from './fob-index.ts';
import type { Vault } from './vault.ts';

/** A code that was valid is not drawn again so soon: its last guest may still stand at the door. */
const COOLING: Millis = 30 * 24 * 3_600_000;

export interface CredentialDeskParts {
  readonly vault: Vault;
  readonly indexer: Indexer;
  readonly grants: GrantLookup & { activePins(digits: number, at: Instant): number };
  readonly ledger: LedgerView;
  readonly clock: Clock;
  readonly random: Random;
  /** Length of a PIN that is drawn for somebody who asks for none. */
  readonly pinDigits: number;
  /** Keypads at which codes can be tried. */
  readonly keypads: number;
  /** Few of the possible codes of this length are free; told once a day and length. */
  readonly onCrowded: (digits: number, ratio: number) => void;
  /** Something here (a lock with a memory, a vendor's page) needs the digits back. */
  readonly keepsDigits: boolean;
}

/** Counting reads every grant, so it is believed for a while; what is drawn meanwhile is added. */
const COUNT_FOR: Millis = 5 * 60_000;
const TOLD_FOR: Millis = 24 * 3_600_000;
/** Drawn codes that are remembered until the store knows them: a grant may have several drawn at once. */
const DRAWN_MOST = 1_000;

export class SiteCredentialDesk implements CredentialDesk {
  readonly #parts: CredentialDeskParts;
  readonly #counted = new Map<number, { active: number; readonly at: Uptime }>();
  readonly #told = new Map<number, Uptime>();
  readonly #drawn = new Set<CredentialIndex>();

  constructor(parts: CredentialDeskParts) {
    this.#parts = parts;
  }

  index(kind: CredentialKind, secret: string, grant: GrantId): IndexedSecret {
    const { indexer, keepsDigits } = this.#parts;
    if (kind !== 'pin') return { index: this.indexFob(secret) };
    if (!/^\d{4,16}$/.test(secret)) {
      throw new RangeError(`a PIN is 4 to 16 digits, found ${secret.length} characters`);
    }
    return {
      index: indexer.pin(secret),
      digits: secret.length,
      ...(keepsDigits ? { sealed: this.keep(secret, grant) } : {}),
    };
  }

  drawPin(digits = this.#parts.pinDigits): string | undefined {
    const { clock, random, keypads } = this.#parts;
    const counted = this.#active(digits);
    const allotment = { digits, active: counted.active, keypads };
    const drawn = drawPin(
      this.#space(),
      { ...allotment, cooling: COOLING, now: clock.now() },
      random,
    );
    if (drawn.kind === 'refused' || drawn.warning !== undefined) {
      this.#tellCrowded(digits, ratioAfter(allotment, 1));
    }
    if (drawn.kind === 'refused') return undefined;
    counted.active += 1;
    this.#remember(this.#parts.indexer.pin(drawn.digits));
    return drawn.digits;
  }

  #active(digits: number): { active: number } {
    const { grants, clock } = this.#parts;
    const known = this.#counted.get(digits);
    if (known !== undefined && clock.uptime() - known.at < COUNT_FOR) return known;
    const counted = { active: grants.activePins(digits, clock.now()), at: clock.uptime() };
    this.#counted.set(digits, counted);
    return counted;
  }

  #tellCrowded(digits: number, ratio: number): void {
    const now = this.#parts.clock.uptime();
    const last = this.#told.get(digits);
    if (last !== undefined && now - last < TOLD_FOR) return;
    this.#told.set(digits, now);
    this.#parts.onCrowded(digits, Math.floor(ratio));
  }

  keep(digits: string, grant: GrantId): string {
    return this.#parts.vault.seal(digits, grant);
  }

  reveal(sealed: string, grant: GrantId): string | undefined {
    return this.#parts.vault.open(sealed, grant);
  }

  indexFob(secret: string): CredentialIndex {
    return indexFob(secret, this.#parts.indexer);
  }

  #remember(index: CredentialIndex): void {
    this.#drawn.add(index);
    for (const oldest of this.#drawn) {
      if (this.#drawn.size <= DRAWN_MOST) break;
      this.#drawn.delete(oldest);
    }
  }

  #space(): CodeSpace {
    const { grants, indexer, clock } = this.#parts;
    const matches = (digits: string) => grants.byCredential(indexer.pin(digits));
    return {
      isTaken: (digits) =>
        this.#drawn.has(indexer.pin(digits)) ||
        matches(digits).some(
          ({ grant, revoked, window }) =>
            (revoked === undefined && (window.end === undefined || window.end > clock.now())) ||
            this.#isKeyOut(grant.id),
        ),
      lastValid: (digits) => {
        const ends = matches(digits).map(({ revoked, window }) => revoked?.at ?? window.end ?? 0);
        return ends.length === 0 ? undefined : instant(Math.max(...ends));
      },
    };
  }

  /** Whatever became of the grant: its code takes the key back, and no other's may open the box for that. */
  #isKeyOut(grant: GrantId): boolean {
    for (const [, { place }] of this.#parts.ledger.all('key')) {
      if (place.kind === 'holder' && place.grant === grant) return true;
    }
    return false;
  }
}
