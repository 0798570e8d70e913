/** noble and the daemon's hold on it, against an adapter and peripherals that misbehave. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gattPeripheral } from '../../../daemon/platform/ble-link.ts';
import {
  type BleRadio,
  bleTransport,
  type RadioNews,
} from '../../../daemon/platform/ble-transport.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { LinkError } from '../../../drivers/contract/errors.ts';
import { SimulatedBus } from '../../../simulator/bus.ts';
import { servePty } from '../../../simulator/pty.ts';
import { Air } from '../../../simulator/radio/air.ts';
import type { ControllerOptions, VirtualController } from '../../../simulator/radio/controller.ts';
import { type RadioPort, radioDongle, serveRadio } from '../../../simulator/radio/serve.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { GattHeard } from '../../contract/ble-transport.ts';
import { ECHO, EchoPeripheral } from '../../contract/echo-peripheral.ts';
import { until } from '../../real-time.ts';

const isLong = process.env['LATCHKEY_LONG'] === '1';
const clock = realClock();

interface Bench extends AsyncDisposable {
  readonly air: Air;
  readonly port: RadioPort;
  readonly transport: BleRadio;
  readonly news: RadioNews[];
  readonly one: EchoPeripheral;
  readonly two: EchoPeripheral;
}

async function bench(
  options: ControllerOptions & { readonly fresh?: (controller: VirtualController) => void } = {},
): Promise<Bench> {
  const air = new Air(clock, seededRandom(11));
  const port = await serveRadio(air, options);
  const news: RadioNews[] = [];
  const transport = bleTransport({
    name: 'tcp',
    backend: { kind: 'tcp', host: port.host, port: port.port },
    clock,
    proofEvery: 300,
    startWithin: 1500,
    backOff: [100, 200],
    news: (each) => news.push(each),
  });
  const one = new EchoPeripheral('c0:ff:ee:00:00:01');
  const two = new EchoPeripheral('c0:ff:ee:00:00:02');
  air.join(one);
  air.join(two);
  return {
    air,
    port,
    transport,
    news,
    one,
    two,
    [Symbol.asyncDispose]: async () => {
      await transport.close();
      await port.close();
    },
  };
}

async function talk(transport: BleRadio, to: EchoPeripheral, within = 5000): Promise<number> {
  const began = performance.now();
  const heard = new GattHeard();
  const link = await transport.connect(to.address, 'random', heard, within);
  await link.subscribe(ECHO);
  await link.write(ECHO, Uint8Array.of(1), true);
  await until(() => heard.values.length > 0);
  const took = performance.now() - began;
  await link.close();
  return took;
}

function residentMegabytes(pid: number | undefined): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

test('connect, discover, write, hear, disconnect: again and again, without a leak or a hang', async (t) => {
  await using at = await bench();
  const cycles = isLong ? 1000 : 40;
  const times: number[] = [];
  let settled = 0;
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    times.push(await talk(at.transport, cycle % 2 === 0 ? at.one : at.two));
    // What is loaded and compiled once is no leak.
    if (cycle === Math.floor(cycles / 4)) settled = residentMegabytes(at.transport.pid);
  }
  const grown = residentMegabytes(at.transport.pid) - settled;
  assert.ok(grown < 25, `the radio process grew by ${grown.toFixed(1)} MB`);
  t.diagnostic(`the radio process grew by ${grown.toFixed(1)} MB in the last three quarters`);
  assert.equal(at.one.connections + at.two.connections, cycles);
  assert.equal(at.news.filter(({ kind }) => kind === 'down').length, 0);
  await until(() => at.port.controllers[0]?.links.length === 0);
  times.sort((a, b) => a - b);
  t.diagnostic(`${cycles} cycles, median ${times[Math.floor(cycles / 2)]?.toFixed(1)} ms`);
});

for (const [name, options] of [
  ['fragments of 27 bytes', { aclLength: 27, aclCount: 2 }],
  ['the extended profile', { profile: 'extended' }],
] as const) {
  test(`the same over a controller with ${name}`, async () => {
    await using at = await bench(options);
    const found: string[] = [];
    const stop = new AbortController();
    const scan = at.transport.scan(({ address }) => found.push(address), 5000, stop.signal);
    await until(() => found.includes(at.one.address));
    stop.abort();
    await scan;
    await talk(at.transport, at.one);
    const heard = new GattHeard();
    const link = await at.transport.connect(at.one.address, 'random', heard, 5000);
    const long = Uint8Array.from({ length: 480 }, (_, index) => index & 0xff);
    await link.write(ECHO, long, true);
    assert.deepEqual(at.one.heard.at(-1), long);
    assert.equal((await link.read(ECHO)).length, 300);
    await link.close();
  });
}

test('a scan that is shorter than the start of the adapter waits for that first', async () => {
  await using at = await bench();
  assert.equal(at.transport.isUp, false);
  await at.transport.scan(() => undefined, 1, new AbortController().signal);
  assert.equal(at.transport.isUp, true);
});

test('the UART path as it is shipped, over a pseudo-terminal', async () => {
  const air = new Air(clock, seededRandom(12));
  const one = new EchoPeripheral();
  air.join(one);
  const bus = new SimulatedBus({ name: 'dongle', clock, random: seededRandom(1) });
  bus.attach('dongle', (around) => radioDongle('dongle', air, around));
  const path = join(mkdtempSync(join(tmpdir(), 'ble-')), 'dongle');
  const pty = await servePty(bus, { path });
  const transport = bleTransport({
    name: 'uart',
    backend: { kind: 'uart', path, baudRate: 1_000_000 },
    clock,
  });
  try {
    for (let cycle = 0; cycle < 3; cycle += 1) await talk(transport, one, 10_000);
    assert.equal(one.connections, 3);
  } finally {
    await transport.close();
    await pty.close();
  }
});

test('a signal for all processes of the daemon ends no talk with a lock', async () => {
  await using at = await bench();
  const heard = new GattHeard();
  const link = await at.transport.connect(at.one.address, 'random', heard, 5000);
  const { pid } = at.transport;
  assert.ok(pid !== undefined);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.kill(pid, signal);
    await link.write(ECHO, Uint8Array.of(1), true);
  }
  assert.deepEqual(heard.ends, []);
  await link.close();
});

test('a stack that dies takes its links with it, and is back by itself', async () => {
  await using at = await bench();
  const heard = new GattHeard();
  const link = await at.transport.connect(at.one.address, 'random', heard, 5000);
  const before = at.transport.pid;
  assert.ok(before !== undefined);
  const writing = assert.rejects(
    (async () => {
      at.air.setFaults(at.one.address, { silentFrom: 0 });
      await link.write(ECHO, Uint8Array.of(1), true);
    })(),
    { code: 'closed' },
  );
  process.kill(before, 'SIGKILL');
  await writing;
  assert.deepEqual(
    heard.ends.map(({ code }) => code),
    ['closed'],
  );
  at.air.setFaults(at.one.address, {});
  await talk(at.transport, at.one, 10_000);
  assert.notEqual(at.transport.pid, before);
  assert.ok(at.news.some((each) => each.kind === 'down' && /SIGKILL/.test(each.why)));
});

test('a stack that hangs is found out and replaced', async () => {
  await using at = await bench();
  await talk(at.transport, at.one);
  const before = at.transport.pid;
  assert.ok(before !== undefined);
  process.kill(before, 'SIGSTOP');
  await until(() => at.transport.pid !== before && at.transport.isUp, 15_000);
  assert.ok(at.news.some((each) => each.kind === 'down' && /no sign of life/.test(each.why)));
  await talk(at.transport, at.one);
});

test('an adapter that answers nothing is reset, its process replaced, and then it is an alarm', async () => {
  let isDead = false;
  await using at = await bench({
    fresh: (controller) => {
      controller.faults = { dead: isDead };
    },
  });
  await talk(at.transport, at.one);
  const before = at.transport.pid;
  isDead = true;
  for (const controller of at.port.controllers) controller.faults = { dead: true };
  const opening = at.transport.connect(at.one.address, 'random', new GattHeard(), 1000);
  await assert.rejects(opening);
  await until(() => at.news.some(({ kind }) => kind === 'alarm'), 30_000);
  assert.equal(at.transport.isUp, false);
  assert.notEqual(at.transport.pid, before);
  isDead = false;
  for (const controller of at.port.controllers) controller.faults = {};
  await talk(at.transport, at.one, 30_000);
});

test('an adapter whose firmware hangs once is back after a reset, in the same process', async () => {
  await using at = await bench();
  await talk(at.transport, at.one);
  const before = at.transport.pid;
  // This controller hangs for good; the Reset of a new stack finds a fresh one.
  for (const controller of at.port.controllers) controller.faults = { dead: true };
  const opening = at.transport.connect(at.one.address, 'random', new GattHeard(), 500);
  await assert.rejects(opening);
  await until(() => at.news.some(({ kind }) => kind === 'down'), 15_000);
  await talk(at.transport, at.one, 15_000);
  assert.equal(at.transport.pid, before);
});

test('an adapter pulled out closes every link, and is used again when it is back', async () => {
  await using at = await bench();
  const heard = new GattHeard();
  await at.transport.connect(at.one.address, 'random', heard, 5000);
  at.port.unplug();
  await until(() => heard.ends.length > 0);
  await until(() => at.one.centrals.size === 0);
  await talk(at.transport, at.one, 15_000);
});

test('an event cut short ends the process, not the daemon: a new one makes the connection', async () => {
  await using at = await bench();
  await talk(at.transport, at.one);
  const before = at.transport.pid;
  for (const controller of at.port.controllers) {
    // Disconnection Complete without a handle: noble reads past its end.
    controller.faults = { cutEvent: { code: 0x05, length: 1 } };
  }
  await talk(at.transport, at.two);
  await until(() => at.transport.pid !== before && at.transport.isUp);
  await talk(at.transport, at.two);
  assert.notEqual(at.transport.pid, before);
  assert.ok(at.news.some((each) => each.kind === 'down' && /RangeError/.test(each.why)));
});

test('two peripherals, one dead: the other is not kept waiting', async (t) => {
  await using at = await bench();
  await talk(at.transport, at.two);
  const alone: number[] = [];
  for (let turn = 0; turn < 10; turn += 1) alone.push(await talk(at.transport, at.two));
  at.air.setFaults(at.one.address, { away: true });
  const stop = new AbortController();
  const trying = (async () => {
    while (!stop.signal.aborted) {
      await at.transport
        .connect(at.one.address, 'random', new GattHeard(), 3000)
        .catch(() => undefined);
    }
  })();
  const beside: number[] = [];
  for (let turn = 0; turn < 10; turn += 1) beside.push(await talk(at.transport, at.two, 10_000));
  stop.abort();
  await trying;
  const median = (times: number[]) => times.toSorted((a, b) => a - b)[5] ?? Infinity;
  t.diagnostic(
    `alone ${median(alone).toFixed(0)} ms, beside a dead one ${median(beside).toFixed(0)} ms`,
  );
  assert.ok(median(beside) < median(alone) + 150, `${median(beside)} against ${median(alone)} ms`);
});

test('P11: links that are let go of while nobody hears them cost the others nothing', async () => {
  await using at = await bench();
  const beside = new GattHeard();
  await at.transport.connect(at.two.address, 'random', beside, 5000);
  for (let turn = 0; turn < 2; turn += 1) {
    const link = await at.transport.connect(at.one.address, 'random', new GattHeard(), 10_000);
    await link.write(ECHO, Uint8Array.of(1), true);
    at.air.setFaults(at.one.address, { unheardFrom: 0 });
    const began = performance.now();
    await link.close();
    assert.ok(performance.now() - began < 2500, 'who closes a link does not wait for its end');
    at.air.setFaults(at.one.address, {});
  }
  await until(() => at.one.centrals.size === 0, 8000);
  await talk(at.transport, at.one);
  assert.deepEqual(
    at.news.filter(({ kind }) => kind === 'down'),
    [],
  );
  assert.deepEqual(beside.ends, []);
});

test('P11: a connect that is given up before it has begun neither holds up the next nor ends other links', async () => {
  await using at = await bench();
  await talk(at.transport, at.two);
  at.air.setFaults(at.one.address, { unheardFrom: 0 });
  const connecting = assert.rejects(
    at.transport.connect(at.one.address, 'random', new GattHeard(), 4000),
    { code: 'timed-out' },
  );
  await until(() => at.one.centrals.size > 0);
  const took = await talk(at.transport, at.two, 10_000);
  assert.ok(took < 2000, `${took.toFixed(0)} ms`);
  await connecting;
  at.air.setFaults(at.one.address, {});
  await talk(at.transport, at.one, 10_000);
  assert.deepEqual(
    at.news.filter(({ kind }) => kind === 'down'),
    [],
  );
});

test('every fault of a connect is told in words and in time', async () => {
  await using at = await bench();
  for (const faults of [
    { connectStatus: 0x3e },
    { dropAtOnce: 0x3e },
    { refuseStatus: 0x0c },
    { silentFrom: 0 },
    { keepBuffers: true },
  ]) {
    at.air.setFaults(at.one.address, faults);
    const began = performance.now();
    await assert.rejects(
      (async () => {
        const link = await at.transport.connect(at.one.address, 'random', new GattHeard(), 1500);
        await link.subscribe(ECHO);
        for (let turn = 0; turn < 12; turn += 1) await link.write(ECHO, Uint8Array.of(1), true);
      })(),
      (error) => error instanceof LinkError && error.message.length > 5,
      JSON.stringify(faults),
    );
    assert.ok(performance.now() - began < 12_000, JSON.stringify(faults));
    at.air.setFaults(at.one.address, {});
    await until(() => at.one.centrals.size === 0, 20_000).catch(() =>
      assert.fail(`a link is left behind by ${JSON.stringify(faults)}`),
    );
    await talk(at.transport, at.two, 20_000);
  }
});

test('a random address is not found as a public one', async () => {
  await using at = await bench();
  const asPublic = at.transport.connect(at.one.address, 'public', new GattHeard(), 1000);
  await assert.rejects(asPublic, { code: 'timed-out' });
  await talk(at.transport, at.one);
});

test('an MTU reply larger than asked cuts no reading', async () => {
  await using at = await bench();
  at.air.setFaults(at.one.address, { mtuReply: 517 });
  const link = await at.transport.connect(at.one.address, 'random', new GattHeard(), 5000);
  assert.equal((await link.read(ECHO)).length, 300);
  await link.close();
});

test('a peripheral is opened and given up as the supervisor does it', async () => {
  await using at = await bench();
  const peripheral = gattPeripheral({
    transport: at.transport,
    address: at.one.address.toUpperCase(),
    addressType: 'random',
  });
  const heard: string[] = [];
  const stop = new AbortController();
  peripheral.watch(({ address }) => heard.push(address), stop.signal);
  await until(() => heard.length > 2);
  assert.deepEqual([...new Set(heard)], [at.one.address]);
  const giveUp = new AbortController();
  const opening = peripheral.open(new GattHeard(), giveUp.signal);
  giveUp.abort();
  await assert.rejects(opening, { code: 'closed' });
  await until(() => at.one.centrals.size === 0);
  const link = await peripheral.open(new GattHeard(), new AbortController().signal);
  assert.equal(link.identity, `ble:${at.one.address}`);
  await link.close();
  stop.abort();
});
