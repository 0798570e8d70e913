/** `latchkey cloud device.*` against a daemon of its own process, over a broker, with kill -9 in the middle of each change. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeClientKey } from '../../../daemon/cloud/client-key.ts';
import { enrol } from '../../../daemon/cloud/enrolment.ts';
import { EmbeddedBroker } from '../../../simulator/broker.ts';
import { ended, latchkey, printed, start } from './process.ts';

const BRIDGE = 'kb-7f3a91';
const WIRE = { serial: '/dev/serial/by-id/new', baudRate: 19_200 };
const SETTINGS = { driver: 'kerong-cu16', bus: 'new-bus', address: 0 };

/** A daemon that can be killed, and the shell of one who may operate it. */
class Afar implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'latchkey-afar-'));
  readonly store = join(this.directory, 'store');
  readonly #config = join(this.directory, 'config.yaml');
  readonly #to: readonly string[];
  #daemon: ReturnType<typeof start> | undefined;

  constructor(broker: string) {
    const { directory } = this;
    const { senders } = enrol(join(directory, 'keys'), BRIDGE, 'latchkey', ['cc-a', 'ops-a']);
    for (const sender of senders) writeClientKey(this.#key(sender.kid), sender);
    writeFileSync(join(directory, 'pepper'), '07'.repeat(32), { mode: 0o600 });
    writeFileSync(
      this.#config,
      `site: { id: hut-1, zone: Europe/Stockholm, policies: { clockSource: assumed } }
store: { directory: ${this.store} }
secrets: { pinPepper: "file:${directory}/pepper", signingKey: "file:${directory}/keys/signing-key.json", sealingKey: "file:${directory}/keys/sealing-key.json" }
buses: { a: { serial: /dev/serial/by-id/none, baudRate: 19200 } }
devices: { box: { driver: kerong-cu16, bus: a, address: 0 } }
accessPoints: { lobby: { box: box, readers: [] } }
keys: { flat-3: { name: Flat 3, home: lobby, slot: 3 } }
cloud: { mqtt: { url: "${broker}", bridgeId: ${BRIDGE}, trust: ${directory}/keys/trust.json, connectSpread: 0s } }
api: { listen: "127.0.0.1:0" }
`,
    );
    this.#to = ['--broker', broker, '--bridge', BRIDGE, '--json'];
  }

  async run(): Promise<void> {
    this.#daemon = start(['run', '--config', this.#config]);
    await printed(this.#daemon, /"event":"started"/);
  }

  async kill(): Promise<void> {
    if (this.#daemon === undefined) return;
    this.#daemon.kill('SIGKILL');
    await ended(this.#daemon);
    this.#daemon = undefined;
  }

  async cloud(kid: 'cc-a' | 'ops-a', ...line: readonly string[]) {
    const { status, stdout, stderr } = await latchkey(
      ['cloud', ...line, '--key', this.#key(kid), '--timeout', '60000'].concat(this.#to),
    );
    assert.ok(stdout.trim() !== '', stderr);
    return { status, told: JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null') };
  }

  /** Kills it the moment that what it keeps of remote devices is written anew, before anybody was answered. */
  async killedAtChange(work: () => Promise<unknown>): Promise<void> {
    const changed = Promise.withResolvers<void>();
    const watching = watch(this.store, (_what, file) => {
      if (file === 'devices.json') changed.resolve();
    });
    const working = work();
    await changed.promise;
    watching.close();
    await this.kill();
    await this.run();
    await working;
  }

  async devices(): Promise<readonly string[]> {
    const { told } = await this.cloud('ops-a', 'state');
    return Object.keys(told.devices).toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true });
  }

  #key(kid: string): string {
    return join(this.directory, `${kid}.json`);
  }
}

test('a device added from a shell is there after kill -9 in the middle of it, answered once, and gone the same way', async () => {
  await using broker = await EmbeddedBroker.start();
  await using afar = new Afar(broker.url);
  await afar.run();
  const settings = ['--settings', JSON.stringify(SETTINGS), '--wire', JSON.stringify(WIRE)];
  const add = ['device.add', '--dev', 'box-2', ...settings];
  assert.equal((await afar.cloud('cc-a', ...add)).told.code, 'denied');
  assert.equal(existsSync(join(afar.store, 'devices.json')), false);

  await afar.killedAtChange(async () => {
    const { status, told } = await afar.cloud('ops-a', ...add);
    assert.deepEqual([status, told.status, told.data.result], [0, 'ok', 'done']);
  });
  assert.deepEqual(await afar.devices(), ['box', 'box-2']);
  const again = await afar.cloud('ops-a', ...add);
  assert.deepEqual([again.status, again.told.data.outcome], [0, 'same']);

  await afar.killedAtChange(async () => {
    const { status, told } = await afar.cloud('ops-a', 'device.remove', '--dev', 'box-2');
    assert.deepEqual([status, told.status], [0, 'ok']);
  });
  assert.deepEqual(await afar.devices(), ['box']);
  const needed = await afar.cloud('ops-a', 'device.remove', '--dev', 'box');
  assert.deepEqual([needed.status, needed.told.code], [1, 'conflict']);

  // Here is no updater: that is told, and nothing is left to wait for.
  const update = await afar.cloud('ops-a', 'update.start', '9.1.0');
  assert.deepEqual([update.status, update.told.code], [1, 'unsupported']);
  await afar.kill();
  const { status, stdout } = await latchkey([
    'journal',
    'verify',
    '--directory',
    afar.store,
    '--json',
  ]);
  assert.deepEqual([status, JSON.parse(stdout).ok], [0, true]);
  assert.doesNotMatch(readFileSync(join(afar.store, 'devices.json'), 'utf8'), /"box-2": \{/);
});
