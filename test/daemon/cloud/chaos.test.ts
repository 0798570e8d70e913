import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BrokerError } from '../../../daemon/cloud/broker.ts';
import { NoReplyError } from '../../../daemon/cloud/client.ts';
import type { PendingCommand } from '../../../daemon/cloud/client-key.ts';
import type { Reply } from '../../../daemon/cloud/messages.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { mqttBroker } from '../../../daemon/platform/mqtt-broker.ts';
import { realRandom } from '../../../daemon/platform/random.ts';
import { OwnCloud } from '../../../simulator/site/own-cloud.ts';
import { until } from '../../real-time.ts';
import { Home } from './bridge.ts';
import { Mosquitto, mosquittoFor } from './mosquitto.ts';

const LONG = process.env['LATCHKEY_LONG'] === '1';
const COMMANDS = LONG ? 2_000 : 20;
const clock = realClock();
const random = realRandom();
const chance = (part: number) => random.fraction() < part;

/** Killed without a word and started again, as by a power cut. */
class KilledBridge implements AsyncDisposable {
  readonly #line: readonly string[];
  #child: ChildProcess | undefined;
  deaths = 0;

  constructor(...line: readonly string[]) {
    this.#line = line;
    this.start();
  }

  start(): void {
    const script = join(import.meta.dirname, 'bridge-process.ts');
    this.#child = spawn(process.execPath, [script, ...this.#line], { stdio: 'inherit' });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    this.deaths += 1;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

test('P2, P3, P8: with bridge and broker killed at any moment no door moves twice, and no event is lost', async (t) => {
  const binary = mosquittoFor(t);
  if (binary === undefined) return;
  await using broker = await Mosquitto.start(binary);
  using home = new Home();
  const pulsesFile = join(home.directory, 'pulses');
  const store = join(home.directory, 'store');
  await using bridge = new KilledBridge(
    join(home.directory, 'keys'),
    store,
    broker.url,
    pulsesFile,
  );
  await using cloud = await OwnCloud.join({
    broker: mqttBroker({ url: broker.url }),
    key: home.sender('cc-test'),
    clock,
    random,
  });
  const finals = new Map<string, Reply[]>();
  const made: PendingCommand[] = [];
  const deliver = async (command: PendingCommand) => {
    try {
      const reply = await cloud.client.deliver(command, { within: 1_500 });
      finals.set(command.id, [...(finals.get(command.id) ?? []), reply]);
    } catch (problem) {
      if (!(problem instanceof NoReplyError || problem instanceof BrokerError)) throw problem;
    }
  };
  const ready = () => cloud.client.isConnected && cloud.client.status?.online === true;
  for (let n = 0; n < COMMANDS; n += 1) {
    await until(ready, 20_000);
    const command = await cloud.client.make('slot.open', { dev: 'box', slot: 1 + (n % 8) });
    made.push(command);
    const sent = [deliver(command)];
    if (chance(0.1) || n % 13 === 7) {
      // At whatever moment this is: before it arrived, between record and pulse, before the answer.
      await new Promise<void>((later) => setTimeout(later, random.fraction() * 6));
      await bridge.kill();
      bridge.start();
    } else if (n % 20 === 15) {
      await broker.kill();
      await broker.up();
    }
    await Promise.all(sent);
    const old = made[Math.floor(random.fraction() * made.length)];
    if (old !== undefined && chance(0.5) && cloud.client.isConnected) await deliver(old);
  }
  // What has no answer yet is asked again, as the same bytes; in the end everything has one.
  for (const command of made) {
    for (let tries = 0; tries < 20 && !finals.has(command.id); tries += 1) {
      await until(ready, 20_000);
      await deliver(command);
    }
    assert.ok(finals.has(command.id), 'no answer');
  }
  const pulses = existsSync(pulsesFile) ? readFileSync(pulsesFile, 'utf8').trim().split('\n') : [];
  assert.equal(new Set(pulses).size, pulses.length, 'a door moved twice');
  // On a busy machine many come too late and are refused; that some moved is all the rest needs.
  assert.ok(
    bridge.deaths > 0 && pulses.length > COMMANDS / 10,
    `${bridge.deaths} deaths, ${pulses.length} of ${COMMANDS} moved`,
  );
  for (const [id, replies] of finals) {
    const results = new Set(replies.map(({ code, data }) => `${code} ${data['result']}`));
    assert.equal(results.size, 1, `${id}: ${[...results].join(' and ')}`);
    const [reply] = replies;
    if (reply?.status === 'ok') assert.ok(pulses.includes(id), 'told to be done, and was not');
    if (reply?.data['result'] === 'refused')
      assert.ok(!pulses.includes(id), 'refused, and was done');
  }
  // Every pulse was recorded before it was made, and the cloud has every event; the last is told after its reply.
  const isCommanded = (id: string) =>
    cloud.events.some(({ type, body }) => type === 'access.commanded' && body['command'] === id);
  await until(() => {
    const { state, watermark } = cloud.client;
    const isThere = (watermark?.seq ?? 0) >= (state?.lastSeq ?? Number.POSITIVE_INFINITY);
    return isThere && pulses.every(isCommanded);
  }, 20_000);
  const seqs = cloud.events.map(({ seq }) => seq);
  assert.equal(new Set(seqs).size, seqs.length);
  assert.equal(cloud.forged, 0);
  assert.equal(cloud.client.watermark?.seq, Math.max(...seqs));
});
