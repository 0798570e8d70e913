/** A unit is handed over, or dies: of the two that there are then, never both act. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { passphraseIn } from '../../../daemon/cli/backup.ts';
import { verifyJournalFile } from '../../../daemon/store/journal-verify.ts';
import { openUnit } from '../../../daemon/store/sealed-box.ts';
import { isLater, newUnit, readUnit, UnitFence, writeUnit } from '../../../daemon/store/unit.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { Mosquitto, mosquittoFor } from '../cloud/mosquitto.ts';
import { ended, latchkey, printed, start } from './process.ts';

const FENCED = 3;

/** A unit on this machine: its config, its store, and the passphrase that its copies get. */
class UnitHome {
  readonly root: string;
  readonly config: string;
  readonly store: string;

  constructor(root: string) {
    this.root = root;
    this.config = join(root, 'etc/config.yaml');
    this.store = join(root, 'store');
  }

  static async made(root: string, broker: string): Promise<UnitHome> {
    const home = new UnitHome(root);
    const done = await latchkey([
      ...['init', '--site', 'harbour-12', '--zone', 'Europe/Stockholm', '--broker', broker],
      ...['--directory', join(root, 'etc'), '--store', home.store],
    ]);
    assert.equal(done.status, 0, done.stderr);
    home.change((text) => `${text}    connectSpread: 0s\napi:\n  listen: 127.0.0.1:0\n`);
    writeFileSync(home.passphrase, 'correct horse battery staple\n', { mode: 0o600 });
    return home;
  }

  get passphrase(): string {
    return join(this.root, 'passphrase');
  }

  change(how: (text: string) => string): void {
    writeFileSync(this.config, how(readFileSync(this.config, 'utf8')));
  }

  run() {
    return start(['run', '--config', this.config]);
  }

  backup(file: string, ...more: readonly string[]) {
    const own = ['--config', this.config, '--passphrase-file', this.passphrase];
    return latchkey(['backup', file, ...own, ...more]);
  }

  /** On a machine of its own, paths would be the same; here all of it lies under another root. */
  async takenOver(file: string, root: string, ...more: readonly string[]) {
    const spare = new UnitHome(join(root, this.root));
    const key = ['--passphrase-file', this.passphrase, '--root', root];
    const done = await latchkey(['restore', file, '--directory', spare.store, ...key, ...more]);
    if (done.status === 0) spare.change((text) => text.replaceAll(this.root, spare.root));
    return { spare, done };
  }
}

test('a unit that was handed over never acts again, and its spare goes on where it ended', async (t) => {
  const binary = mosquittoFor(t);
  if (binary === undefined) return;
  await using broker = await Mosquitto.start(binary);
  using folder = temporary();
  const old = await UnitHome.made(join(folder.path, 'a'), broker.url);
  const file = join(folder.path, 'site.unit');

  const running = old.run();
  await printed(running, /cloud-online/);
  assert.match((await old.backup(file, '--for-spare')).stderr, /in use by another daemon/);
  running.kill('SIGTERM');
  assert.equal(await ended(running), 0);
  const before = verifyJournalFile(join(old.store, 'journal.db'));

  const handed = await old.backup(file, '--for-spare', '--json');
  assert.equal(handed.status, 0, handed.stderr);
  const refused = await latchkey(['run', '--config', old.config]);
  assert.deepEqual([refused.status, /handed over/.test(refused.stderr)], [FENCED, true]);

  const bytes = readFileSync(file);
  const pepper = readFileSync(join(old.root, 'etc/pin-pepper'));
  assert.equal(bytes.includes(pepper), false);
  const passphrase = passphraseIn(old.passphrase);
  assert.equal((await openUnit(bytes, passphrase)).handedOver, true);
  const refusal = /another passphrase, or the file was changed/;
  await assert.rejects(openUnit(bytes, 'not the right one'), refusal);
  const changed = Buffer.from(bytes);
  changed.writeUInt8(changed.readUInt8(changed.length - 100) ^ 1, changed.length - 100);
  await assert.rejects(openUnit(changed, passphrase), refusal);
  await assert.rejects(openUnit(bytes.subarray(0, -1), passphrase), refusal);
  await assert.rejects(openUnit(Buffer.from('anything'), passphrase), /no file that/);

  const { spare, done } = await old.takenOver(file, join(folder.path, 'b'));
  assert.equal(done.status, 0, done.stderr);
  assert.deepEqual(readFileSync(join(spare.root, 'etc/pin-pepper')), pepper);
  const after = verifyJournalFile(join(spare.store, 'journal.db'));
  assert.deepEqual([after.lastSeq, after.lastHash], [before.lastSeq, before.lastHash]);
  assert.equal(readUnit(spare.store)?.generation, 2);
  const live = spare.run();
  await printed(live, /cloud-online/);
  live.kill('SIGTERM');
  assert.equal(await ended(live), 0);
});

