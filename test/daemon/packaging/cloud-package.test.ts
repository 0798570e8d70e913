/** `dist/cloud`, installed in an empty folder: plain JavaScript imports it, and TypeScript knows its types. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { writeClientKey } from '../../../daemon/cloud/client-key.ts';
import { cloudPackage } from '../../../daemon/packaging/cloud-package.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { mqttBroker } from '../../../daemon/platform/mqtt-broker.ts';
import { realRandom } from '../../../daemon/platform/random.ts';
import { EmbeddedBroker } from '../../../simulator/broker.ts';
import { until } from '../../real-time.ts';
import { ended } from '../cli/process.ts';
import { Home, openBridge } from '../cloud/bridge.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

const PROGRAM = `import { connectToSite } from 'latchkey/cloud';
await using site = await connectToSite({ keyFile: process.argv[2] });
const reply = await site.client.send('ping', { echo: 'here' });
if (reply.status !== 'ok') throw new Error(JSON.stringify(reply));
`;
const TYPED = `import { type ConnectedSite, connectToSite } from 'latchkey/cloud';
export async function open(keyFile: string): Promise<boolean> {
  await using site: ConnectedSite = await connectToSite({ keyFile });
  const reply = await site.client.send('ping', { echo: 'here' });
  return reply.status === 'ok';
}
`;

test('packed and installed in an empty folder it is imported, reaches a site, and has its types', async (t) => {
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-cloud-'));
  const made = join(ROOT, 'dist', `cloud-test-${process.pid}`);
  t.after(() => {
    rmSync(directory, { recursive: true });
    rmSync(made, { recursive: true, force: true });
  });
  await cloudPackage(made);
  const npm = (cwd: string, ...args: readonly string[]) =>
    execFileSync('npm', [...args, '--silent'], { cwd, encoding: 'utf8' });
  npm(made, 'pack', '--pack-destination', directory);
  const [archive = ''] = readdirSync(directory);
  const folder = join(directory, 'program');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }\n');
  // Offline: nothing of it is fetched from anywhere.
  npm(folder, 'install', '--offline', '--no-audit', '--no-fund', join(directory, archive));

  const home = stack.use(new Home());
  const embedded = stack.use(await EmbeddedBroker.start());
  const broker = mqttBroker({ url: embedded.url });
  const bridge = stack.use(
    await openBridge(home, { clock: realClock(), random: realRandom(), broker }),
  );
  await until(() => bridge.link.isOnline);
  const keyFile = join(home.directory, 'cloud-key.json');
  writeClientKey(keyFile, { ...home.sender('cc-test'), broker: embedded.url });
  writeFileSync(join(folder, 'program.js'), PROGRAM);
  const child = spawn(process.execPath, ['program.js', keyFile], { cwd: folder, stdio: 'inherit' });
  assert.equal(await ended(child), 0);

  // From its folder, too, as a checkout beside a program has it.
  const beside = join(directory, 'beside');
  mkdirSync(beside);
  writeFileSync(join(beside, 'package.json'), '{ "type": "module", "private": true }\n');
  npm(beside, 'install', '--offline', '--no-audit', '--no-fund', made);
  const code = "console.log(typeof (await import('latchkey/cloud')).connectToSite)";
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: beside });
  assert.equal(String(said), 'function\n');

  const compiled = (...names: readonly string[]) => {
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext'];
    const known = ['--target', 'esnext', '--types', 'node', '--typeRoots'];
    const args = [...options, ...known, join(ROOT, 'node_modules/@types'), ...names];
    return spawnSync(process.execPath, [compiler, ...args], { cwd: folder, encoding: 'utf8' });
  };
  writeFileSync(join(folder, 'right.ts'), TYPED);
  const right = compiled('right.ts');
  assert.equal(right.status, 0, right.stdout);
  writeFileSync(join(folder, 'wrong.ts'), TYPED.replace("echo: 'here'", 'echo: 7'));
  writeFileSync(join(folder, 'unknown.ts'), TYPED.replace("=== 'ok'", "=== 'fine'"));
  const { stdout } = compiled('wrong.ts', 'unknown.ts');
  assert.match(stdout, /wrong\.ts\(4,\d+\): error TS/, 'types are types, not any');
  assert.match(stdout, /unknown\.ts\(5,\d+\): error TS/);
});
