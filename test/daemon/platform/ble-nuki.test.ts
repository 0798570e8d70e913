/** A simulated Nuki lock behind the whole way: machine, loop, transport, radio process, noble, HCI, air. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gattPeripheral } from '../../../daemon/platform/ble-link.ts';
import { type BleRadio, bleTransport } from '../../../daemon/platform/ble-transport.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { actuationId, type DeviceEvent, deviceId } from '../../../drivers/contract/device.ts';
import { uptime } from '../../../drivers/contract/time.ts';
import { authorizationText } from '../../../drivers/nuki/credentials.ts';
import { nukiSmartLock } from '../../../drivers/nuki/driver.ts';
import { nukiOptions } from '../../../drivers/nuki/options.ts';
import { runGattMachine } from '../../../drivers/run-gatt-machine.ts';
import { toHex } from '../../../drivers/wire/hex.ts';
import { NukiLock } from '../../../simulator/devices/nuki-lock.ts';
import { Air } from '../../../simulator/radio/air.ts';
import { type RadioPort, serveRadio } from '../../../simulator/radio/serve.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { until } from '../../real-time.ts';

const clock = realClock();
const isLong = process.env['LATCHKEY_LONG'] === '1';

interface Site extends AsyncDisposable {
  readonly air: Air;
  readonly port: RadioPort;
  readonly transport: BleRadio;
  lock(name: string, address: string): Promise<Door>;
}

interface Door {
  readonly lock: NukiLock;
  readonly events: DeviceEvent[];
  /** Asks for an unlock; gives its result and how long it took. */
  unlock(within?: number): Promise<{ readonly result: string; readonly ms: number }>;
}

async function site(): Promise<Site> {
  const random = seededRandom(21);
  const air = new Air(clock, random);
  const port = await serveRadio(air);
  const stop = new AbortController();
  const transport = bleTransport({
    name: 'radio',
    backend: { kind: 'tcp', host: port.host, port: port.port },
    clock,
  });
  const runs: Promise<unknown>[] = [];
  let next = 1;
  return {
    air,
    port,
    transport,
    async lock(name, address) {
      const lock = new NukiLock({ name, address, clock, random, motorMs: 30, advertiseEvery: 20 });
      air.join(lock);
      const key = random.bytes(32);
      const secret = authorizationText(
        lock.authorize(key, 'Latchkey'),
        toHex(key),
        '00'.repeat(16),
      );
      const events: DeviceEvent[] = [];
      const device = deviceId(name);
      const options = nukiOptions.parse({ address, authorization: 'credential:lock', idleMs: 0 });
      const running = await runGattMachine({
        machine: nukiSmartLock.machine([{ id: device, options }], {
          baudRate: 0,
          latencyMs: 0,
          echo: false,
          random,
          secrets: new Map([['credential:lock', new TextEncoder().encode(secret)]]),
        }),
        port: gattPeripheral({ transport, address, addressType: 'random' }),
        clock,
        signal: stop.signal,
        onEvent: (event) => events.push(event),
      });
      runs.push(running.closed);
      return {
        lock,
        events,
        async unlock(within = 15_000) {
          const id = actuationId(`n${next}`);
          next += 1;
          const began = performance.now();
          const expiresAt = uptime(clock.uptime() + within);
          running.actuate({ id, device, expiresAt, kind: 'unlock', hold: 3000 });
          const found = () =>
            events.find((event) => event.kind === 'actuation-result' && event.actuation === id);
          await until(() => found() !== undefined, within + 60_000);
          const result = found();
          const ms = performance.now() - began;
          return { result: result?.kind === 'actuation-result' ? result.result : '', ms };
        },
      };
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await Promise.all(runs);
      await transport.close();
      await port.close();
    },
  };
}

const median = (times: readonly number[]) =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Infinity;