test('a unit stated dead that comes back all the same meets its spare at the broker, and stops for good', async (t) => {
  const binary = mosquittoFor(t);
  if (binary === undefined) return;
  await using broker = await Mosquitto.start(binary);
  using folder = temporary();
  const old = await UnitHome.made(join(folder.path, 'a'), broker.url);
  const file = join(folder.path, 'site.unit');
  const first = old.run();
  await printed(first, /cloud-online/);
  assert.equal((await old.backup(file)).status, 0, 'beside a running daemon');
  first.kill('SIGKILL');
  await ended(first);

  const hasty = await old.takenOver(file, join(folder.path, 'b'));
  assert.match(hasty.done.stderr, /see to it that it never does/);
  const { spare, done } = await old.takenOver(
    file,
    join(folder.path, 'b'),
    '--old-unit-is-dead',
    '--json',
  );
  assert.equal(done.status, 0, done.stderr);
  assert.deepEqual(JSON.parse(done.stdout).unit, 2);
  const live = spare.run();
  await printed(live, /cloud-online/);

  const back = old.run();
  let said = '';
  back.stdout?.on('data', (chunk) => {
    said += chunk;
  });
  assert.equal(await ended(back), FENCED, said);
  assert.match(said, /"fenced"/);
  assert.equal(readUnit(old.store)?.fenced?.generation, 2);
  const refused = await latchkey(['run', '--config', old.config]);
  assert.deepEqual([refused.status, /has taken over/.test(refused.stderr)], [FENCED, true]);
  assert.equal(live.exitCode, null, 'the spare goes on');
  live.kill('SIGTERM');
  assert.equal(await ended(live), 0);
  assert.equal(readUnit(spare.store)?.fenced, undefined);
});

test('of two units the later acts, of twins of one file exactly one, and a fence outlives a restart', async () => {
  using folder = temporary();
  const random = seededRandom(5);
  const [a, b] = [newUnit(2, random), newUnit(2, random)];
  assert.notEqual(isLater(a, b), isLater(b, a));
  assert.equal(isLater(a, a), false);
  assert.equal(isLater(newUnit(3, random), a), true);
  await writeUnit(folder.path, a);
  const fence = await UnitFence.open(folder.path, random);
  assert.equal(await fence.meet(fence.claim), true);
  assert.equal(await fence.meet({ generation: 1, unit: 'f'.repeat(16) }), true);
  assert.equal(await fence.meet({ generation: 3, unit: '0'.repeat(16) }), false);
  assert.equal(fence.fenced.aborted, true);
  assert.equal((await UnitFence.open(folder.path, random)).fenced.aborted, true);
  writeFileSync(join(folder.path, 'unit.json'), 'rubbish');
  await assert.rejects(UnitFence.open(folder.path, random), /does not say which unit/);
});

function temporary() {
  const path = mkdtempSync(join(tmpdir(), 'latchkey-spare-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
