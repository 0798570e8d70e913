/** What every Bluetooth backend promises. Called by one test file for each; the peripheral is the same simulated one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinkError } from '../../drivers/contract/errors.ts';
import type {
  Advertisement,
  BleTransport,
  GattCharacteristic,
  GattListener,
} from '../../drivers/contract/link.ts';
import type { PeripheralFaults } from '../../simulator/radio/peripheral.ts';
import { until } from '../real-time.ts';
import { BATTERY, ECHO, type EchoPeripheral, INDICATED } from './echo-peripheral.ts';

export interface BleBench extends AsyncDisposable {
  readonly transport: BleTransport;
  readonly peripheral: EchoPeripheral;
  /** A second one. */
  readonly other: EchoPeripheral;
  setFaults(peripheral: EchoPeripheral, faults: PeripheralFaults): void;
}

export class GattHeard implements GattListener {
  readonly values: { readonly from: GattCharacteristic; readonly value: Uint8Array }[] = [];
  readonly ends: LinkError[] = [];

  notified(from: GattCharacteristic, value: Uint8Array): void {
    this.values.push({ from, value });
  }

  closed(why: LinkError): void {
    this.ends.push(why);
  }
}

/** Longer than any operation's own deadline, shorter than a hang. */
const WITHIN = 10_000;

