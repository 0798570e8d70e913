/** What the rooms of the dialect share. */
import type { Target } from '../../access/model.ts';
import type { VendorDesk } from '../desk.ts';
import type { VendorSync } from '../vendor-sync.ts';
import type { ActionAttempts } from './action-attempts.ts';
import type { DeviceLimits } from './device-limits.ts';
import {
  type CodeFields,
  codeFields,
  type DeviceFields,
  deviceFields,
  type GrantFields,
  grantFields,
  type PersonFields,
  personFields,
  type WebhookFields,
  webhookFields,
} from './fields.ts';
import { Shelf } from './shelf.ts';
import type { SiteDevices } from './site-devices.ts';

export const BY = 'dialect:seam';

export interface DialectParts {
  readonly desk: VendorDesk;
  readonly sync: VendorSync;
  readonly devices: SiteDevices;
  readonly attempts: ActionAttempts;
  readonly limits: DeviceLimits;
  readonly shelves: Shelves;
  /** Of a new thing with these targets: the vendor is told, or it is this site's alone. */
  readonly stateOf: (targets: readonly Target[]) => 'to-create' | 'in-step';
}

export interface Shelves {
  readonly grants: Shelf<GrantFields>;
  readonly codes: Shelf<CodeFields>;
  readonly people: Shelf<PersonFields>;
  readonly webhooks: Shelf<WebhookFields>;
  readonly devices: Shelf<DeviceFields>;
}

export const KINDS = {
  grant: 'access_grant',
  code: 'access_code',
  person: 'user_identity',
  webhook: 'webhook',
  device: 'device',
} as const;

export function shelvesOf(sync: VendorSync): Shelves {
  return {
    grants: new Shelf(KINDS.grant, sync, grantFields),
    codes: new Shelf(KINDS.code, sync, codeFields),
    people: new Shelf(KINDS.person, sync, personFields),
    webhooks: new Shelf(KINDS.webhook, sync, webhookFields),
    devices: new Shelf(KINDS.device, sync, deviceFields),
  };
}

/** Id here of what Seam knows by a UUID. */
export function idHere(uuid: string): string {
  return `seam-${uuid.toLowerCase()}`;
}

/** Opaque texts in an order that stays: by when it was made, then by id. */
export function rankOf(fields: { readonly created_at: string }, id: string): string {
  return `${fields.created_at} ${id}`;
}
