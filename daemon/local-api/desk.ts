/**
 * What the local API asks of the daemon: one port, implemented by the wiring. Reading goes through the store's own
 * ports and the rules' own knowledge, so that page, CLI and decision never see three different sites.
 */
import type { DeviceId, DeviceStatistics } from '../../drivers/contract/device.ts';
import type { Clock, Instant, Millis, Random } from '../../drivers/contract/time.ts';
import type { Command } from '../access/command.ts';
import type { JsonObject, Stamp } from '../access/entry.ts';
import type { CredentialIndex, CredentialKind, GrantId } from '../access/model.ts';
import type { KnowledgePorts } from '../access/site-facts.ts';
import type { EvidenceRow, GrantStore, Journal } from '../store/ports.ts';
import type { StoreSearch } from '../store/search.ts';

/** Who this daemon is; does not change while it runs. */
export interface SiteAbout {
  readonly site: string;
  /** For people; the id where the config has none. */
  readonly name: string;
  readonly zone: string;
  readonly bridge: string;
  /** Of the daemon (`latchkey`), `node`, `tzdata`. */
  readonly versions: Readonly<Record<string, string>>;
  readonly startedAt: Instant;
  readonly directory: string;
}

/** One device as it is now. */
export interface DeviceView {
  readonly id: DeviceId;
  readonly driver: string;
  readonly bus: string;
  /** Path, address or peripheral. */
  readonly port: string;
  readonly online: boolean;
  /** Where the trouble is: `up`, `silent`, `garbage`, `refusing`, `port-missing`, `other-device`. */
  readonly link: string;
  /** Why, in words; empty when all is well. */
  readonly detail: string;
  /** Milliseconds since it last proved that it is there. */
  readonly lastProofMs?: Millis;
  /** Who is at the other end, as far as it says. */
  readonly identity?: string;
  readonly statistics: DeviceStatistics;
  /** Actuations asked of its bus and not yet ended. */
  readonly queued: number;
  readonly lockState?: string;
  readonly batteryPercent?: number;
  readonly tamper?: boolean;
  /** `fail-safe` or `fail-secure`, where it locks something (P14). */
  readonly onPowerLoss?: string;
}

export interface CloudView {
  readonly online: boolean;
  readonly broker: string;
  /** Entries of the journal that the cloud has not acknowledged. */
  readonly outbox: number;
  /** Commands refused since the start. */
  readonly refused: number;
}

export interface VendorView {
  readonly vendor: string;
  readonly online: boolean;
  /** Of the last complete read. */
  readonly syncedAt?: Instant;
  readonly detail: string;
  /** Differences that a person should look at. */
  readonly drift: number;
}

/** How one part of the daemon is; any that is not well makes `/readyz` say so. */
export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface DeskOutcome {
  readonly result: 'done' | 'refused' | 'failed' | 'unknown';
  readonly reason?: string;
  readonly data?: JsonObject;
}

/** A command under way; the shape of the cloud's own attempts. */
export interface DeskAttempt {
  /** Rejects with `StorageError` when the intent could not be recorded, and then nothing moves. */
  readonly recorded: Promise<void>;
  /** Never rejects. */
  readonly outcome: Promise<DeskOutcome>;
}

/** Keyed hashes and PINs, beside the pepper; the same desk that the cloud uses. */
export interface SecretDesk {
  /** A `RangeError` says why the secret will not do, without repeating it. */
  index(
    kind: CredentialKind,
    secret: string,
    grant: GrantId,
  ): {
    readonly index: CredentialIndex;
    readonly digits?: number;
    readonly sealed?: string;
  };
  /** Of the site's own length if none is asked for; `undefined` where the code space is used up. */
  drawPin(digits?: number): string | undefined;
  keep(digits: string, grant: GrantId): string;
  reveal(sealed: string, grant: GrantId): string | undefined;
  indexFob(secret: string): CredentialIndex;
}

export interface SiteDesk {
  readonly about: SiteAbout;
  readonly clock: Clock;
  readonly random: Random;
  readonly journal: Journal;
  readonly grants: GrantStore;
  /** For what no index covers; waits for no decision, and none waits for it. */
  readonly search: StoreSearch;
  readonly secrets: SecretDesk;
  /** Now, as far as the clock can tell. */
  stamp(): Stamp;
  /** What a decision would be made from. */
  ports(): KnowledgePorts;
  /** `ok`, `low` (the ballast is gone) or `unsafe` (entries cannot be stored). */
  storage(): 'ok' | 'low' | 'unsafe';
  devices(): readonly DeviceView[];
  cloud(): CloudView | undefined;
  vendors(): readonly VendorView[];
  /** Beyond storage and devices: event loop, queues, workers. */
  health(): readonly HealthCheck[];
  /** Puts it through the one pipeline, with rows to be committed together with the intent (P1, P2). */
  command(command: Command, rows: readonly EvidenceRow[]): DeskAttempt;
  /** After a revocation: no opening under the grant can reach a wire any more (P6). */
  withdrawOpenings(
    grant: GrantId,
  ): Promise<readonly { readonly device: string; readonly state: 'dead' | 'pending' }[]>;
  /** Grants or keys were changed here; called after they are stored. */
  grantsChanged(): void;
  /** Copies the store anew and drops every older copy. What could not be dropped is named. */
  renewBackups(): Promise<readonly string[]>;
  /** An administrator read it off another clock; `false` where time is known already, or it lies in the past. */
  stateTime(at: Instant, error: Millis, by: string): boolean;
  /** Accepts the other adapter that answers on the wire of a device; recorded with who said so. */
  adopt(device: DeviceId, by: string): void;
  /** Text of the next card shown at a reader (any, when none is named) within `within`, for enrolling; it opens nothing. */
  nextCard(
    reader: DeviceId | undefined,
    within: Millis,
    signal: AbortSignal,
  ): Promise<string | undefined>;
}
