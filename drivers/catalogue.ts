/** Driver name -> entry: a driver, and what it takes in the config. A new driver is one folder, one line here and one in `drivers.ts`. */
import type { z } from 'zod';
import { lineReader, stxEtxLrc } from './ascii-reader/line-reader.ts';
import {
  em4100Options,
  lineReaderOptions,
  stxEtxLrcOptions,
  wiegandSerialOptions,
} from './ascii-reader/options.ts';
import { id20la, rdm6300 } from './ascii-reader/rdm6300.ts';
import { wiegandSerial } from './ascii-reader/wiegand-serial.ts';
import type { Driver, DriverEntry } from './contract/machine.ts';
import { gattRelay } from './gatt-relay/driver.ts';
import { gattRelayOptions } from './gatt-relay/options.ts';
import { kerongCu12, kerongCu16, kerongCu48, kerongCu48b } from './kerong/driver.ts';
import { locksOf } from './kerong/frame.ts';
import { kerongOptions } from './kerong/options.ts';
import { keyboardWedge, usbKeypad } from './keyboard-wedge/driver.ts';
import { keypadOptions, wedgeOptions } from './keyboard-wedge/options.ts';
import { lockBoard8a } from './lock-board-8a/driver.ts';
import { lockBoard8aOptions } from './lock-board-8a/options.ts';
import { modbusRelay } from './modbus-relay/driver.ts';
import { modbusRelayOptions } from './modbus-relay/options.ts';
import { nukiSmartLock } from './nuki/driver.ts';
import { nukiOptions } from './nuki/options.ts';
import { osdp } from './osdp/driver.ts';
import { osdpOptions } from './osdp/options.ts';
import { pn532 } from './pn532/driver.ts';
import { pn532Options } from './pn532/options.ts';
import { winnsen } from './winnsen/driver.ts';
import { winnsenOptions } from './winnsen/options.ts';

const ENTRIES: readonly DriverEntry[] = [
  entry(gattRelay, gattRelayOptions),
  entry(id20la, em4100Options),
  entry(kerongCu12, kerongOptions(12, false)),
  entry(kerongCu16, kerongOptions(locksOf('cu16'), true)),
  entry(kerongCu48, kerongOptions(locksOf('cu48'), false)),
  entry(kerongCu48b, kerongOptions(locksOf('cu48b'), true)),
  entry(keyboardWedge, wedgeOptions),
  entry(lineReader, lineReaderOptions),
  entry(lockBoard8a, lockBoard8aOptions),
  entry(modbusRelay, modbusRelayOptions),
  entry(nukiSmartLock, nukiOptions),
  entry(osdp, osdpOptions),
  entry(pn532, pn532Options),
  entry(rdm6300, em4100Options),
  entry(stxEtxLrc, stxEtxLrcOptions),
  entry(usbKeypad, keypadOptions),
  entry(wiegandSerial, wiegandSerialOptions),
  entry(winnsen, winnsenOptions),
];

export const catalogue: ReadonlyMap<string, DriverEntry> = new Map(
  ENTRIES.map((each) => [each.name, each]),
);

/** A driver and the schema that gives it its options. */
export function entry<Options>(
  driver: Driver<Options>,
  options: z.ZodType<Options>,
): DriverEntry<Options> {
  return { ...driver, options };
}
