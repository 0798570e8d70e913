/** The supervisor on the ports that it has at a site: a serial port (a pty) and a gateway (TCP), on the real clock. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDevices } from '../../../daemon/devices/devices.ts';
import type { BusOpener } from '../../../daemon/devices/supervisor.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { serialOpener } from '../../../daemon/platform/serial-link.ts';
import { tcpOpener } from '../../../daemon/platform/tcp-link.ts';
import { servePty } from '../../../simulator/pty.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { serveTcp } from '../../../simulator/tcp.ts';
import { until } from '../../real-time.ts';
import { Ear, settings, wire } from './bench.ts';

async function realBench() {
  const clock = realClock();
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-devices-'));
  const ear = new Ear();
  const serial = wire('serial', 1, clock);
  const gateway = wire('gateway', 2, clock);
  const path = join(directory, 'serial');
  const pty = await servePty(serial.bus, { path });
  const tcp = await serveTcp(gateway.bus, { port: 0 });
  const stop = new AbortController();
  const both = settings(['serial', 'gateway'], 2);
  const devices = openDevices({
    ...both,
    devices: both.devices.filter(({ id }) => id !== 'serial-2'),
    openers: new Map<string, BusOpener>([
      ['serial', serialOpener({ path, baudRate: 9600, clock })],
      ['gateway', tcpOpener({ host: '127.0.0.1', port: Number(tcp.address.split(':')[1]), clock })],
    ]),
    clock,
    random: seededRandom(5),
    onEvent: ear.onEvent,
    beforeWire: () => true,
  });
  const ended = devices.run(stop.signal);
  const [lock] = serial.locks;
  assert.ok(lock);
  return {
    clock,
    ear,
    devices,
    serial,
    gateway,
    lock,
    pty,
    tcp,
    ended,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
      await pty.close();
      await tcp.close();
      rmSync(directory, { recursive: true });
    },
  };
}

const isLast = (kinds: readonly string[], kind: string) => kinds.at(-1) === kind;

test('P11: a real port pulled out while unlocks are written ends them once, is told in time, and gives nothing late', async () => {
  await using at = await realBench();
  await until(() => isLast(at.ear.kinds('serial-1'), 'online'));
  await until(() => isLast(at.ear.kinds('gateway-2'), 'online'));
  const asked = Array.from({ length: 10 }, () => at.ear.unlock(at.clock, 'serial-1'));
  for (const each of asked) at.devices.actuate(each);
  await until(() => at.lock.pulses > 0);
  await at.pty.unplug();
  const unplugged = at.clock.uptime();
  at.devices.actuate(at.ear.unlock(at.clock, 'serial-1'));
  await until(() => at.ear.kinds('serial-1').includes('offline'));
  const told = at.ear.heard.find(({ event }) => event.kind === 'offline');
  assert.ok((told?.at ?? Infinity) - unplugged < 2000);
  await until(() => at.ear.results('serial-1').length === 11);
  const pulses = at.lock.pulses;
  const done = at.ear.results('serial-1').filter((result) => result === 'done').length;
  const unknown = at.ear.results('serial-1').filter((result) => result === 'unknown').length;
  assert.ok(done <= pulses && pulses <= done + unknown, `${at.ear.results()} and ${pulses} pulses`);

  at.devices.actuate(at.ear.unlock(at.clock, 'gateway-1'));
  await until(() => at.ear.results('gateway-1').includes('done'));
  assert.equal(at.ear.kinds('gateway-1').includes('offline'), false);

  await at.pty.plug();
  await until(() => isLast(at.ear.kinds('serial-1'), 'online'));
  const seen = () => at.devices.status()[0]?.lastProof ?? Number.POSITIVE_INFINITY;
  const back = at.clock.uptime();
  await until(() => at.clock.uptime() - back > 600 && seen() < 500); // two polls later
  assert.equal(at.lock.pulses, pulses, 'no unlock from before the re-plug');
  at.devices.actuate(at.ear.unlock(at.clock, 'serial-1'));
  await until(() => at.ear.results('serial-1').length === 12);
  assert.equal(at.lock.pulses, pulses + 1);
});

test('another adapter under the same path is refused until adopted, also on a real port', async () => {
  await using at = await realBench();
  await until(() => isLast(at.ear.kinds('serial-1'), 'online'));
  await at.pty.unplug();
  await at.pty.plug('usb-Somebody_else_0042-if00-port0');
  await until(() => isLast(at.ear.kinds('serial-1'), 'fault'));
  assert.equal(at.devices.status()[0]?.link, 'other-device');
  at.devices.adopt('serial');
  await until(() => isLast(at.ear.kinds('serial-1'), 'online'));
});

test('a gateway that splits, delays and merges loses no reply; one that goes silent is connected anew', async () => {
  await using at = await realBench();
  at.gateway.bus.setFaults({ delay: 20, merge: 10 }, { direction: 'to-host' });
  await until(() => isLast(at.ear.kinds('gateway-2'), 'online'));
  at.devices.actuate(at.ear.unlock(at.clock, 'gateway-2'));
  await until(() => at.ear.results('gateway-2').includes('done'));
  at.gateway.bus.cut();
  await until(() => isLast(at.ear.kinds('gateway-1'), 'offline'));
  await until(() => isLast(at.ear.kinds('gateway-2'), 'offline'));
  at.gateway.bus.mend();
  await until(() => isLast(at.ear.kinds('gateway-2'), 'online'));
  assert.equal(at.ear.kinds('serial-1').includes('offline'), false);
});
