import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { parseConfig } from '../../../config/load.ts';
import { checkedBefore, copyFile } from '../../../daemon/start/checked-config.ts';
import { keepChecked } from '../../../daemon/start/config-keeper.ts';
import { ended, printed, start } from '../cli/process.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-checked-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a config comes back as it was checked, for the same text only, and never torn or from a file that others can write', (t) => {
  const folder = folderFor(t);
  const text = `
site: { id: house, zone: Europe/Stockholm }
store: { directory: /var/lib/latchkey }
cloud: { mqtt: { url: mqtts://broker.example, bridgeId: kb-7f3a91, trust: /etc/trust, drainPerSecond: unlimited } }
buses: { door-bus: { serial: /dev/ttyS0 } }
devices: { board: { driver: modbus-relay, bus: door-bus, slots: { 3: { relay: 1, door: 2 } } } }
accessPoints: { box: { box: board } }
`;
  const config = parseConfig(text);
  const copy = { directory: folder, program: 'one', text };
  assert.equal(checkedBefore(copy), undefined);
  keepChecked(copy, config);
  assert.deepEqual(checkedBefore(copy), config);
  assert.equal(checkedBefore({ ...copy, text: `${text}\n` }), undefined);
  assert.equal(checkedBefore({ ...copy, program: 'another' }), undefined);
  assert.equal(checkedBefore({ ...copy, directory: undefined }), undefined);

  const file = copyFile(folder);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const bytes = readFileSync(file);
  for (let at = 0; at < bytes.length; at += 7) {
    writeFileSync(file, bytes.with(at, (bytes[at] ?? 0) ^ 1));
    assert.equal(checkedBefore(copy), undefined, `byte ${at}`);
  }
  truncateSync(file, 40);
  assert.equal(checkedBefore(copy), undefined);
  writeFileSync(file, bytes);
  chmodSync(file, 0o620);
  assert.equal(checkedBefore(copy), undefined);

  keepChecked({ ...copy, directory: join(folder, 'nowhere') }, config); // no fault
});

test('a start that finds the config as it was takes it, and still looks at the modes of secrets', async (t) => {
  const folder = folderFor(t);
  const cache = join(folder, 'cache');
  mkdirSync(cache, { mode: 0o700 });
  const pepper = join(folder, 'pepper');
  writeFileSync(pepper, Buffer.alloc(32, 7), { mode: 0o600 });
  const file = join(folder, 'config.yaml');
  const text = `site: { id: house, zone: Europe/Stockholm }
store: { directory: ${folder}/store }
secrets: { pinPepper: "file:${pepper}" }
api: { listen: 127.0.0.1:0 }
`;
  writeFileSync(file, text);
  const run = () => start(['run', '--config', file], { CACHE_DIRECTORY: cache });
  const site = async () => {
    const child = run();
    const said = await printed(child, /"started".*\n/);
    child.kill();
    assert.equal(await ended(child), 0);
    return /"site":"([a-z-]+)"/.exec(said)?.[1];
  };
  assert.equal(await site(), 'house');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const source = pathToFileURL(join(ROOT, 'daemon/cli/daemon-process.ts'));
  const copy = { directory: cache, program: `${version} ${source}`, text };
  const config = parseConfig(text);
  assert.deepEqual(checkedBefore(copy), config);
  keepChecked(copy, { ...config, site: { ...config.site, id: 'taken' } });
  assert.equal(await site(), 'taken');
  chmodSync(pepper, 0o644);
  const refused = run();
  await printed(refused, /chmod 600/);
  assert.equal(await ended(refused), 2);
});

test('what a first decision waits for loads no schema, no YAML, no command line, no log and no native port', () => {
  const script = `
    import { registerHooks } from 'node:module';
    const packages = new Set();
    registerHooks({ resolve(name, context, next) {
      if (/^[@a-z]/.test(name) && !name.startsWith('node:')) packages.add(name);
      return next(name, context);
    } });
    await import('./daemon/cli/daemon-process.ts');
    console.log(JSON.stringify([...packages]));
  `;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const loaded: unknown = JSON.parse(said);
  assert.ok(Array.isArray(loaded) && loaded.includes('better-sqlite3'));
  for (const late of [
    'zod',
    'yaml',
    'commander',
    'pino',
    'serialport',
    'mqtt',
    'fastify',
    'undici',
  ])
    assert.ok(!loaded.includes(late), late);
});
