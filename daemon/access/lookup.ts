/** What rules ask of the store of grants, synchronously, at each decision. Implemented by `store/grants.ts`. */
import type { DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Instant } from '../../drivers/contract/time.ts';
import type {
  Credential,
  CredentialIndex,
  Grant,
  GrantId,
  HolderId,
  Key,
  KeyId,
  ResolvedWindow,
} from './model.ts';

/** A grant as the store holds it now. */
export interface StoredGrant {
  readonly grant: Grant;
  /** Instants as resolved when stored or when tzdata last changed. */
  readonly window: ResolvedWindow;
  /** A tombstone with this grant's id and a revision not below the grant's (kept for good). */
  readonly revoked: { readonly rev: number; readonly at: Instant } | undefined;
}

export interface GrantMatch extends StoredGrant {
  /** The credential of the grant that was shown. */
  readonly credential: Credential;
}

export interface GrantLookup {
  /** All grants, live or revoked, that carry the credential; in one statement. */
  byCredential(index: CredentialIndex): readonly GrantMatch[];
  grant(id: GrantId): StoredGrant | undefined;
  grantsOf(holder: HolderId): readonly StoredGrant[];
  key(id: KeyId): Key | undefined;
  keyByFob(fob: CredentialIndex): Key | undefined;
  keys(): readonly Key[];
  /** Slots of the box that a live `slot` grant names at `at`: never offered for returns. */
  reservedSlots(box: DeviceId, at: Instant): readonly SlotNumber[];
}
