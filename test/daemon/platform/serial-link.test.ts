import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { realClock } from '../../../daemon/platform/clock.ts';
import { serialOpener } from '../../../daemon/platform/serial-link.ts';
import { READ_INPUTS, readRequest } from '../../../drivers/modbus-relay/frame.ts';
import { SimulatedBus } from '../../../simulator/bus.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { servePty } from '../../../simulator/pty.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { Heard, hex, type LinkBench, linkContract } from '../../contract/link.ts';
import { until } from '../../real-time.ts';
import { Probe } from '../../simulator/probe.ts';

const NEVER = new AbortController().signal;

async function ptyBench(
  baudRate = 115_200,
): Promise<LinkBench & { path: string; replug(identity: string): Promise<void> }> {
  const clock = realClock();
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-pty-'));
  const bus = new SimulatedBus({ name: 'box-bus', clock, random: seededRandom(1) });
  let probe: Probe | undefined;
  bus.attach('probe', (around) => {
    probe = new Probe('probe', around);
    return probe;
  });
  const path = join(directory, 'box-bus');
  const port = await servePty(bus, { path });
  return {
    path,
    opener: serialOpener({ path, baudRate, clock }),
    hasSpeed: true,
    arrived: () => probe?.heard ?? new Uint8Array(),
    say: (bytes) => probe?.say(bytes),
    unplug: () => port.unplug(),
    plug: () => port.plug(),
    replug: (identity) => port.plug(identity),
    until,
    async [Symbol.asyncDispose]() {
      await port.close();
      await rm(directory, { recursive: true });
    },
  };
}

linkContract('serial port', ptyBench);

test('a serial port unplugged in the middle of many writes ends once and delivers nothing after re-plug', async () => {
  await using at = await ptyBench();
  const heard = new Heard();
  const link = await at.opener.open(heard, NEVER);
  const sends = Array.from({ length: 50 }, (_, index) => link.send(new Uint8Array(64).fill(index)));
  await until(() => at.arrived().length > 0);
  await at.unplug();
  const results = await Promise.allSettled([...sends, link.send(Uint8Array.of(0x51))]);
  assert.ok(results.every((each) => each.status === 'fulfilled' || each.reason.code === 'closed'));
  assert.equal(results.at(-1)?.status, 'rejected');
  await until(() => heard.ends.length > 0);
  const before = at.arrived().length;
  await at.plug();
  const again = await at.opener.open(new Heard(), NEVER);
  await again.send(Uint8Array.of(0x77));
  await until(() => at.arrived().includes(0x77));
  assert.equal(hex(at.arrived().subarray(before)), '77');
  assert.equal(heard.ends.length, 1);
  await again.close();
});

test('another adapter under the same name has another identity', async () => {
  await using at = await ptyBench();
  const first = await at.opener.open(new Heard(), NEVER);
  await first.close();
  await at.unplug();
  await at.replug('usb-Somebody_else_0042-if00-port0');
  const second = await at.opener.open(new Heard(), NEVER);
  assert.equal(first.identity, 'by-id:usb-Simulated_adapter_box-bus-if00-port0');
  assert.equal(second.identity, 'by-id:usb-Somebody_else_0042-if00-port0');
  await second.close();
});

test('a port that is held, missing or no port at all is refused with a remedy', async () => {
  await using at = await ptyBench();
  const link = await at.opener.open(new Heard(), NEVER);
  await assert.rejects(at.opener.open(new Heard(), NEVER), {
    code: 'refused',
    message: /another program holds .*stop it/,
  });
  await link.close();
  const open = (path: string) =>
    serialOpener({ path, baudRate: 9600, clock: realClock() }).open(new Heard(), NEVER);
  await assert.rejects(open('/dev/serial/by-id/usb-none'), {
    code: 'missing',
    message: /plugged in/,
  });
  await assert.rejects(open(import.meta.filename), { code: 'failed', message: /no serial port/ });
});

test('the last byte has left when its time on the wire has passed', async () => {
  await using at = await ptyBench(300);
  const clock = realClock();
  const link = await at.opener.open(new Heard(), NEVER);
  const before = clock.uptime();
  const left = await link.send(new Uint8Array(9));
  assert.ok(left - before >= 300, `9 bytes at 300 baud take 300 ms, found ${left - before}`);
  assert.ok(clock.uptime() - before < 250, 'the sender does not wait for it');
  await link.close();
});

const BOARD = resolve(import.meta.dirname, '../../bench/relay-board.ts');
const REQUEST = readRequest(1, READ_INPUTS, 0, 8);
/** More than the kernel holds for a pty. */
const REQUESTS = 10_000;

/** A board in a process of its own, which can be stopped: then nobody reads what is sent to it. */
async function boardProcess() {
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-pty-'));
  const path = join(directory, 'board');
  const child = fork(BOARD, [path], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  if (child.stdout !== null) await once(child.stdout, 'data');
  return {
    path,
    stop: () => child.kill('SIGSTOP'),
    go: () => child.kill('SIGCONT'),
    async answered() {
      const told = once(child, 'message');
      child.send('how many');
      return Number((await told)[0]);
    },
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      await rm(directory, { recursive: true });
    },
  };
}

test('what finds no room in the kernel waits for it, and all arrives in order once somebody reads', async () => {
  await using board = await boardProcess();
  const heard = new Heard();
  const link = await serialOpener({
    path: board.path,
    baudRate: 4_000_000,
    clock: realClock(),
  }).open(heard, NEVER);
  board.stop();
  let left = 0;
  const sends = Array.from({ length: REQUESTS }, async () => {
    await link.send(REQUEST);
    left += 1;
  });
  await until(() => left > 0);
  assert.ok(left < REQUESTS, 'the kernel is full');
  board.go();
  await Promise.all(sends);
  let answered = 0;
  while (answered < REQUESTS) answered = await board.answered();
  assert.equal(answered, REQUESTS);
  assert.deepEqual(heard.ends, []);
  await link.close();
});

test('a port that takes nothing any more is given up in time, and what waits is told so', async () => {
  await using board = await boardProcess();
  const heard = new Heard();
  const clock = new SimulatedClock();
  const opener = serialOpener({ path: board.path, baudRate: 4_000_000, clock });
  const link = await opener.open(heard, NEVER);
  board.stop();
  const sends = Array.from({ length: REQUESTS }, () => link.send(REQUEST));
  const all = Promise.allSettled(sends);
  await clock.advance(2500);
  const results = await all;
  assert.ok(results.some(({ status }) => status === 'fulfilled'));
  const reasons = results.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []));
  assert.deepEqual([...new Set(reasons)].toSorted(), ['closed', 'timed-out']);
  assert.deepEqual(
    heard.ends.map(({ code }) => code),
    ['timed-out'],
  );
  await link.close();
});
