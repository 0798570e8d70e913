import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { realClock } from '../../../daemon/platform/clock.ts';
import { tcpOpener } from '../../../daemon/platform/tcp-link.ts';
import { SimulatedBus } from '../../../simulator/bus.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { serveTcp } from '../../../simulator/tcp.ts';
import { Heard, hex, type LinkBench, linkContract } from '../../contract/link.ts';
import { until } from '../../real-time.ts';
import { Probe } from '../../simulator/probe.ts';

const NEVER = new AbortController().signal;

async function tcpBench(): Promise<LinkBench & { readonly bus: SimulatedBus }> {
  const clock = realClock();
  const bus = new SimulatedBus({ name: 'lobby-bus', clock, random: seededRandom(1) });
  let probe: Probe | undefined;
  bus.attach('probe', (around) => {
    probe = new Probe('probe', around);
    return probe;
  });
  const server = await serveTcp(bus, { port: 0 });
  const [host = '', port = ''] = server.address.split(':');
  return {
    bus,
    opener: tcpOpener({ host, port: Number(port), clock }),
    hasSpeed: false,
    arrived: () => probe?.heard ?? new Uint8Array(),
    say: (bytes) => probe?.say(bytes),
    unplug: () => server.unplug(),
    plug: () => server.plug(),
    until,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

linkContract('TCP gateway', tcpBench);

test('a gateway that splits and merges changes no byte and no order', async () => {
  await using at = await tcpBench();
  const heard = new Heard();
  const link = await at.opener.open(heard, NEVER);
  at.bus.setFaults({ split: 1 });
  // What leaves in pieces may arrive as one where this machine is slow to read.
  for (let tries = 0; tries < 100 && heard.chunks.length < 2; tries += 1) {
    heard.chunks.length = 0;
    at.say(Uint8Array.of(1, 2, 3, 4, 5));
    await until(() => heard.text.length === 10);
    assert.equal(heard.text, '0102030405');
  }
  assert.ok(heard.chunks.length > 1, 'split');
  at.bus.setFaults({ split: undefined, merge: 40 });
  heard.chunks.length = 0;
  at.say(Uint8Array.of(6));
  at.say(Uint8Array.of(7));
  await until(() => heard.text.length === 4);
  assert.deepEqual(
    heard.chunks.map(({ bytes }) => hex(bytes)),
    ['0607'],
    'merged',
  );
  await link.close();
});

test('a gateway takes one client; the second is turned away and disturbs nothing', async () => {
  await using at = await tcpBench();
  const first = new Heard();
  const link = await at.opener.open(first, NEVER);
  const second = new Heard();
  const turnedAway = await at.opener.open(second, NEVER).catch(() => undefined);
  if (turnedAway !== undefined) await until(() => second.ends.length > 0);
  await link.send(Uint8Array.of(0x42));
  await until(() => at.arrived().length > 0);
  assert.equal(hex(at.arrived()), '42');
  assert.equal(first.ends.length, 0);
  await link.close();
});

test('a gateway that is not there is told within its time', async () => {
  await assert.rejects(
    tcpOpener({ host: '127.0.0.1', port: 1, clock: realClock() }).open(new Heard(), NEVER),
    { code: 'refused', message: /no connection to 127\.0\.0\.1:1: ECONNREFUSED/ },
  );
});

test('P6: what a gateway had kept is not heard, however late it is read', async () => {
  const gateway = new Worker(new URL('./keeping-gateway.ts', import.meta.url));
  const [port] = await once(gateway, 'message');
  const heard = new Heard();
  const connected = once(gateway, 'message');
  const opening = tcpOpener({ host: '127.0.0.1', port, clock: realClock() }).open(heard, NEVER);
  await connected;
  // As a start does while it loads the rest of the daemon.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  const link = await opening;
  gateway.postMessage('now');
  await until(() => heard.text.length > 0);
  assert.equal(heard.text, hex(new TextEncoder().encode('now')));
  await link.close();
  await gateway.terminate();
});

test('P6: a card that was shown while the network was away is not taken when it is back', async (t) => {
  const run = promisify(execFile);
  const apart = ['--user', '--map-root-user', '--net'];
  try {
    await run('unshare', [...apart, 'ip', 'link', 'set', 'lo', 'up']);
  } catch {
    return t.skip('no network of its own can be made here (unshare, ip)');
  }
  const program = new URL('./cut-network.ts', import.meta.url).pathname;
  const { stdout } = await run('unshare', [...apart, process.execPath, program]);
  const { gone, heard } = JSON.parse(stdout);
  assert.deepEqual(heard, ['before\n']);
  assert.ok(gone < 5000, `the link was gone after ${gone} ms`);
});
