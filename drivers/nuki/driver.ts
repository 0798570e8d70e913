/** Nuki Smart Lock 1.0 to 4.0 (Pro), with or without keypad, as an entry of the catalogue. */
import { ConfigError, type Fault } from '../contract/errors.ts';
import type { Driver, DriverAbilities } from '../contract/machine.ts';
import { readAuthorization, readPin } from './credentials.ts';
import { nukiMachine } from './machine.ts';
import type { NukiOptions } from './options.ts';

export const nukiSmartLock: Driver<NukiOptions> = {
  name: 'nuki-smart-lock',
  title: 'Nuki Smart Lock 1.0 to 4.0 (Pro) over Bluetooth, with its keypad as a cache of codes',
  link: 'gatt',
  defaultBaudRate: 0,
  abilities: ({ pin, codesMax }): DriverAbilities => ({
    cards: false,
    codes: pin !== undefined && codesMax > 0,
    feedback: false,
    slots: false,
    presence: false,
    lock: true,
    // A motor on the inside: without power everything stays as it is, and a key still works.
    onPowerLoss: undefined,
  }),
  peripheral: ({ address, addressType }) => ({ address, addressType }),
  clashes: (devices) => {
    const first = new Map<string, string>();
    return devices.flatMap(({ id, options: { address } }) => {
      const other = first.get(address);
      first.set(address, other ?? id);
      return other === undefined ? [] : [`${other} and ${id} have both the address ${address}`];
    });
  },
  machine(devices, bus) {
    const [device, ...more] = devices;
    if (device === undefined || more.length > 0) {
      throw new RangeError(`one machine a Nuki lock, found ${devices.length}`);
    }
    const { authorization, pin } = device.options;
    const path = `devices.${device.id}.options`;
    const faults: Fault[] = [];
    const found = readAuthorization(bus.secrets.get(authorization));
    const digits = pin === undefined ? undefined : readPin(bus.secrets.get(pin));
    if (typeof found === 'string') {
      faults.push({ path: `${path}.authorization`, found: authorization, remedy: found });
    }
    if (typeof digits === 'string') {
      faults.push({ path: `${path}.pin`, found: pin ?? '', remedy: digits });
    }
    if (faults.length > 0 || typeof found === 'string' || typeof digits === 'string') {
      throw new ConfigError(faults);
    }
    return nukiMachine(device, { ...found, pin: digits }, bus);
  },
};
