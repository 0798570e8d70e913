/** Modbus RTU relay and input boards in the catalogue. */
import { slotNumber } from '../contract/device.ts';
import type { DriverEntry } from '../contract/machine.ts';
import { boardBusMachine } from '../wire/board-bus.ts';
import { modbusBoard, modbusProtocol } from './board.ts';
import { type ModbusRelayOptions, modbusRelayOptions } from './options.ts';

export const modbusRelay: DriverEntry<ModbusRelayOptions> = {
  name: 'modbus-relay',
  title: 'Modbus RTU relay and input board (Waveshare and alike)',
  link: 'bytes',
  defaultBaudRate: 9600,
  options: modbusRelayOptions,
  abilities: ({ slots, strike }) => ({
    cards: false,
    codes: false,
    feedback: false,
    slots: slots.size > 0,
    presence: [...slots.values()].some(({ presence }) => presence !== undefined),
    lock: strike !== undefined,
    onPowerLoss: 'fail-secure',
  }),
  slots: ({ slots }) => [...slots.keys()].map(slotNumber),
  clashes(devices) {
    const byAddress = Map.groupBy(devices, ({ options: { address } }) => address);
    return [...byAddress]
      .filter(([, same]) => same.length > 1)
      .map(
        ([address, same]) => `${same.map(({ id }) => id).join(', ')}: all have address ${address}`,
      );
  },
  machine: (devices, bus) =>
    boardBusMachine(modbusProtocol(devices, bus), devices.map(modbusBoard), bus),
};
