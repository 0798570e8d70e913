/** What an authenticated, authorised person or cloud may ask directly; checked before it comes here. */
import type { DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Instant, Millis } from '../../drivers/contract/time.ts';
import type { Place } from './ledger.ts';
import type {
  AccessPointId,
  CredentialId,
  CredentialIndex,
  GrantId,
  HolderId,
  KeyId,
} from './model.ts';

export type Command = {
  /** Who answers for it: `usr-9`, `panel:anna`, `cloud`. */
  readonly by: string;
  /** Id of the signed command or request, for the journal. */
  readonly id?: string;
  readonly why?: string;
} & (
  | {
      readonly kind: 'slot.open';
      readonly device: DeviceId;
      readonly slot: SlotNumber;
      readonly hold?: Millis;
      /** For whom the slot is opened; the key leaves with them. */
      readonly holder?: HolderId;
    }
  | { readonly kind: 'unlock'; readonly device: DeviceId; readonly hold?: Millis }
  | { readonly kind: 'lock'; readonly device: DeviceId }
  | {
      readonly kind: 'lockdown';
      readonly lockdown: string;
      readonly scope: 'site' | AccessPointId;
      readonly allowStaff: boolean;
    }
  | { readonly kind: 'release'; readonly lockdown: string }
  | { readonly kind: 'keypad.reset'; readonly device: DeviceId }
  /** A manager states where a key is. */
  | {
      readonly kind: 'key.correct';
      readonly key: KeyId;
      readonly place:
        | Extract<Place, { kind: 'slot' }>
        | { readonly kind: 'holder'; readonly holder: HolderId; readonly due?: Instant }
        | { readonly kind: 'unknown' }
        | { readonly kind: 'lost' };
    }
  /** A manager has looked into a slot: its flags go. */
  | { readonly kind: 'slot.prove'; readonly device: DeviceId; readonly slot: SlotNumber }
  /** As the grant has it; without one, all that are called so: some sources call every card by the same id. */
  | {
      readonly kind: 'credential.enable' | 'credential.disable';
      readonly credential: CredentialId;
      readonly grant?: GrantId;
    }
  | { readonly kind: 'fob.attach'; readonly key: KeyId; readonly fob: CredentialIndex }
  | { readonly kind: 'fob.detach'; readonly key: KeyId }
  /** The source says how often a grant was used under its present reset word, after a journal was lost. */
  | {
      readonly kind: 'uses.confirm';
      readonly grant: GrantId;
      readonly count: number;
      readonly reset?: string;
    }
);
