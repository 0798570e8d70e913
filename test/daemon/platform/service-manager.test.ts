import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openServiceManager } from '../../../daemon/platform/service-manager.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-notify-'));
after(() => rmSync(directory, { recursive: true }));

test('without systemd nothing is told and nothing fails', async () => {
  const told: string[] = [];
  const manager = await openServiceManager({}, 1, (why) => told.push(why));
  manager.ready();
  manager.alive();
  manager.stopping();
  assert.equal(manager.isAbsent, true);
  assert.equal(manager.watchdogMs, undefined);
  assert.deepEqual(told, []);
});

function listen(path: string): ChildProcess {
  return spawn('socat', ['-u', `UNIX-RECVFROM:${path},fork`, 'STDOUT'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

test('systemd hears that it is ready, how it is, that it lives and that it stops', async (t) => {
  if (spawnSync('socat', ['-V']).error !== undefined) {
    if (process.env['LATCHKEY_REQUIRE_ALL'] === '1') assert.fail('socat is missing');
    return t.skip('socat is missing');
  }
  const path = join(directory, 'notify');
  const listener = listen(path);
  try {
    let text = '';
    const heard = Promise.withResolvers<void>();
    listener.stdout?.on('data', (chunk) => {
      text += chunk;
      if (
        ['READY=1', 'STATUS=2 doors', 'WATCHDOG=1', 'STOPPING=1'].every((each) =>
          text.includes(each),
        )
      )
        heard.resolve();
    });
    while (!existsSync(path)) await new Promise((resolve) => setImmediate(resolve));
    process.env['NOTIFY_SOCKET'] = path;
    const told: string[] = [];
    const environment = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '30000000' };
    const manager = await openServiceManager(environment, process.pid, (why) => told.push(why));
    if (manager.isAbsent) {
      if (process.env['LATCHKEY_REQUIRE_ALL'] === '1') assert.fail(told.join());
      return t.skip(`libsystemd cannot be called: ${told.join()}`);
    }
    assert.equal(manager.watchdogMs, 10_000);
    manager.ready();
    manager.status('2\ndoors');
    manager.alive();
    manager.stopping();
    await heard.promise;
    assert.deepEqual(told, []);
  } finally {
    delete process.env['NOTIFY_SOCKET'];
    listener.kill();
  }
});

test('a watchdog meant for another process is not ours', async () => {
  const environment = { NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '77' };
  const manager = await openServiceManager(environment, 78, () => undefined);
  assert.equal(manager.watchdogMs, undefined);
});
