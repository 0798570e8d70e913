/** Advertising reports (Vol 4 Part E 7.7.65.2 and 7.7.65.13), as a controller tells them to its host. */
import { joinBytes } from '../../drivers/wire/hex.ts';
import type { Air } from './air.ts';
import { addressBytes, leEvent, u16 } from './hci.ts';
import type { Peripheral } from './peripheral.ts';

/** ADV_IND, or the scan response to it. */
export function legacyReport(
  air: Air,
  peripheral: Peripheral,
  data: Uint8Array,
  isResponse: boolean,
): Uint8Array {
  const kind = Uint8Array.of(1, isResponse ? 0x04 : 0x00);
  const rssi = Uint8Array.of(air.rssi(peripheral.address));
  return leEvent(0x02, kind, who(air, peripheral), Uint8Array.of(data.length), data, rssi);
}

/** Legacy advertising in the extended form: connectable, scannable; bit 3 marks the response. */
export function extendedReport(
  air: Air,
  peripheral: Peripheral,
  data: Uint8Array,
  isResponse: boolean,
): Uint8Array {
  const kind = joinBytes(Uint8Array.of(1), u16(isResponse ? 0x1b : 0x13));
  // 1M PHY, no secondary, no set, no power told; then rssi, no periodic interval, no direct address.
  const strength = Uint8Array.of(0x01, 0x00, 0xff, 0x7f, air.rssi(peripheral.address));
  const direct = new Uint8Array(9);
  const length = Uint8Array.of(data.length);
  return leEvent(0x0d, kind, who(air, peripheral), strength, direct, length, data);
}

function who(air: Air, { address, addressType }: Peripheral): Uint8Array {
  const isWrong = air.faults(address).wrongAddressType === true;
  const isRandom = (addressType === 'random') !== isWrong;
  return joinBytes(Uint8Array.of(isRandom ? 1 : 0), addressBytes(address));
}
