/** What is particular to the ports of the simulator; that they carry bytes is shown by `test/contract/link.ts`. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { realClock } from '../../daemon/platform/clock.ts';
import { inputOpener } from '../../daemon/platform/input-link.ts';
import { serialOpener } from '../../daemon/platform/serial-link.ts';
import { SimulatedBus } from '../../simulator/bus.ts';
import { serveFifo } from '../../simulator/fifo.ts';
import { servePty } from '../../simulator/pty.ts';
import { seededRandom } from '../../simulator/random.ts';
import { Heard } from '../contract/link.ts';
import { until } from '../real-time.ts';
import { Probe } from './probe.ts';

const NEVER = new AbortController().signal;

function place(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-ports-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const clock = realClock();
  const bus = new SimulatedBus({ name: 'pad-bus', clock, random: seededRandom(1) });
  const probe = bus.attach('probe', (around) => new Probe('probe', around));
  assert.ok(probe instanceof Probe);
  return { directory, clock, bus, probe, path: join(directory, 'pad-bus') };
}

test('what is said before a program opens the port is lost, and never comes back to the device as an echo', async (t) => {
  const { clock, bus, probe, path } = place(t);
  const port = await servePty(bus, { path });
  t.after(() => port.close());
  for (let times = 0; times < 3; times += 1) {
    probe.say(Uint8Array.of(0x0a, 0x0d, 0x03, 0x04, 0x1a, 0x7f, 0x11, 0x13, 0xff, 0x00));
  }
  const said = clock.uptime();
  await until(() => clock.uptime() - said > 20); // has left the simulator
  const heard = new Heard();
  const link = await serialOpener({ path, baudRate: 9600, clock }).open(heard, NEVER);
  t.after(() => link.close());
  probe.say(Uint8Array.of(0x42));
  await until(() => heard.text.length > 0);
  assert.equal(heard.text, '42');
  assert.equal(probe.heard.length, 0);
});

test('a port that nobody reads stops nobody once it is full; what does not fit is lost', async (t) => {
  const { clock, bus, probe, path } = place(t);
  const port = await servePty(bus, { path });
  t.after(() => port.close());
  for (let times = 0; times < 64; times += 1) probe.say(new Uint8Array(1024).fill(times));
  const said = clock.uptime();
  await until(() => clock.uptime() - said > 50); // the clock goes on
  const heard = new Heard();
  const link = await serialOpener({ path, baudRate: 9600, clock }).open(heard, NEVER);
  t.after(() => link.close());
  probe.say(Uint8Array.of(0x42));
  await until(() => heard.text.endsWith('42'));
});

test('a port goes with everything under way, and comes back under its name', async (t) => {
  const { clock, bus, probe, path } = place(t);
  const port = await servePty(bus, { path });
  t.after(() => port.close());
  assert.ok(existsSync(path));
  bus.setFaults({ delay: 30 });
  probe.say(Uint8Array.of(1));
  await port.unplug();
  await port.unplug();
  assert.equal(existsSync(path), false);
  await port.plug();
  const heard = new Heard();
  const link = await serialOpener({ path, baudRate: 9600, clock }).open(heard, NEVER);
  t.after(() => link.close());
  probe.say(Uint8Array.of(2));
  await until(() => heard.text.length > 0);
  assert.equal(heard.text, '02');
});

test('a name left by a run that was killed is replaced, anything else in its place is not', async (t) => {
  const { bus, path, directory } = place(t);
  symlinkSync('/dev/pts/gone', path);
  const port = await servePty(bus, { path });
  assert.ok(existsSync(path));
  await port.close();
  writeFileSync(path, 'precious');
  await assert.rejects(servePty(bus, { path }), /in the way/);
  assert.equal(readFileSync(path, 'utf8'), 'precious');
  mkdirSync(join(directory, 'folder'));
  await assert.rejects(serveFifo(bus, { path: join(directory, 'folder') }), /in the way/);
});

test('an input is read through a FIFO, and noticed when it is unplugged and put back', async (t) => {
  const { clock, bus, probe, path } = place(t);
  const port = await serveFifo(bus, { path });
  t.after(() => port.close());
  const opener = inputOpener({ path, clock });
  const heard = new Heard();
  await opener.open(heard, NEVER);
  probe.say(new Uint8Array(48).fill(7));
  await until(() => heard.text.length === 96);
  await port.unplug();
  await until(() => heard.ends.length === 1, 2000);
  await assert.rejects(opener.open(new Heard(), NEVER), { code: 'missing' });
  await port.plug();
  const again = new Heard();
  const link = await opener.open(again, NEVER);
  t.after(() => link.close());
  probe.say(Uint8Array.of(8));
  await until(() => again.text === '08');
});
