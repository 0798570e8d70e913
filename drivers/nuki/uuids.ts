/** Services and characteristics of the Smart Lock 1.0 to 4.0 (API V2.1, "Bluetooth GATT services"). */
import type { GattCharacteristic } from '../contract/link.ts';

const at = (short: string) => `a92e${short}550111e4916c0800200c9a66`;

export const PAIRING_SERVICE = at('e100');
export const KEYTURNER_SERVICE = at('e200');
/** Pairing, unencrypted. */
export const PAIRING: GattCharacteristic = { service: PAIRING_SERVICE, characteristic: at('e101') };
/** General data, unencrypted. */
export const GENERAL: GattCharacteristic = {
  service: KEYTURNER_SERVICE,
  characteristic: at('e201'),
};
/** User-specific data, encrypted. */
export const USER: GattCharacteristic = { service: KEYTURNER_SERVICE, characteristic: at('e202') };