/** `bench` gives fresh surroundings to each test, or the same again with everything mended. */
export function bleContract(kind: string, bench: () => Promise<BleBench | string>): void {
  const each = (name: string, body: (at: BleBench) => Promise<void>) =>
    test(`${kind}: ${name}`, async (t) => {
      const at = await bench();
      if (typeof at === 'string') {
        assert.notEqual(process.env['LATCHKEY_REQUIRE_ALL'], '1', at);
        t.skip(at);
        return;
      }
      try {
        await body(at);
      } finally {
        await at[Symbol.asyncDispose]();
      }
    });
  const connect = async (at: BleBench, to = at.peripheral) => {
    const heard = new GattHeard();
    const link = await at.transport.connect(to.address, to.addressType, heard, WITHIN);
    return { heard, link };
  };

  each('a scan hears who is there and what it says of itself', async (at) => {
    const found: Advertisement[] = [];
    const stop = new AbortController();
    const scan = at.transport.scan((each) => found.push(each), WITHIN, stop.signal);
    const known = () => found.filter(({ address }) => address === at.peripheral.address);
    await until(() => known().some(({ name }) => name === 'ECHO-1'));
    stop.abort();
    await scan;
    const last = known().at(-1);
    assert.equal(last?.addressType, 'random');
    assert.deepEqual([...(last?.manufacturerData ?? [])], [0x4c, 0, 7, 8]);
    assert.ok((last?.rssi ?? 0) < -40, `rssi ${last?.rssi}`);
  });

  each('what is written arrives, what is told is heard, what is read is whole', async (at) => {
    const { heard, link } = await connect(at);
    await link.subscribe(ECHO);
    await link.write(ECHO, Uint8Array.of(1, 2, 3), true);
    await until(() => heard.values.length > 0);
    assert.deepEqual(heard.values[0]?.from, ECHO);
    assert.deepEqual([...(heard.values[0]?.value ?? [])], [1, 2, 3]);
    assert.deepEqual([...(await link.read(BATTERY))], [87]);
    const long = await link.read(ECHO);
    assert.equal(long.length, 300);
    assert.ok(link.mtu >= 23);
    await link.close();
    await until(() => at.peripheral.centrals.size === 0);
  });

  each(
    'a value longer than the MTU is written whole, and indications come in order',
    async (at) => {
      const { heard, link } = await connect(at);
      await link.subscribe(INDICATED);
      const long = Uint8Array.from({ length: 400 }, (_, index) => (index * 7) & 0xff);
      await link.write(INDICATED, long, true);
      assert.deepEqual(at.peripheral.heard.at(-1), long);
      await Promise.all([1, 2, 3].map((n) => link.write(INDICATED, Uint8Array.of(n), true)));
      await until(() => heard.values.length >= 4);
      assert.deepEqual(
        heard.values.slice(1).map(({ value }) => value[0]),
        [1, 2, 3],
      );
      await link.close();
    },
  );

  each('closing tells the listener once, and a closed link refuses', async (at) => {
    const { heard, link } = await connect(at);
    await Promise.all([link.close(), link.close()]);
    await link.close();
    await assert.rejects(link.write(ECHO, Uint8Array.of(9), true), { code: 'closed' });
    assert.deepEqual(
      heard.ends.map(({ code }) => code),
      ['closed'],
    );
    await until(() => at.peripheral.centrals.size === 0);
    const again = await connect(at);
    await again.link.write(ECHO, Uint8Array.of(7), true);
    assert.deepEqual(
      at.peripheral.heard.map((value) => [...value]),
      [[7]],
    );
    await again.link.close();
  });

  each('a peripheral that hangs up ends the link once', async (at) => {
    const { heard, link } = await connect(at);
    await link.subscribe(ECHO);
    for (const central of at.peripheral.centrals) central.disconnect(0x13);
    await until(() => heard.ends.length > 0);
    await assert.rejects(link.write(ECHO, Uint8Array.of(1), true), { code: 'closed' });
    await link.close();
    assert.deepEqual(
      heard.ends.map(({ code }) => code),
      ['closed'],
    );
  });

  each('a write that is not answered ends in its own time, and the link with it', async (at) => {
    const { heard, link } = await connect(at);
    await link.subscribe(ECHO);
    at.setFaults(at.peripheral, { silentFrom: 0 });
    const began = performance.now();
    await assert.rejects(link.write(ECHO, Uint8Array.of(1), true), { code: 'timed-out' });
    assert.ok(performance.now() - began < 4500);
    await until(() => heard.ends.length > 0);
    at.setFaults(at.peripheral, {});
    await until(() => at.peripheral.centrals.size === 0);
    const again = await connect(at);
    await again.link.write(ECHO, Uint8Array.of(2), true);
    await again.link.close();
  });

  each('a write that is refused rejects, at the latest in its own time', async (at) => {
    const { link } = await connect(at);
    at.setFaults(at.peripheral, { writeError: 0x03 });
    await assert.rejects(link.write(ECHO, Uint8Array.of(1), true), (error) => {
      return error instanceof LinkError && (error.code === 'failed' || error.code === 'timed-out');
    });
    await link.close();
  });

  each(
    "a peripheral that is away is given up in time, and stands in nobody's way after",
    async (at) => {
      at.setFaults(at.peripheral, { away: true });
      const began = performance.now();
      await assert.rejects(
        at.transport.connect(at.peripheral.address, 'random', new GattHeard(), 1500),
        (error) => error instanceof LinkError && error.code !== 'closed',
      );
      assert.ok(performance.now() - began < 4000);
      const { link } = await connect(at, at.other);
      await link.write(ECHO, Uint8Array.of(5), true);
      await link.close();
      at.setFaults(at.peripheral, {});
      const back = await connect(at);
      await back.link.close();
      await until(() => at.peripheral.centrals.size === 0);
      assert.equal(at.peripheral.connections, 1, 'the attempt given up must not succeed later');
    },
  );

  each('two peripherals at once keep their values apart', async (at) => {
    const [one, two] = [await connect(at), await connect(at, at.other)];
    await one.link.subscribe(ECHO);
    await two.link.subscribe(ECHO);
    await Promise.all([
      one.link.write(ECHO, Uint8Array.of(1), true),
      two.link.write(ECHO, Uint8Array.of(2), true),
    ]);
    await until(() => one.heard.values.length + two.heard.values.length >= 2);
    assert.deepEqual([...(one.heard.values[0]?.value ?? [])], [1]);
    assert.deepEqual([...(two.heard.values[0]?.value ?? [])], [2]);
    await Promise.all([one.link.close(), two.link.close()]);
  });

  each('scanning goes on around a connect, never through it', async (at) => {
    const stop = new AbortController();
    let heardAfter = 0;
    let isConnected = false;
    const scan = at.transport.scan(
      ({ address }) => {
        if (isConnected && address === at.other.address) heardAfter += 1;
      },
      WITHIN,
      stop.signal,
    );
    const { link } = await connect(at);
    isConnected = true;
    await until(() => heardAfter > 0);
    await link.write(ECHO, Uint8Array.of(1), true);
    stop.abort();
    await scan;
    await link.close();
  });
}
