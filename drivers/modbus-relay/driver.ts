/** Modbus RTU relay and input boards in the catalogue. */
import { slotNumber } from '../contract/device.ts';
import type { Driver } from '../contract/machine.ts';
import { boardBusMachine } from '../wire/board-bus.ts';
import { addressTwice, LOCK_BOARD } from '../wire/lock-board-entry.ts';
import { modbusBoard, modbusProtocol } from './board.ts';
import type { ModbusRelayOptions } from './options.ts';

export const modbusRelay: Driver<ModbusRelayOptions> = {
  name: 'modbus-relay',
  title: 'Modbus RTU relay and input board (Waveshare and alike)',
  link: 'bytes',
  defaultBaudRate: 9600,
  abilities: ({ slots, strike }) => ({
    ...LOCK_BOARD,
    slots: slots.size > 0,
    presence: [...slots.values()].some(({ presence }) => presence !== undefined),
    lock: strike !== undefined,
    holdMost: strike?.holdMostMs,
  }),
  slots: ({ slots }) => [...slots.keys()].map(slotNumber),
  clashes: addressTwice,
  machine: (devices, bus) =>
    boardBusMachine(
      modbusProtocol(devices, bus),
      devices.map((device) => modbusBoard(device, () => bus.isHeldOpen?.(device.id) ?? false)),
      bus,
    ),
};
