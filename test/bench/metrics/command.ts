/** From a signed command at the broker to its final reply. */
import type { CloudClient } from '../../../daemon/cloud/client.ts';
import { CloudClient as Client } from '../../../daemon/cloud/client.ts';
import { keyInMemory, type PendingCommand } from '../../../daemon/cloud/client-key.ts';
import { mqttBroker } from '../../../daemon/platform/mqtt-broker.ts';
import { pause } from '../../../drivers/contract/time.ts';
import { Home, openBridge } from '../../daemon/cloud/bridge.ts';
import { clock, random } from '../clocks.ts';
import { BareCommits } from '../disk.ts';
import { Folder } from '../house.ts';
import type { Metric } from '../measure.ts';
import { BareRoundTrip, broker, NO_BROKER } from '../mqtt.ts';
import { DOORS, runningSite } from '../site.ts';
import { bareDoor } from './wire.ts';

const APART_MS = 140;
const FRAME = Buffer.alloc(8, 0x55);
/** A signed command is about this long. */
const COMMAND_BYTES = 450;

/** Signed beforehand: making it is the cloud's work. */
async function deliver(client: CloudClient, command: PendingCommand): Promise<void> {
  const reply = await client.deliver(command);
  if (reply.status !== 'ok') throw new Error(`refused: ${JSON.stringify(reply)}`);
}

export const command: Metric = {
  name: 'command',
  unit: 'ms',
  what: 'signed unlock over Mosquitto, QoS 1, until its final reply; beside a bare round trip, two bare FULL commits and a bare serialport write',
  goal: { ratio: 1.6, direction: 'at-most' },
  async prepare({ quick }) {
    await using parts = new AsyncDisposableStack();
    const mosquitto = await broker();
    if (mosquitto === undefined) return NO_BROKER;
    const { url } = parts.use(mosquitto);
    const site = parts.use(await runningSite(mqttBroker({ url })));
    const client = parts.use(await site.client());
    const folder = parts.use(new Folder());
    const commits = parts.use(new BareCommits(folder.path));
    const door = parts.use(await bareDoor(folder.path));
    const bare = parts.use(
      await BareRoundTrip.open(url, async () => {
        commits.commit();
        await door.write(FRAME);
        commits.commit();
      }),
    );
    const owned = parts.move();
    return {
      perRound: quick ? 6 : 20,
      turns: 'each',
      n: 1,
      floor: async () => {
        await pause(clock, 10);
        const before = performance.now();
        await bare.ask(COMMAND_BYTES);
        return performance.now() - before;
      },
      ours: async (n) => {
        const dev = DOORS[n % DOORS.length] ?? '';
        const made = await client.make('unlock', { dev, ms: 100 });
        await pause(clock, APART_MS);
        const before = performance.now();
        await deliver(client, made);
        return performance.now() - before;
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};

const IN_FLIGHT = 100;

export const commandRate: Metric = {
  name: 'command-rate',
  unit: '/s',
  what: 'signed commands a second with 100 in flight, each on the disk before it is acknowledged; beside bare round trips, 100 in flight',
  goal: { ratio: 0.5, direction: 'at-least' },
  async prepare({ quick }) {
    await using parts = new AsyncDisposableStack();
    const mosquitto = await broker();
    if (mosquitto === undefined) return NO_BROKER;
    const { url } = parts.use(mosquitto);
    const home = parts.use(new Home());
    const folder = parts.use(new Folder());
    const bridge = parts.use(
      await openBridge(home, {
        clock,
        random,
        broker: mqttBroker({ url }),
        directory: folder.path,
        worker: true,
      }),
    );
    const client = parts.use(
      await Client.connect({
        broker: mqttBroker({ url }),
        topics: bridge.topics,
        key: keyInMemory(home.sender('cc-test')),
        requester: 'cc-test',
        clock,
        random,
      }),
    );
    await client.until(({ status }) => status?.online === true, 10_000);
    const bare = parts.use(await BareRoundTrip.open(url, () => undefined));
    const owned = parts.move();
    const count = quick ? 300 : 1000;
    return {
      perRound: 1,
      turns: 'round',
      roundsMost: quick ? 1 : 9,
      n: IN_FLIGHT,
      floor: () => rate(count, () => bare.ask(COMMAND_BYTES)),
      ours: async () => {
        const made: PendingCommand[] = [];
        for (let n = 0; n < count; n++) made.push(await client.make('unlock', { dev: 'door' }));
        return rate(count, (n) => {
          const each = made[n];
          return each === undefined ? Promise.resolve() : deliver(client, each);
        });
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};

/** Of `count` in all, so many under way at any time; a second. */
async function rate(count: number, act: (n: number) => Promise<void>): Promise<number> {
  let next = 0;
  const before = performance.now();
  const lane = async () => {
    while (next < count) {
      next += 1;
      await act(next - 1);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return (count * 1000) / (performance.now() - before);
}
