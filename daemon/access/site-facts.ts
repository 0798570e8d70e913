/** What rules may ask of the site around them: configuration, what is online, what waits. Ports, no code. */
import type { CardBits, DeviceId } from '../../drivers/contract/device.ts';
import type { Uptime } from '../../drivers/contract/time.ts';
import type { LedgerView } from './ledger.ts';
import type { GrantLookup } from './lookup.ts';
import type { AccessPoint, AccessPointId, CredentialIndex, Policies } from './model.ts';
import type { Pending } from './presentation.ts';

/** What a wired input of a device means (config). `rex` and `fire` name the doors they are for. */
export interface InputRole {
  readonly device: DeviceId;
  readonly input: number;
  readonly does: 'rex' | 'fire' | 'tamper';
  readonly accessPoint?: AccessPointId;
  /** Locks that a fire input releases. Never a key box. */
  readonly locks: readonly DeviceId[];
}

/** The configured part: changes only with the config. */
export interface SiteFacts {
  /** Scope of keyed hashes and codes. */
  readonly id: string;
  /** This daemon's own name, as in a grant's `uses.carrier`. */
  readonly bridge: string;
  /** No other daemon serves this site: a counted grant without `carrier` is ours. */
  readonly alone?: boolean;
  readonly accessPoints: readonly AccessPoint[];
  /** Readers that can take a code. */
  readonly keypads: ReadonlySet<DeviceId>;
  readonly inputs: readonly InputRole[];
  readonly policies: Policies;
}

/** The moving part. */
export interface SiteState {
  readonly online: ReadonlySet<DeviceId>;
  /** Entries can be stored (`Journal.isSafe`). */
  readonly storageSafe: boolean;
  /** What waits at each access point; changed only by `Answer.pending`. */
  readonly pending: ReadonlyMap<AccessPointId, Pending>;
  /** When this daemon started, in this boot. */
  readonly startedAt: Uptime;
  /** `process.versions.tz`. */
  readonly tzdata: string;
}

/** Keyed hashes under the site's pepper; implemented where the pepper lives. */
export interface Indexer {
  pin(digits: string): CredentialIndex;
  card(card: CardBits): CredentialIndex;
}

export interface KnowledgePorts {
  readonly grants: GrantLookup;
  readonly ledger: LedgerView;
  readonly site: SiteFacts;
  readonly state: SiteState;
  readonly indexer: Indexer;
}
