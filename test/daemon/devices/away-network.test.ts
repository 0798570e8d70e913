import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDevices } from '../../../daemon/devices/devices.ts';
import { catalogue } from '../../../drivers/catalogue.ts';
import { deviceId } from '../../../drivers/contract/device.ts';
import type { ByteLinkOpener } from '../../../drivers/contract/link.ts';
import { osdpOptions } from '../../../drivers/osdp/options.ts';
import { SimulatedBus } from '../../../simulator/bus.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { SimulatedOsdpPd } from '../../../simulator/devices/osdp-pd.ts';
import { SimulatedPort } from '../../../simulator/link.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { Ear } from './bench.ts';

/** A network before a gateway. While it is away it keeps what is sent, and delivers it once it is back, as TCP does. */
class KeepingNetwork implements ByteLinkOpener {
  readonly kind = 'tcp';
  readonly name = 'gateway';
  readonly #port: SimulatedPort;
  #kept: (() => void)[] | undefined;

  constructor(port: SimulatedPort) {
    this.#port = port;
  }

  goAway(): void {
    this.#kept = [];
  }

  comeBack(): void {
    const kept = this.#kept ?? [];
    this.#kept = undefined;
    for (const deliver of kept) deliver();
  }

  async open(...[listener, signal]: Parameters<ByteLinkOpener['open']>) {
    const link = await this.#port.open(
      {
        bytes: (chunk, at) => {
          if (this.#kept === undefined) listener.bytes(chunk, at);
        },
        closed: (why) => listener.closed(why),
      },
      signal,
    );
    let isReset = false;
    return {
      identity: link.identity,
      setBaudRate: (baudRate: number) => link.setBaudRate(baudRate),
      send: async (bytes: Uint8Array) => {
        if (this.#kept === undefined) return link.send(bytes);
        this.#kept.push(() => {
          if (!isReset) void link.send(bytes);
        });
        return link.send(new Uint8Array(0));
      },
      close: () => {
        isReset = true;
        return link.close();
      },
    };
  }
}

test('P6: an opening that a network keeps while it is away is not delivered when it is back', async () => {
  const clock = new SimulatedClock();
  const bus = new SimulatedBus({ name: 'gateway', clock, random: seededRandom(2) });
  const reader = bus.attach(
    'gateway-1',
    (around) => new SimulatedOsdpPd('gateway-1', { address: 0 }, around),
  );
  const network = new KeepingNetwork(new SimulatedPort(bus, clock));
  const ear = new Ear();
  const id = deviceId('gateway-1');
  const options = osdpOptions.parse({ address: 0, secureChannel: 'off', strike: { output: 0 } });
  const devices = openDevices({
    buses: [{ name: 'gateway' }],
    devices: [{ id, driver: 'osdp', bus: 'gateway', options }],
    catalogue,
    openers: new Map([['gateway', network]]),
    clock,
    random: seededRandom(3),
    secrets: new Map(),
    onEvent: ear.onEvent,
    beforeWire: () => true,
  });
  const stop = new AbortController();
  const ended = devices.run(stop.signal);
  const pulses = () => JSON.stringify(reader.look()).match(/"pulses":(\d+)/)?.[1];
  await clock.advance(5000);
  devices.actuate(ear.unlock(clock, id));
  await clock.advance(3000);
  assert.deepEqual([ear.results(), pulses()], [['done'], '1']);

  network.goAway();
  devices.actuate(ear.unlock(clock, id));
  await clock.advance(4000);
  assert.deepEqual(ear.results(), ['done', 'unknown']);
  network.comeBack();
  await clock.advance(10_000);
  assert.equal(pulses(), '1', 'who asked has left');
  devices.actuate(ear.unlock(clock, id));
  await clock.advance(3000);
  assert.deepEqual([ear.results(), pulses()], [['done', 'unknown', 'done'], '2']);
  stop.abort();
  await clock.advance(6000);
  await ended;
});