test('unlocks through noble and the virtual controller, again and again', async (t) => {
  await using at = await site();
  const door = await at.lock('front', '54:d2:72:00:00:01');
  const cycles = isLong ? 1000 : 8;
  const times: number[] = [];
  for (let cycle = 1; cycle <= cycles; cycle += 1) {
    door.lock.motor.turn(1);
    const { result, ms } = await door.unlock();
    assert.equal(result, 'done');
    assert.equal(door.lock.motor.runs.unlock, cycle);
    times.push(ms);
    await until(() => !at.air.isBusy(door.lock), 5000);
  }
  t.diagnostic(
    `${cycles} unlocks with connect, median ${median(times).toFixed(0)} ms, 30 ms of it motor`,
  );
});

test('two locks, one dead: the other opens as fast as alone', async (t) => {
  await using at = await site();
  const front = await at.lock('front', '54:d2:72:00:00:01');
  const back = await at.lock('back', '54:d2:72:00:00:02');
  await until(() =>
    [front, back].every(({ events }) => events.some(({ kind }) => kind === 'online')),
  );
  const open = async () => {
    front.lock.motor.turn(1);
    await until(() => !at.air.isBusy(front.lock), 5000);
    const { result, ms } = await front.unlock();
    assert.equal(result, 'done');
    return ms;
  };
  const alone: number[] = [];
  for (let turn = 0; turn < 5; turn += 1) alone.push(await open());
  at.air.setFaults(back.lock.address, { away: true });
  const dead = back.unlock(3000);
  const beside: number[] = [];
  for (let turn = 0; turn < 5; turn += 1) beside.push(await open());
  t.diagnostic(
    `alone ${median(alone).toFixed(0)} ms, beside a dead one ${median(beside).toFixed(0)} ms`,
  );
  // The first may find the radio waiting for the dead one, which gives way after a second.
  assert.ok(median(beside) < median(alone) + 200, `${median(beside)} against ${median(alone)} ms`);
  assert.ok(Math.max(...beside) < Math.max(...alone) + 1500);
  assert.equal((await dead).result, 'refused');
  assert.equal(back.lock.motor.runs.unlock, 0);
});

test('the link is cut at every packet of an unlock: one result, at most one run', async () => {
  await using at = await site();
  const door = await at.lock('front', '54:d2:72:00:00:01');
  await until(() => door.events.some(({ kind }) => kind === 'online'));
  const last = isLong ? 30 : 16;
  for (let packet = 0; packet < last; packet += isLong ? 1 : 5) {
    for (const taken of [false, true]) {
      await until(() => !at.air.isBusy(door.lock), 10_000);
      door.lock.motor.turn(1);
      const before = door.lock.motor.runs.unlock;
      at.air.setFaults(door.lock.address, { cutAt: { packet, taken } });
      const unlocking = door.unlock();
      await until(() => at.air.isBusy(door.lock), 2000).catch(() => undefined);
      await until(() => !at.air.isBusy(door.lock), 2000).catch(() => undefined);
      at.air.setFaults(door.lock.address, {});
      const { result } = await unlocking;
      const runs = door.lock.motor.runs.unlock - before;
      assert.ok(runs <= 1, `packet ${packet}: ${runs} runs`);
      if (result === 'done') assert.equal(runs, 1, `packet ${packet}`);
      if (result === 'refused' || result === 'failed') assert.equal(runs, 0, `packet ${packet}`);
    }
  }
});

test('a stack killed in the middle of an unlock: never a second run', async () => {
  await using at = await site();
  const door = await at.lock('front', '54:d2:72:00:00:01');
  await until(() => door.events.some(({ kind }) => kind === 'online'));
  door.lock.motor.runMs = 400;
  const unlocking = door.unlock(20_000);
  await until(() => door.lock.motor.runs.unlock === 1);
  const { pid } = at.transport;
  assert.ok(pid !== undefined);
  process.kill(pid, 'SIGKILL');
  const { result } = await unlocking;
  assert.equal(result, 'done', 'it was asked again how it stands, and told');
  assert.equal(door.lock.motor.runs.unlock, 1);
});
