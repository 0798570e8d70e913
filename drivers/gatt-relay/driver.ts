/** Electric strikes, gates and DIY locks behind a BLE relay board, as an entry of the catalogue. */
import { ConfigError } from '../contract/errors.ts';
import type { Driver, DriverAbilities } from '../contract/machine.ts';
import { a0, bt004ble, custom, type Dialect, holdMostOf } from './dialect.ts';
import { relayMachine } from './machine.ts';
import type { GattRelayOptions } from './options.ts';

export const gattRelay: Driver<GattRelayOptions> = {
  name: 'gatt-relay',
  title: 'BLE relay boards: Devantech BT004BLE; A0 boards and others, which authenticate nobody',
  link: 'gatt',
  defaultBaudRate: 0,
  abilities: ({ failSafe, ...options }): DriverAbilities => ({
    cards: false,
    codes: false,
    feedback: false,
    slots: false,
    presence: false,
    lock: true,
    holdMost: holdMostOf(options),
    onPowerLoss: failSafe ? 'fail-safe' : 'fail-secure',
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
      throw new RangeError(`one machine a relay board, found ${devices.length}`);
    }
    const dialect = dialectOf(device.id, device.options, bus.secrets);
    return relayMachine(device, dialect, () => bus.isHeldOpen?.(device.id) ?? false);
  },
};

function dialectOf(
  id: string,
  options: GattRelayOptions,
  secrets: ReadonlyMap<string, Uint8Array>,
): Dialect {
  const { dialect, channel, password = '', unlock = '', lock = '', ack } = options;
  if (dialect === 'a0') return a0(channel);
  if (dialect === 'custom') return custom(channel, { unlock, lock, ack });
  const secret = secrets.get(password);
  const text = secret && new TextDecoder().decode(secret).trim();
  if (text === undefined || !/^[\x20-\x7e]{1,32}$/.test(text)) {
    const path = `devices.${id}.options.password`;
    const remedy = 'name a credential that holds the 1 to 32 printable characters of the password';
    throw new ConfigError([{ path, found: password, remedy }]);
  }
  return bt004ble(channel, new TextEncoder().encode(text));
}
