import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectToSite } from 'latchkey/cloud';
import { readClientKey, writeClientKey } from '../../daemon/cloud/client-key.ts';
import type { WireEvent } from '../../daemon/cloud/messages.ts';
import { realClock } from '../../daemon/platform/clock.ts';
import { mqttBroker } from '../../daemon/platform/mqtt-broker.ts';
import { realRandom } from '../../daemon/platform/random.ts';
import { EmbeddedBroker } from '../../simulator/broker.ts';
import { until } from '../real-time.ts';
import { Home, openBridge } from './cloud/bridge.ts';

test('several clients share one key file: no counter twice, every command answered', async () => {
  await using stack = new AsyncDisposableStack();
  const home = stack.use(new Home());
  const embedded = stack.use(await EmbeddedBroker.start());
  const broker = mqttBroker({ url: embedded.url });
  const bridge = stack.use(
    await openBridge(home, { clock: realClock(), random: realRandom(), broker }),
  );
  await until(() => bridge.link.isOnline);
  const keyFile = join(home.directory, 'cloud-key.json');
  writeClientKey(keyFile, { ...home.sender('cc-test'), broker: embedded.url });
  assert.equal(statSync(keyFile).mode & 0o777, 0o600);
  const sites = await Promise.all(
    [1, 2, 3, 4].map(async () => stack.use(await connectToSite({ keyFile }))),
  );
  const replies = await Promise.all(
    sites.flatMap(({ client }) =>
      [1, 2, 3, 4, 5].map((n) => client.send('ping', { echo: `${n}` })),
    ),
  );
  assert.ok(replies.every(({ status }) => status === 'ok'));
  const kept = readClientKey(keyFile);
  assert.equal(kept.counter, '20');
  assert.deepEqual(kept.pending, []);
});

test('a site is followed and brought up to date by whoever holds its key', async () => {
  await using stack = new AsyncDisposableStack();
  const home = stack.use(new Home());
  const embedded = stack.use(await EmbeddedBroker.start());
  const broker = mqttBroker({ url: embedded.url });
  const bridge = stack.use(
    await openBridge(home, { clock: realClock(), random: realRandom(), broker }),
  );
  await until(() => bridge.link.isOnline);
  const keyFile = join(home.directory, 'cloud-key.json');
  writeClientKey(keyFile, home.sender('cc-test'));
  const site = stack.use(await connectToSite({ keyFile, url: embedded.url }));
  const events: WireEvent[] = [];
  await site.client.follow({ event: (event) => void events.push(event) });
  const grant = {
    ...{ id: 'g-1', rev: 1, holder: 'p', credentials: [], operations: ['unlock' as const] },
    ...{ targets: [{ kind: 'lock' as const, id: 'door' }], window: { kind: 'ongoing' as const } },
  };
  const result = await site.bringUpToDate({ revisions: () => [grant], grant: async () => grant });
  assert.deepEqual([result.kind, bridge.grants.count('cloud')], ['sent', 1]);
  await until(() => bridge.journal.acknowledged === bridge.journal.lastSeq);
  assert.ok(events.some(({ type }) => type === 'grant.delta_applied'));
});

test('a key file that will not do is told without repeating it', async () => {
  using home = new Home();
  const keyFile = join(home.directory, 'bad.json');
  await assert.rejects(connectToSite({ keyFile }), /cannot be read/);
  writeFileSync(keyFile, 'secret but no JSON');
  await assert.rejects(connectToSite({ keyFile }), (problem) => {
    return (
      problem instanceof RangeError &&
      /no JSON/.test(problem.message) &&
      !/secret/.test(problem.message)
    );
  });
  writeClientKey(keyFile, home.sender('cc-test'));
  await assert.rejects(connectToSite({ keyFile }), /no broker/);
});
