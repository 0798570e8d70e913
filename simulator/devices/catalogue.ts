/** Driver name -> the device it talks to, simulated. A new one is one file here and one line. */
import type { SimulatedKind } from '../device.ts';
import { simulatedEm4100Reader, simulatedId20la } from './em4100-reader.ts';
import { simulatedKerongCu12, simulatedKerongCu16 } from './kerong-cu16.ts';
import { simulatedKerongCu48, simulatedKerongCu48b } from './kerong-cu48.ts';
import { simulatedLockBoard8a } from './lock-board-8a.ts';
import { simulatedModbusRelay } from './modbus-relay.ts';
import { simulatedNukiLock } from './nuki-lock.ts';
import { simulatedOsdpPd } from './osdp-pd.ts';
import { simulatedPn532 } from './pn532.ts';
import { simulatedLineReader, simulatedStxEtxLrc } from './text-reader.ts';
import { simulatedKeyboardWedge, simulatedUsbKeypad } from './usb-input.ts';
import { simulatedWiegandKeypad } from './wiegand-keypad.ts';
import { simulatedWinnsen } from './winnsen.ts';

export const simulatedKinds: ReadonlyMap<string, SimulatedKind> = new Map<string, SimulatedKind>([
  ['id-20la', { build: simulatedId20la }],
  ['kerong-cu12', { build: simulatedKerongCu12 }],
  ['kerong-cu16', { build: simulatedKerongCu16 }],
  ['kerong-cu48', { build: simulatedKerongCu48 }],
  ['kerong-cu48b', { build: simulatedKerongCu48b }],
  ['keyboard-wedge', { build: simulatedKeyboardWedge }],
  ['line-reader', { build: simulatedLineReader }],
  ['lock-board-8a', { build: simulatedLockBoard8a }],
  ['modbus-relay', { build: simulatedModbusRelay }],
  ['nuki-smart-lock', { build: simulatedNukiLock }],
  ['osdp', { build: simulatedOsdpPd }],
  ['pn532', { build: simulatedPn532 }],
  ['rdm6300', { build: simulatedEm4100Reader }],
  ['stx-etx-lrc', { build: simulatedStxEtxLrc }],
  ['usb-keypad', { build: simulatedUsbKeypad }],
  ['wiegand-serial', { build: simulatedWiegandKeypad }],
  ['winnsen', { build: simulatedWinnsen }],
]);
