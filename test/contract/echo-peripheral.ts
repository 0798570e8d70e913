/** A peripheral for tests of links: says back what is written to it, keeps what it heard. */

import { joinBytes } from '../../drivers/wire/hex.ts';
import { adField } from '../../simulator/radio/hci.ts';
import type { Central, Peripheral } from '../../simulator/radio/peripheral.ts';
import { FLAGS_FIELD, nameField, servicesField } from '../../simulator/radio/peripheral.ts';

const ECHO_SERVICE = '6e400001b5a3f393e0a9e50e24dcca9e';
export const ECHO = { service: ECHO_SERVICE, characteristic: '6e400002b5a3f393e0a9e50e24dcca9e' };
export const INDICATED = {
  service: ECHO_SERVICE,
  characteristic: '6e400003b5a3f393e0a9e50e24dcca9e',
};
export const BATTERY = { service: '180f', characteristic: '2a19' };

export class EchoPeripheral implements Peripheral {
  readonly address: string;
  readonly addressType = 'random';
  readonly services = [
    {
      uuid: BATTERY.service,
      characteristics: [{ uuid: BATTERY.characteristic, properties: ['read'] as const }],
    },
    {
      uuid: ECHO_SERVICE,
      characteristics: [
        {
          uuid: ECHO.characteristic,
          properties: ['write', 'write-without-response', 'notify', 'read'] as const,
        },
        { uuid: INDICATED.characteristic, properties: ['indicate', 'write'] as const },
      ],
    },
  ];
  readonly heard: Uint8Array[] = [];
  readonly centrals = new Set<Central>();
  connections = 0;
  every = 20;

  constructor(address = 'c0:ff:ee:00:00:01') {
    this.address = address;
  }

  advertising() {
    return {
      data: joinBytes(
        FLAGS_FIELD,
        servicesField('180f'),
        adField(0xff, Uint8Array.of(0x4c, 0, 7, 8)),
      ),
      scanResponse: nameField('ECHO-1'),
      every: this.every,
    };
  }

  connected(central: Central): void {
    this.connections += 1;
    this.centrals.add(central);
  }

  disconnected(central: Central): void {
    this.centrals.delete(central);
  }

  written(central: Central, characteristic: string, value: Uint8Array): undefined {
    this.heard.push(value);
    central.tell(characteristic, value.subarray(0, central.mtu - 3));
  }

  read(_central: Central, characteristic: string): Uint8Array {
    return characteristic === BATTERY.characteristic
      ? Uint8Array.of(87)
      : Uint8Array.from({ length: 300 }, (_, index) => index & 0xff);
  }
}
