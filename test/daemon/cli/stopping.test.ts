/** The daemon's process as the service manager sees it: its proof of life, and its end. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ended, latchkey, printed, start } from './process.ts';

test('after a crash loop it starts in safe mode, lives on with its broker mute, and stops at once when asked twice', async (t) => {
  if (!hasSocat(t)) return;
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-stopping-'));
  // Takes every connection and says nothing: what a broker that hangs looks like.
  const mute = createServer();
  await new Promise<void>((done) => mute.listen(0, '127.0.0.1', done));
  const address = mute.address();
  assert.ok(address !== null && typeof address === 'object');
  const socket = join(directory, 'notify');
  const listener = spawn('socat', ['-u', `UNIX-RECVFROM:${socket},fork`, 'STDOUT'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let daemon: ChildProcess | undefined;
  try {
    const where = ['--directory', directory, '--store', join(directory, 'store')];
    const broker = ['--broker', `mqtt://127.0.0.1:${address.port}`];
    const site = ['--site', 'harbour-12', '--zone', 'Europe/Stockholm'];
    const made = await latchkey(['init', ...site, ...where, ...broker]);
    assert.equal(made.status, 0, made.stderr);
    const config = join(directory, 'config.yaml');
    const more = '    connectSpread: 0s\napi:\n  listen: 127.0.0.1:0\n';
    writeFileSync(config, readFileSync(config, 'utf8') + more);
    mkdirSync(join(directory, 'store'), { recursive: true });
    const lately = Array.from({ length: 5 }, () => Date.now() - 1000);
    writeFileSync(join(directory, 'store/starts.json'), JSON.stringify(lately));
    while (!existsSync(socket)) await setImmediate();

    const told = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '3000000' };
    daemon = start(['run', '--config', config], told);
    await Promise.all([
      printed(daemon, /"safe-mode"[\s\S]*"started"/),
      heard(listener, (text) => text.split('WATCHDOG=1').length > 3),
    ]);
    // Both wait for it when it goes on, so that it cannot have stopped in between.
    for (const signal of ['SIGSTOP', 'SIGTERM', 'SIGINT', 'SIGCONT'] as const) daemon.kill(signal);
    await ended(daemon);
    assert.equal(daemon.signalCode, 'SIGKILL', 'at once: in good order it would be 0');
  } finally {
    daemon?.kill('SIGKILL');
    listener.kill();
    mute.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

function heard(child: ChildProcess, isEnough: (text: string) => boolean): Promise<void> {
  return new Promise((resolve) => {
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      if (isEnough(text)) resolve();
    });
  });
}

function hasSocat(t: TestContext): boolean {
  if (spawnSync('socat', ['-V']).error === undefined) return true;
  assert.notEqual(process.env['LATCHKEY_REQUIRE_ALL'], '1', 'socat is missing');
  t.skip('socat is missing');
  return false;
}
