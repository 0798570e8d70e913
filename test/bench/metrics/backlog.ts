/** What happened while the cloud was away. */
import { CloudClient } from '../../../daemon/cloud/client.ts';
import { keyInMemory } from '../../../daemon/cloud/client-key.ts';
import { mqttBroker } from '../../../daemon/platform/mqtt-broker.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { Home, openBridge } from '../../daemon/cloud/bridge.ts';
import { until } from '../../real-time.ts';
import { clock, random } from '../clocks.ts';
import { entriesOf } from '../entries.ts';
import { Folder, stampNow } from '../house.ts';
import type { Metric } from '../measure.ts';
import { bareClient, broker, NO_BROKER } from '../mqtt.ts';

const LIVE_MS = 2000;
/** As many of the uplink's messages are unacknowledged at a time. */
const WINDOW = 8;

export const backlog: Metric = {
  name: 'backlog',
  unit: 'ms',
  what: 'events of a time without cloud, to Mosquitto and acknowledged, what happens now in between; beside bare publishing of the same payloads in the same window',
  goal: { ratio: 1.3, direction: 'at-most' },
  async prepare({ quick }) {
    await using parts = new AsyncDisposableStack();
    const mosquitto = await broker();
    if (mosquitto === undefined) return NO_BROKER;
    const { url } = parts.use(mosquitto);
    const home = parts.use(new Home());
    const count = quick ? 20_000 : 100_000;
    const worst: number[] = [];
    let payloads: readonly Buffer[] = [];

    const ours = async () => {
      using folder = new Folder();
      await fillJournal(folder.path, count);
      const topics = `latchkey/1/+/evt/+`;
      const ear = await bareClient(url);
      const heard: Buffer[] = [];
      ear.on('message', (_topic, payload) => heard.push(payload));
      await ear.subscribeAsync(topics, { qos: 1 });
      await using bridge = await openBridge(home, {
        clock,
        random,
        broker: mqttBroker({ url }),
        directory: folder.path,
        worker: true,
      });
      const seen = new Map<number, number>();
      await using cloud = await CloudClient.connect({
        broker: mqttBroker({ url }),
        topics: bridge.topics,
        key: keyInMemory(home.sender('cc-test')),
        requester: 'cc-test',
        clock,
        random,
      });
      const before = performance.now();
      await cloud.follow({
        event: ({ seq }) => {
          if (!seen.has(seq)) seen.set(seq, performance.now());
        },
      });
      const { recorded } = bridge.journal.append({ stamp: stampNow(), entries: entriesOf(1) });
      const live = recorded[0]?.seq ?? 0;
      const liveAt = performance.now();
      await until(() => bridge.journal.acknowledged >= count, 300_000);
      const spent = performance.now() - before;
      worst.push((seen.get(live) ?? Number.POSITIVE_INFINITY) - liveAt);
      payloads = heard;
      await ear.endAsync(true);
      return spent;
    };
    await ours(); // so that there are payloads to publish
    const owned = parts.move();
    return {
      perRound: 1,
      turns: 'round',
      roundsMost: quick ? 1 : 3,
      isCold: true,
      n: count,
      floor: () => publishBare(url, payloads),
      ours,
      also: () => [
        {
          what: `what happened now was there after ${worst.map((ms) => `${Math.round(ms)} ms`).join(', ')}`,
          met: worst.every((ms) => ms < LIVE_MS),
        },
      ],
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};

async function fillJournal(directory: string, count: number): Promise<void> {
  const { journal } = await openJournal({ directory, clock, random });
  await using _ = journal;
  for (let done = 0; done < count; done += 500) {
    const entries = entriesOf(Math.min(500, count - done), done);
    await journal.append({ stamp: stampNow(), entries }).committed;
  }
}

/** The same bytes, taken by a subscriber as ours are. */
async function publishBare(url: string, payloads: readonly Buffer[]): Promise<number> {
  const [from, to] = await Promise.all([bareClient(url), bareClient(url)]);
  let heard = 0;
  to.on('message', () => {
    heard += 1;
  });
  await to.subscribeAsync('bare/evt', { qos: 1 });
  const before = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < payloads.length) {
      const payload = payloads[next] ?? Buffer.alloc(0);
      next += 1;
      await from.publishAsync('bare/evt', payload, { qos: 1 });
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, lane));
  await until(() => heard >= payloads.length, 300_000);
  const spent = performance.now() - before;
  await Promise.all([from.endAsync(true), to.endAsync(true)]);
  return spent;
}
