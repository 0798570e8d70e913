/** A stop that something holds up: it ends in good order without it, or at its limit, and nothing acknowledged is lost. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { realClock } from '../../../daemon/platform/clock.ts';
import { servePty } from '../../../simulator/pty.ts';
import { hasStrace } from '../../crash/daemon-process.ts';
import { Mosquitto, mosquittoFor } from '../cloud/mosquitto.ts';
import { wire } from '../devices/bench.ts';
import { ended, latchkey, MAIN, printed, start } from './process.ts';

const runFile = z.object({ url: z.string(), token: z.string() });

test('a broker that hangs and a vendor that never answers do not keep it from a stop in good order', async (t) => {
  const binary = mosquittoFor(t);
  if (binary === undefined) return;
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-hang-'));
  await using broker = await Mosquitto.start(binary);
  const asked = Promise.withResolvers<void>();
  const mute = createServer(() => asked.resolve());
  await new Promise<void>((done) => mute.listen(0, '127.0.0.1', done));
  const address = mute.address();
  assert.ok(address !== null && typeof address === 'object');
  let daemon: ChildProcess | undefined;
  try {
    const where = ['--directory', directory, '--store', join(directory, 'store')];
    const site = ['--site', 'harbour-12', '--zone', 'Europe/Stockholm'];
    const made = await latchkey(['init', ...site, ...where, '--broker', broker.url]);
    assert.equal(made.status, 0, made.stderr);
    writeFileSync(join(directory, 'vendor'), 'anna@example.se/token:t0ken', { mode: 0o600 });
    const config = join(directory, 'config.yaml');
    const more = `    connectSpread: 0s
api: { listen: "127.0.0.1:0" }
vendors: { keycafe: { credentials: "file:${directory}/vendor", baseUrl: "http://127.0.0.1:${address.port}" } }
`;
    writeFileSync(config, readFileSync(config, 'utf8') + more);
    const child = start(['run', '--config', config]);
    daemon = child;
    const said = printed(daemon, /"event":"stopped"/);
    const signs = [/"cloud-online"/, /"event":"started"/].map((sign) => printed(child, sign));
    await Promise.all([...signs, asked.promise]);
    broker.pause();
    daemon.kill('SIGTERM');
    assert.equal(await ended(daemon), 0);
    assert.doesNotMatch(await said, /stop-overdue/);
  } finally {
    daemon?.kill('SIGKILL');
    mute.closeAllConnections();
    mute.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

test('a port whose close never returns: at the limit the process ends itself, and what was acknowledged is on the disk', async (t) => {
  if (!hasStrace()) {
    assert.notEqual(process.env['LATCHKEY_REQUIRE_ALL'], '1', 'strace is missing');
    t.skip('strace is missing');
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-hang-'));
  const store = join(directory, 'store');
  const path = join(directory, 'port');
  const pty = await servePty(wire('keypad', 1, realClock()).bus, { path });
  let daemon: ChildProcess | undefined;
  try {
    writeFileSync(join(directory, 'pepper'), '07'.repeat(32), { mode: 0o600 });
    const config = join(directory, 'config.yaml');
    writeFileSync(
      config,
      `site: { id: hut-1, zone: Europe/Stockholm }
store: { directory: ${store} }
secrets: { pinPepper: "file:${directory}/pepper" }
buses: { a: { serial: "${path}", baudRate: 9600 }, b: { tcp: "127.0.0.1:1" } }
devices: { keypad: { driver: wiegand-serial, bus: a }, box: { driver: kerong-cu16, bus: b, address: 0 } }
accessPoints: { lobby: { box: box, readers: [keypad] } }
keys: { flat-3: { name: Flat 3, home: lobby, slot: 3 } }
api: { listen: "127.0.0.1:0" }
`,
    );
    const run = ['run', '--config', config];
    // Longer than the limit; the tracer lets go of a process that was killed only after it.
    const hanging = ['-e', 'trace=close', '-e', 'inject=close:delay_enter=4000000'];
    daemon = spawn(
      'strace',
      [
        ...['-D', '-f', '-qq', '--seccomp-bpf', '-P', realpathSync(path), ...hanging],
        ...['-o', '/dev/null', process.execPath, MAIN, ...run, '--stop-within', '1s'],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const said = printed(daemon, /"stop-overdue"/);
    await printed(daemon, /"event":"started"/);
    const put = await call(store, 'PUT', {
      holder: 'guest',
      targets: [{ kind: 'key', id: 'flat-3' }],
      window: { kind: 'ongoing' },
      operations: ['pickup', 'dropoff'],
      credentials: [{ kind: 'pin' }],
    });
    assert.ok(put.ok, await put.text());
    daemon.kill('SIGTERM');
    await Promise.all([ended(daemon), said]);
    assert.equal(daemon.signalCode, 'SIGKILL');

    daemon = start(run);
    await printed(daemon, /"event":"started"/);
    const found = await call(store, 'GET');
    assert.ok(found.ok, await found.text());
  } finally {
    daemon?.kill('SIGKILL');
    await pty.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

test('the limit of a stop is a length of time, at most the one that the service manager waits for', async () => {
  const { status, stderr } = await latchkey(['run', '--config', 'x', '--stop-within', '16s']);
  assert.equal(status, 2);
  assert.match(stderr, /--stop-within.*from 1s to 15s/s);
});

function call(store: string, method: 'GET' | 'PUT', body?: object): Promise<Response> {
  const { url, token } = runFile.parse(JSON.parse(readFileSync(join(store, 'api.json'), 'utf8')));
  return fetch(`${url}/api/v1/grants/stay`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
