/**
 * Driver name -> driver, as it is run. Without the schemas of the catalogue: they take 30 ms to make, and a start on a
 * config that was checked before does without them.
 */
import { lineReader, stxEtxLrc } from './ascii-reader/line-reader.ts';
import { id20la, rdm6300 } from './ascii-reader/rdm6300.ts';
import { wiegandSerial } from './ascii-reader/wiegand-serial.ts';
import type { Driver } from './contract/machine.ts';
import { gattRelay } from './gatt-relay/driver.ts';
import { kerongCu12, kerongCu16, kerongCu48, kerongCu48b } from './kerong/driver.ts';
import { keyboardWedge, usbKeypad } from './keyboard-wedge/driver.ts';
import { lockBoard8a } from './lock-board-8a/driver.ts';
import { modbusRelay } from './modbus-relay/driver.ts';
import { nukiSmartLock } from './nuki/driver.ts';
import { osdp } from './osdp/driver.ts';
import { pn532 } from './pn532/driver.ts';
import { winnsen } from './winnsen/driver.ts';

const ALL: readonly Driver[] = [
  gattRelay,
  id20la,
  kerongCu12,
  kerongCu16,
  kerongCu48,
  kerongCu48b,
  keyboardWedge,
  lineReader,
  lockBoard8a,
  modbusRelay,
  nukiSmartLock,
  osdp,
  pn532,
  rdm6300,
  stxEtxLrc,
  usbKeypad,
  wiegandSerial,
  winnsen,
];

export const drivers: ReadonlyMap<string, Driver> = new Map(
  ALL.map((driver) => [driver.name, driver]),
);
