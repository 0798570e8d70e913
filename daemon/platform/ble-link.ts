/** One peripheral of an adapter, as the supervisor opens it: each opening is one connection. */

import { LinkError } from '../../drivers/contract/errors.ts';
import type {
  Advertisement,
  BleTransport,
  GattLink,
  GattListener,
} from '../../drivers/contract/link.ts';
import type { Millis } from '../../drivers/contract/time.ts';
import type { BleRadio } from './ble-transport.ts';

export interface GattPeripheralOptions {
  readonly transport: BleTransport | BleRadio;
  /** `aa:bb:cc:dd:ee:ff`. */
  readonly address: string;
  readonly addressType: 'public' | 'random';
  /** How long one connect may take. Default 10 s. */
  readonly connectWithin?: Millis;
}

export interface GattPeripheral {
  readonly kind: 'gatt';
  readonly name: string;
  open(listener: GattListener, signal: AbortSignal): Promise<GattLink>;
  /** Hears the peripheral's own advertisements until the signal. */
  watch(heard: (advertisement: Advertisement) => void, signal: AbortSignal): void;
}

export function gattPeripheral(options: GattPeripheralOptions): GattPeripheral {
  const { transport, addressType, connectWithin = 10_000 } = options;
  const address = options.address.toLowerCase();
  return {
    kind: 'gatt',
    name: `${address} on ${transport.name}`,
    async open(listener, signal) {
      if (signal.aborted) throw new LinkError('closed', `${address} was given up`);
      const link = await transport.connect(address, addressType, listener, connectWithin);
      if (!signal.aborted) return link;
      await link.close();
      throw new LinkError('closed', `${address} was given up while connecting`);
    },
    watch(heard, signal) {
      if (!('watch' in transport)) return;
      transport.watch((advertisement) => {
        if (advertisement.address === address) heard(advertisement);
      }, signal);
    },
  };
}
