/** An update asked for by command, with the package's own updater and a system that is told what to say. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { seededRandom } from '../../simulator/random.ts';
import { OwnCloud } from '../../simulator/site/own-cloud.ts';
import { Exchange } from '../daemon/cloud/cloud-and-bridge.ts';
import { simulatedSite } from '../site.ts';

const UPDATER = resolve(import.meta.dirname, '../../systemd/debian/update.sh');

/** What the updater calls, written down by each and answered as told. */
class System implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'latchkey-update-'));
  readonly spool = join(this.root, 'update');
  installed = 'test';

  constructor() {
    mkdirSync(this.spool);
    mkdirSync(join(this.root, 'bin'));
    this.answers('apt-get', 'exit 0');
    this.answers('dpkg', 'exit 0');
    this.answers('systemctl', 'exit 0');
  }

  answers(name: string, script: string): void {
    const file = join(this.root, 'bin', name);
    writeFileSync(file, `#!/bin/sh\necho ${name} "$@" >> ${this.root}/calls\n${script}\n`);
    chmodSync(file, 0o755);
  }

  /** As the path unit does it. */
  update(): void {
    this.answers('dpkg-query', `printf %s ${this.installed}`);
    execFileSync('/bin/sh', [UPDATER], {
      stdio: 'ignore',
      env: {
        PATH: `${join(this.root, 'bin')}:/usr/bin:/bin`,
        LATCHKEY_UPDATES: this.spool,
        RUNTIME_DIRECTORY: this.root,
        LATCHKEY_UPDATE_TRIES: '1',
      },
    });
  }

  get calls(): string {
    return existsSync(join(this.root, 'calls'))
      ? readFileSync(join(this.root, 'calls'), 'utf8')
      : '';
  }

  has(name: string): boolean {
    return existsSync(join(this.spool, name));
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

async function siteWithUpdater(seed: number, system: System | undefined) {
  const exchange = new Exchange();
  const site = await simulatedSite({
    ...{ seed, onDisk: true, broker: exchange },
    ...(system === undefined ? {} : { updates: system.spool }),
  });
  const key = site.enrolment.senders.find(({ kid }) => kid === 'ops-test');
  if (key === undefined) throw new Error('no ops key');
  const joined = OwnCloud.join({
    broker: exchange,
    key,
    clock: site.clock,
    random: seededRandom(seed),
  });
  const ops = await site.settling(joined);
  let accepted = 0;
  const start = async (version: string) => {
    const made = await site.settling(ops.client.make('update.start', { settings: { version } }));
    const heard = () => {
      accepted += 1;
    };
    const options = { within: 120_000, accepted: heard };
    return { id: made.id, reply: ops.client.deliver(made, options) };
  };
  return { site, ops, start, accepted: () => accepted };
}

test('an update is accepted, left to the updater, and answered by the version that was installed', async () => {
  using system = new System();
  const { site, ops, start, accepted } = await siteWithUpdater(71, system);
  await using _site = site;
  await using _ops = ops;
  const { id, reply } = await start('9.1.0');
  await site.advance(3_000);
  assert.equal(accepted(), 1);
  assert.equal(site.last('system.update_started').body['version'], '9.1.0');
  const other = await site.settling((await start('9.2.0')).reply);
  assert.deepEqual([other.code, other.data['version']], ['busy', '9.1.0']);
  system.installed = '9.1.0';
  system.update();
  assert.match(system.calls, /apt-get .*install .*latchkey=9\.1\.0/);
  assert.ok(!system.has('wanted'));
  // The package's restart: killed at once, and another version comes up.
  site.version = '9.1.0';
  site.cut();
  await site.restart(1_000);
  const told = await site.settling(reply);
  assert.deepEqual([told.id, told.status, told.data['version']], [id, 'ok', '9.1.0']);
  assert.equal(site.last('system.update_finished').body['result'], 'done');
  assert.ok(!system.has('request') && !system.has('result'));
  const same = await site.settling((await start('9.1.0')).reply);
  assert.equal(same.status, 'ok');
});

test('a clean stop leaves an update to the next start, and one that failed is told with why', async () => {
  using system = new System();
  const { site, ops, start } = await siteWithUpdater(72, system);
  await using _site = site;
  await using _ops = ops;
  const { reply } = await start('9.1.0');
  await site.advance(3_000);
  await site.stop();
  system.answers('apt-get', '[ "$2" = update ] && exit 0; exit 100');
  system.update();
  await site.start();
  const told = await site.settling(reply);
  assert.deepEqual([told.code, told.data['result']], ['internal', 'failed']);
  assert.match(String(told.data['detail']), /does not install latchkey 9\.1\.0/);
  assert.equal(site.last('system.update_finished').body['alarm'], true);
});

test('without an updater, without a version, or without the power for it, nothing is asked of anybody', async () => {
  using system = new System();
  const { site, ops, start } = await siteWithUpdater(73, system);
  await using _site = site;
  await using _ops = ops;
  for (const bad of ['', 'latest', '1.0; reboot', '../1', '-1']) {
    assert.equal((await site.settling((await start(bad)).reply)).code, 'bad_request', bad);
  }
  assert.ok(!system.has('wanted'));
  const bare = await siteWithUpdater(74, undefined);
  await using _bare = bare.site;
  await using _bareOps = bare.ops;
  assert.equal((await bare.site.settling((await bare.start('9.1.0')).reply)).code, 'unsupported');
});

test('the updater believes nothing of its folder but an id and a version', () => {
  using system = new System();
  for (const line of ['', 'x;reboot 1.0', '01-a 1.0;reboot', '01-a $(reboot)', '01-a -o', '01-a']) {
    writeFileSync(join(system.spool, 'wanted'), `${line}\n`);
    system.update();
    assert.ok(!system.has('wanted') && !system.has('result'), line);
    assert.equal(system.calls, '', line);
  }
  writeFileSync(join(system.spool, 'wanted'), '01-a 1.0\n');
  system.answers('systemctl', 'exit 3');
  system.installed = '1.0';
  system.update();
  assert.equal(
    readFileSync(join(system.spool, 'result'), 'utf8'),
    '01-a failed installed, but it does not start\n',
  );
});
