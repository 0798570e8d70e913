/** Modbus RTU with programs of other makes: mbpoll as master, pymodbus as slave. Both are Debian packages. */
import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { realRandom } from '../../../daemon/platform/random.ts';
import { tcpOpener } from '../../../daemon/platform/tcp-link.ts';
import { type DeviceEvent, deviceId } from '../../../drivers/contract/device.ts';
import { modbusRelay } from '../../../drivers/modbus-relay/driver.ts';
import { modbusRelayOptions } from '../../../drivers/modbus-relay/options.ts';
import { runMachine } from '../../../drivers/run-machine.ts';
import { SimulatedBus } from '../../../simulator/bus.ts';
import { SimulatedLockBoard } from '../../../simulator/devices/lock-board.ts';
import { simulatedModbusRelay } from '../../../simulator/devices/modbus-relay.ts';
import { servePty } from '../../../simulator/pty.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { realClock } from '../../../simulator/real-clock.ts';

const run = promisify(execFile);
/** Debian's, whatever else is on the path: it has Debian's pymodbus. */
const PYTHON = '/usr/bin/python3';

function isMissing(
  t: TestContext,
  name: string,
  command: string,
  args: readonly string[],
): boolean {
  const missing = spawnSync(command, args).status !== 0;
  if (missing && process.env['LATCHKEY_REQUIRE_ALL'] === '1') assert.fail(`${name} is missing`);
  if (missing) t.skip(`${name} is missing`);
  return missing;
}

test('mbpoll reads and drives the simulated board', async (t) => {
  if (isMissing(t, 'mbpoll', 'mbpoll', ['-V'])) return;
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-modbus-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const clock = realClock();
  const bus = new SimulatedBus({ name: 'bus', clock, random: seededRandom(1), baudRate: 9600 });
  const board = bus.attach('box', (around) => simulatedModbusRelay('box', { address: 5 }, around));
  assert.ok(board instanceof SimulatedLockBoard);
  const port = await servePty(bus, { path: join(directory, 'bus') });
  t.after(() => port.close());
  const mbpoll = async (...args: readonly string[]) => {
    const line = ['-m', 'rtu', '-b', '9600', '-P', 'none', '-a', '5', '-1', '-o', '2'];
    const { stdout } = await run('mbpoll', [...line, ...args], { timeout: 15_000 });
    return stdout;
  };
  board.box.pulse(3, 10);
  const inputs = await mbpoll('-t', '1', '-r', '1', '-c', '8', port.address);
  assert.match(inputs, /\[1\]:\s+1\n\[2\]:\s+1\n\[3\]:\s+0\n\[4\]:\s+1/, 'door 3 stands open');
  await mbpoll('-t', '0', '-r', '2', port.address, '1');
  assert.equal(board.box.pulsesOf(2), 1);
  assert.match(await mbpoll('-t', '0', '-r', '1', '-c', '3', port.address), /\[2\]:\s+1\n/);
  await mbpoll('-t', '0', '-r', '1', port.address, '0', '0', '0');
  assert.equal(board.box.isPulsing(2), false);
  await mbpoll('-t', '4', '-0', '-r', String(0x1000), port.address, '1');
  const modes = await mbpoll('-t', '4', '-0', '-r', String(0x1000), '-c', '2', port.address);
  assert.match(modes, /\[4096\]:\s+1\n\[4097\]:\s+0/);
  await assert.rejects(
    mbpoll('-t', '0', '-r', '40', '-c', '1', port.address),
    /Illegal data address/,
  );
});

test('a slave of pymodbus is disarmed, switched off and read by the driver', async (t) => {
  if (isMissing(t, 'python3-pymodbus', PYTHON, ['-c', 'import pymodbus.server'])) return;
  const slave = spawn(PYTHON, [join(import.meta.dirname, 'slave.py')], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  t.after(async () => {
    slave.stdin.end();
    if (slave.exitCode === null) await once(slave, 'exit');
  });
  const lines = createInterface({ input: slave.stdout })[Symbol.asyncIterator]();
  const port = Number((await lines.next()).value);
  const device = deviceId('box');
  const options = modbusRelayOptions.parse({ address: 7 });
  const clock = realClock();
  const events: DeviceEvent[] = [];
  const seen = Promise.withResolvers<void>();
  const stop = new AbortController();
  const running = await runMachine({
    machine: modbusRelay.machine([{ id: device, options }], {
      baudRate: 9600,
      latencyMs: 50,
      echo: false,
      random: realRandom(),
      secrets: new Map(),
    }),
    port: { open: tcpOpener({ host: '127.0.0.1', port, clock }).open },
    clock,
    onEvent(event) {
      events.push(event);
      if (event.kind === 'slot-door' && event.slot === 8) seen.resolve();
    },
    signal: stop.signal,
  });
  t.after(async () => {
    stop.abort();
    await running.closed;
  });
  await seen.promise;
  assert.deepEqual(
    events.flatMap((event) => (event.kind === 'slot-door' && !event.isOpen ? [event.slot] : [])),
    [1, 3, 8],
  );
  assert.deepEqual(
    events.flatMap((event) => (event.kind === 'fault' ? [`${event.fault} ${event.state}`] : [])),
    ['linkage-mode raised', 'linkage-mode cleared'],
  );
  slave.stdin.write('modes\n');
  assert.deepEqual(JSON.parse(String((await lines.next()).value)), [0, 0, 0, 0, 0, 0, 0, 0]);
});
