/**
 * Many sites on one broker that goes away and comes back with everything owed to it. All of them share one processor
 * here, as no fleet does, so the ratio to bare clients judges nothing: that none is lost and all come in order does.
 */
import { connectAsync, type MqttClient } from 'mqtt';
import { type FleetReport, runFleet } from '../../../simulator/site/fleet.ts';
import { until } from '../../real-time.ts';
import { clock, random } from '../clocks.ts';
import type { Metric } from '../measure.ts';
import { bareClient, withBroker } from '../mqtt.ts';

/** As many bytes an event has on the wire, and as many a message of events at most. */
const EVENT_BYTES = 560;
const MESSAGE_BYTES = 16_000;
/** As many of a site's messages are unacknowledged at a time. */
const WINDOW = 8;
/** So soon does a site try again that lost its broker: what is measured is the work, not the waiting. */
const LONGEST_WAIT_MS = 100;

export const fleet: Metric = {
  name: 'fleet',
  unit: 'ms',
  what: 'a broker comes back: until all sites are connected and all they have owed is acknowledged by their cloud; beside as many bare clients that connect and publish as much',
  prepare: ({ quick }) =>
    withBroker(async ({ url }) => {
      const sites = quick ? 25 : 150;
      const backlog = quick ? 60 : 200;
      const reports: FleetReport[] = [];
      return {
        perRound: 1,
        turns: 'round',
        roundsMost: quick ? 1 : 3,
        isCold: true,
        n: sites,
        floor: () => bareFleet(url, sites, backlog),
        ours: async () => {
          const report = await runFleet({
            ...{ sites, backlog, seconds: 1, spread: 1, drainPerSecond: Number.POSITIVE_INFINITY },
            ...{ longestWait: LONGEST_WAIT_MS, clock, random },
          });
          reports.push(report);
          return report.drainMs;
        },
        also: () =>
          reports.map((report) => ({
            what:
              `${report.sites} sites on ${report.broker}: all online after ${report.allOnlineMs} ms, back after ` +
              `${report.allBackMs} ms, ${report.mostConnectsPerSecond} connects within a second; an event arrives after ` +
              `${report.p50Ms} ms, one in a hundred after ${report.p99Ms}; ${report.drainPerSecond} owed events a second; ` +
              `${report.residentMiB} MiB; none lost, all in order`,
            met: report.lost === 0 && report.outOfOrder === 0,
          })),
      };
    }),
};

async function bareFleet(url: string, sites: number, backlog: number): Promise<number> {
  const cloud = await bareClient(url);
  let heard = 0;
  cloud.on('message', () => {
    heard += 1;
  });
  await cloud.subscribeAsync('bare/+/evt', { qos: 1 });
  const perSite = Math.ceil((backlog * EVENT_BYTES) / MESSAGE_BYTES);
  const payload = Buffer.alloc(Math.ceil((backlog * EVENT_BYTES) / perSite), 0x6c);
  const clients: MqttClient[] = [];
  const before = performance.now();
  const live = async (site: number) => {
    const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0 });
    clients.push(client);
    let next = 0;
    const lane = async () => {
      while (next < perSite) {
        next += 1;
        await client.publishAsync(`bare/${site}/evt`, payload, { qos: 1 });
      }
    };
    await Promise.all(Array.from({ length: WINDOW }, lane));
  };
  await Promise.all(Array.from({ length: sites }, (_, site) => live(site)));
  await until(() => heard >= sites * perSite, 300_000);
  const spent = performance.now() - before;
  await Promise.all([...clients, cloud].map((client) => client.endAsync(true)));
  return spent;
}
