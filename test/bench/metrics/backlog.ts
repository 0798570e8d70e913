/** What happened while the cloud was away. */
import type { Broker } from '../../../daemon/cloud/broker.ts';
import { mqttBroker } from '../../../daemon/platform/mqtt-broker.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { Home, openBridge } from '../../daemon/cloud/bridge.ts';
import { until } from '../../real-time.ts';
import { clock, random } from '../clocks.ts';
import { entriesOf } from '../entries.ts';
import { Folder, stampNow } from '../house.ts';
import type { Metric } from '../measure.ts';
import { bareClient, inFlight, type Wired, withBroker } from '../mqtt.ts';

const LIVE_MS = 2000;
/** As many of the uplink's messages are unacknowledged at a time. */
const WINDOW = 8;

export const backlog: Metric = {
  name: 'backlog',
  unit: 'ms',
  what: 'events of a time without cloud, to Mosquitto and acknowledged, what happens now in between; beside bare publishing of the same payloads in the same window',
  goal: { ratio: 1.3, direction: 'at-most' },
  prepare: ({ quick }) =>
    withBroker(async (wired) => {
      const { url, parts } = wired;
      const home = parts.use(new Home());
      const count = quick ? 10_000 : 100_000;
      const live: number[] = [];
      const ours = async () => {
        const drained = await drain(home, count, wired);
        live.push(drained.live);
        return drained.spent;
      };
      const payloads = await heardOf(url, ours);
      live.length = 0;
      return {
        perRound: 1,
        turns: 'round',
        roundsMost: quick ? 2 : 9,
        isCold: true,
        n: count,
        floor: () => publishBare(payloads, wired),
        ours,
        also: () => [
          {
            what: `what happened now was there after ${live.map((ms) => `${Math.round(ms)} ms`).join(', ')}`,
            met: live.every((ms) => ms < LIVE_MS),
          },
        ],
      };
    }),
};

/** From the moment the session is there; `live` is how long an event took that happened half-way. Milliseconds. */
async function drain(home: Home, count: number, { url, cloud }: Wired) {
  using folder = new Folder();
  await fillJournal(folder.path, count);
  await cloud.ask({ ask: 'acknowledge', key: home.sender('cc-test'), old: count });
  const there = Promise.withResolvers<void>();
  const broker = noting(mqttBroker({ url }), there.resolve);
  const directory = folder.path;
  await using bridge = await openBridge(home, { clock, random, broker, directory, worker: true });
  await there.promise;
  const before = performance.now();
  await until(() => bridge.journal.acknowledged >= count / 2, 300_000);
  const happened = performance.timeOrigin + performance.now();
  const { recorded } = bridge.journal.append({ stamp: stampNow(), entries: entriesOf(1) });
  await until(() => bridge.journal.acknowledged >= count, 300_000);
  const spent = performance.now() - before;
  const seq = recorded[0]?.seq ?? 0;
  return { spent, live: (await cloud.ask({ ask: 'live', seq })) - happened };
}

function noting(broker: Broker, connected: () => void): Broker {
  return {
    name: broker.name,
    async connect(...how) {
      const session = await broker.connect(...how);
      connected();
      return session;
    },
  };
}

async function fillJournal(directory: string, count: number): Promise<void> {
  const { journal } = await openJournal({ directory, clock, random });
  await using _ = journal;
  for (let done = 0; done < count; done += 500) {
    const entries = entriesOf(Math.min(500, count - done), done);
    await journal.append({ stamp: stampNow(), entries }).committed;
  }
}

/** The payloads that are published meanwhile. */
async function heardOf(url: string, act: () => Promise<unknown>): Promise<readonly Buffer[]> {
  const ear = await bareClient(url);
  const heard: Buffer[] = [];
  ear.on('message', (_topic, payload) => heard.push(payload));
  await ear.subscribeAsync('latchkey/1/+/evt/+', { qos: 1 });
  await act();
  await ear.endAsync(true);
  return heard;
}

/** The same bytes, taken by a subscriber as ours are. */
async function publishBare(payloads: readonly Buffer[], { url, cloud }: Wired): Promise<number> {
  const client = await bareClient(url);
  await cloud.ask({ ask: 'listen' });
  const before = performance.now();
  const trips = { count: payloads.length, inFlight: WINDOW };
  await inFlight(trips, async (n) => {
    await client.publishAsync('bare/evt', payloads[n] ?? Buffer.alloc(0), { qos: 1 });
  });
  await cloud.ask({ ask: 'heard', count: payloads.length });
  const spent = performance.now() - before;
  await client.endAsync(true);
  return spent;
}
