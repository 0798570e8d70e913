/** From a signed command at the broker to its final reply. */
import { mqttBroker } from '../../../daemon/platform/mqtt-broker.ts';
import { Home, openBridge } from '../../daemon/cloud/bridge.ts';
import { clock, random } from '../clocks.ts';
import { BareCommits } from '../disk.ts';
import { Folder } from '../house.ts';
import type { Metric } from '../measure.ts';
import { bareAnswerer, withBroker } from '../mqtt.ts';
import { DOORS, runningSite } from '../site.ts';
import { bareDoor } from './wire.ts';

/** Eight doors take turns, and each has rested by its next; the floor rests as long, so that both come out of it cold. */
const APART_MS = 140;
const FRAME = Buffer.alloc(8, 0x55);
/** A signed command is about this long. */
const BYTES = 450;

export const command: Metric = {
  name: 'command',
  unit: 'ms',
  what: 'signed unlock over Mosquitto, QoS 1, until its final reply; beside a bare round trip, two bare FULL commits and a bare serialport write',
  goal: { ratio: 1.6, direction: 'at-most' },
  prepare: ({ quick }) =>
    withBroker(async ({ url, cloud, parts }) => {
      const site = parts.use(await runningSite(mqttBroker({ url })));
      await cloud.ask({ ask: 'enter', key: site.sender });
      const folder = parts.use(new Folder());
      const commits = parts.use(new BareCommits(folder.path));
      const door = parts.use(await bareDoor(folder.path));
      const work = async () => {
        commits.commit();
        await door.write(FRAME);
        commits.commit();
      };
      parts.use(await bareAnswerer(url, work));
      const trip = { count: 1, inFlight: 1, restMs: APART_MS };
      return {
        perRound: quick ? 2 : 20,
        turns: 'each',
        n: 1,
        floor: () => cloud.ask({ ask: 'bare', bytes: BYTES, ...trip }),
        ours: (n) =>
          cloud.ask({ ask: 'unlock', devices: [DOORS[n % DOORS.length] ?? ''], ...trip }),
      };
    }),
};

const IN_FLIGHT = 100;

export const commandRate: Metric = {
  name: 'command-rate',
  unit: '/s',
  what: 'signed commands a second with 100 in flight, each on the disk before it is acknowledged; beside bare round trips, 100 in flight',
  goal: { ratio: 0.5, direction: 'at-least' },
  prepare: ({ quick }) =>
    withBroker(async ({ url, cloud, parts }) => {
      const home = parts.use(new Home());
      const directory = parts.use(new Folder()).path;
      const broker = mqttBroker({ url });
      parts.use(await openBridge(home, { clock, random, broker, directory, worker: true }));
      await cloud.ask({ ask: 'enter', key: home.sender('cc-test') });
      parts.use(await bareAnswerer(url, () => undefined));
      const count = quick ? 300 : 1000;
      const trips = { count, inFlight: IN_FLIGHT, restMs: 0 };
      const rate = (ms: number) => (count * 1000) / ms;
      return {
        perRound: 1,
        turns: 'round',
        roundsMost: quick ? 1 : 9,
        n: IN_FLIGHT,
        floor: async () => rate(await cloud.ask({ ask: 'bare', bytes: BYTES, ...trips })),
        ours: async () => rate(await cloud.ask({ ask: 'unlock', devices: ['door'], ...trips })),
      };
    }),
};
