/** What clients say of a device of this site: its name for them, their metadata, and the codes that it takes. */

import { uuidOf } from '../uuid.ts';
import type { VendorRecord } from '../vendor-record.ts';
import { BY, type DialectParts, idHere, KINDS } from './dialect-parts.ts';
import type { DeviceFields } from './fields.ts';
import { notFound } from './seam-error.ts';
import type { SiteDevice } from './site-devices.ts';

/** Lengths of a code that the box reads; `domain.md` PINs. */
const CODE_LENGTHS: readonly number[] = [4, 5, 6, 7, 8, 9, 10, 11, 12];

/** @throws SeamError 404 */
export function deviceAt({ devices }: DialectParts, uuid: string): SiteDevice {
  const device = devices.find(uuid);
  if (device === undefined) throw notFound('device');
  return device;
}

export function settingsOf({ shelves }: DialectParts, device_id: string): DeviceFields {
  const found = shelves.devices.at(recordId(device_id))?.fields;
  return found ?? { device_id, custom_metadata: {} };
}

export function lengthsOf(parts: DialectParts, device_id: string): readonly number[] {
  const { code_lengths = [] } = settingsOf(parts, device_id);
  const known = code_lengths.filter((each) => CODE_LENGTHS.includes(each));
  return known.length > 0 ? known : CODE_LENGTHS;
}

export async function keepSettings(parts: DialectParts, fields: DeviceFields): Promise<void> {
  const { sync } = parts;
  const id = recordId(fields.device_id);
  const record: VendorRecord = {
    kind: KINDS.device,
    origin: 'here',
    state: 'in-step',
    since: sync.desk.clock.now(),
    sealed: sync.seal(id, fields),
  };
  await sync.apply([{ id, record }], { by: BY });
}

/** Apart from whatever has the device's own id. */
function recordId(device_id: string): string {
  return idHere(uuidOf('device-settings', device_id));
}
