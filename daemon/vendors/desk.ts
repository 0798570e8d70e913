/** What connectors and dialects ask of the daemon; the local API's own desk has all of it. */
import type { Clock, Random } from '../../drivers/contract/time.ts';
import type { Command } from '../access/command.ts';
import type { Stamp } from '../access/entry.ts';
import type { CredentialIndex, CredentialKind, GrantId } from '../access/model.ts';
import type { KnowledgePorts } from '../access/site-facts.ts';
import type { EvidenceRow, GrantStore, Journal } from '../store/ports.ts';

/** Keyed hashes, drawn PINs, and sealing under the site's own key. */
export interface VendorSecrets {
  /** A `RangeError` says why the secret will not do, without repeating it. */
  index(
    kind: CredentialKind,
    secret: string,
    grant: GrantId,
  ): { readonly index: CredentialIndex; readonly digits?: number; readonly sealed?: string };
  /** `undefined` where the code space is used up. */
  drawPin(digits: number): string | undefined;
  /** Seals any text, bound to its owner. */
  keep(text: string, owner: GrantId): string;
  reveal(sealed: string, owner: GrantId): string | undefined;
  indexFob(secret: string): CredentialIndex;
}

export interface VendorDesk {
  readonly about: { readonly site: string; readonly zone: string };
  readonly clock: Clock;
  readonly random: Random;
  readonly journal: Journal;
  readonly grants: GrantStore;
  readonly secrets: VendorSecrets;
  /** Now, as far as the clock can tell. */
  stamp(): Stamp;
  ports(): KnowledgePorts;
  /** Puts it through the one pipeline (P1, P2). */
  command(
    command: Command,
    rows: readonly EvidenceRow[],
  ): {
    readonly recorded: Promise<void>;
    readonly outcome: Promise<{
      readonly result: 'done' | 'refused' | 'failed' | 'unknown';
      readonly reason?: string;
    }>;
  };
  /** Resolves once no opening under the grant can reach a wire any more (P6). */
  withdrawOpenings(
    grant: GrantId,
  ): Promise<readonly { readonly device: string; readonly state: 'dead' | 'pending' }[]>;
  /** Grants or keys were changed; called after they are stored. */
  grantsChanged(): void;
}

/** A line for the operator: fixed event name and fields, no secrets. */
export type VendorLog = (
  event: string,
  fields: Readonly<Record<string, string | number | boolean>>,
) => void;
