/** The daemon as a process, its radio process, noble, H4 over TCP, a virtual controller, and a lock behind it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realClock } from '../../daemon/platform/clock.ts';
import { authorizationText } from '../../drivers/nuki/credentials.ts';
import { toHex } from '../../drivers/wire/hex.ts';
import { NukiLock } from '../../simulator/devices/nuki-lock.ts';
import { Air } from '../../simulator/radio/air.ts';
import { serveRadio } from '../../simulator/radio/serve.ts';
import { seededRandom } from '../../simulator/random.ts';
import { ended, latchkey, printed, start } from '../daemon/cli/process.ts';

test('a lock on the air is opened once by the daemon as it is installed', async () => {
  const clock = realClock();
  const random = seededRandom(7);
  const air = new Air(clock, random);
  const lock = new NukiLock({ name: 'front', clock, random });
  air.join(lock);
  const radio = await serveRadio(air);
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-air-'));
  const write = (name: string, text: string) =>
    writeFileSync(join(directory, name), text, { mode: 0o600 });
  const key = random.bytes(32);
  write('lock', authorizationText(lock.authorize(key, 'Latchkey'), toHex(key), '00'.repeat(16)));
  write('pepper', '07'.repeat(32));
  const config = join(directory, 'config.yaml');
  writeFileSync(
    config,
    `site: { id: air-1, zone: Europe/Stockholm, policies: { clockSource: assumed } }
store: { directory: ${join(directory, 'store')} }
secrets: { pinPepper: "file:${join(directory, 'pepper')}" }
buses: { radio: { ble: "tcp:127.0.0.1:${radio.port}" } }
devices:
  front: { driver: nuki-smart-lock, bus: radio, address: "${lock.address}", authorization: "credential:lock" }
accessPoints: { entrance: { locks: [front] } }
api: { listen: "127.0.0.1:0" }
`,
  );
  const daemon = start(['run', '--config', config], { CREDENTIALS_DIRECTORY: directory });
  try {
    await printed(daemon, /"event":"started"/);
    const at = ['--directory', join(directory, 'store')];
    let opened = await latchkey(['open', 'front', '--json', ...at]);
    // The radio process may still be starting.
    for (let tries = 0; tries < 20 && JSON.parse(opened.stdout).result === 'refused'; tries += 1) {
      opened = await latchkey(['open', 'front', '--json', ...at]);
    }
    assert.equal(JSON.parse(opened.stdout).result, 'done', opened.stdout);
    assert.deepEqual(lock.motor.runs, { unlock: 1, lock: 0, unlatch: 0 });
  } finally {
    daemon.kill('SIGTERM');
    assert.equal(await ended(daemon), 0);
    await radio.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
