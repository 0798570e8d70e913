/** node-ble as it is shipped, in its own process, on a bus of our own with a bluetoothd that is simulated. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  type BleRadio,
  bleTransport,
  type RadioNews,
} from '../../../daemon/platform/ble-transport.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { bleContract } from '../../contract/ble-transport.ts';
import { EchoPeripheral } from '../../contract/echo-peripheral.ts';
import { until } from '../../real-time.ts';
import { DBUS_DAEMON, FakeBluez, hasDbus } from './fake-bluez.ts';

const clock = realClock();
const news: RadioNews[] = [];
let shared: { readonly bluez: FakeBluez; readonly transport: BleRadio } | undefined;

after(async () => {
  await shared?.transport.close();
  await shared?.bluez.stop();
});

async function surroundings() {
  if (shared !== undefined) return shared;
  const bluez = await FakeBluez.start();
  const transport = bleTransport({
    name: 'bluez',
    backend: { kind: 'bluez', adapter: 'hci0', busAddress: bluez.address },
    clock,
    news: (each) => news.push(each),
  });
  shared = { bluez, transport };
  return shared;
}

bleContract('bluez', async () => {
  if (!hasDbus()) return `${DBUS_DAEMON} is missing (Debian package dbus)`;
  const { bluez, transport } = await surroundings();
  const peripheral = new EchoPeripheral('c0:ff:ee:00:00:01');
  const other = new EchoPeripheral('c0:ff:ee:00:00:02');
  bluez.join(peripheral);
  bluez.join(other);
  return {
    transport,
    peripheral,
    other,
    setFaults: ({ address }, faults) => bluez.setFaults(address, faults),
    [Symbol.asyncDispose]: async () => {
      for (const { address } of [peripheral, other]) {
        bluez.setFaults(address, {});
        bluez.leave(address);
      }
    },
  };
});

test('bluez: an adapter powered off is down, and used again when it is on', async (t) => {
  if (!hasDbus()) {
    t.skip(`${DBUS_DAEMON} is missing (Debian package dbus)`);
    return;
  }
  const { bluez, transport } = await surroundings();
  await until(() => transport.isUp);
  bluez.powerOff();
  await until(() => !transport.isUp);
  assert.ok(news.some((each) => each.kind === 'down' && /powered off/.test(each.why)));
  bluez.powerOn();
  await until(() => transport.isUp, 15_000);
});

test('bluez: a peripheral whose services cannot be read is let go again', async (t) => {
  if (!hasDbus()) {
    t.skip(`${DBUS_DAEMON} is missing (Debian package dbus)`);
    return;
  }
  const { bluez, transport } = await surroundings();
  const peripheral = new EchoPeripheral('c0:ff:ee:00:00:03');
  bluez.join(peripheral);
  bluez.breakServices(peripheral.address, true);
  const listener = { notified: () => undefined, closed: () => undefined };
  await assert.rejects(transport.connect(peripheral.address, 'random', listener, 10_000));
  await until(() => !bluez.isConnected(peripheral.address));
  bluez.breakServices(peripheral.address, false);
  const link = await transport.connect(peripheral.address, 'random', listener, 10_000);
  assert.equal(bluez.isConnected(peripheral.address), true);
  await link.close();
  bluez.leave(peripheral.address);
});
