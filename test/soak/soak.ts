/** A whole site with its daemon as a process: first left alone, then used without a pause, and measured all along. */
import { join } from 'node:path';
import { pause } from '../../drivers/contract/time.ts';
import { seededRandom } from '../../simulator/random.ts';
import { realClock } from '../../simulator/real-clock.ts';
import { openDemoSite } from '../../simulator/site/demo-site.ts';
import { reportOf, type SoakReport } from './report.ts';
import { lagOf, type Sample, sampleOf } from './sample.ts';
import { Traffic } from './traffic.ts';

export interface SoakOptions {
  readonly hours: number;
  readonly seed: number;
  /** Program and first arguments of the daemon; from source without it. */
  readonly daemon?: readonly string[];
  readonly say: (line: string) => void;
}

/** Of the whole time, in which nothing is asked; of a short run more, for its start is no part of it. */
const IDLE_PART = 0.1;
const IDLE_LEAST_MS = 180_000;
const IDLE_MOST_PART = 0.3;
/** From its start until the ballast lies on the disk and the structure of the files was looked at. */
const SETTLED_MS = 60_000;
const SAMPLES = 200;
const LAG_EVERY_MS = 1000;
const TRIES = 5;

export async function soak({ hours, seed, daemon, say }: SoakOptions): Promise<SoakReport> {
  const clock = realClock();
  await using site = await openDemoSite({
    clock,
    say,
    isApart: true,
    ...(daemon === undefined ? {} : { daemon }),
  });
  const { pid } = site.daemon;
  if (pid === undefined) throw new Error('the daemon runs');
  const { deaths } = site.daemon;
  const began = clock.uptime();
  const length = hours * 3_600_000;
  const idleMs = Math.min(Math.max(length * IDLE_PART, IDLE_LEAST_MS), length * IDLE_MOST_PART);
  const settled = Math.min(SETTLED_MS, idleMs / 2);
  const passed = () => clock.uptime() - began;
  const sampled = { pid, store: join(site.directory, 'store'), api: site.api };
  const traffic = new Traffic(site, clock, seededRandom(seed));
  const idle: Sample[] = [];
  const busy: Sample[] = [];
  const lags: number[] = [];
  let owed = 0;
  const over = new AbortController();

  const take = () => sampleOf(sampled, passed() / 1000);
  const measuring = (async () => {
    let next = settled;
    while (!over.signal.aborted) {
      if (passed() >= next) {
        (passed() < idleMs ? idle : busy).push(await take());
        next = passed() + length / SAMPLES;
      }
      lags.push(await lagOf(site.api));
      await pause(clock, LAG_EVERY_MS, over.signal);
    }
  })();
  const using = (async () => {
    await pause(clock, settled);
    idle.push(await take());
    await pause(clock, idleMs - passed());
    idle.push(await take());
    await traffic.begin();
    busy.push(await take());
    await traffic.next();
    // A short run goes on until it has shown one exchange.
    while (passed() < length || (traffic.exchanges === 0 && traffic.missed < TRIES)) {
      await traffic.rest();
      await traffic.next();
    }
    busy.push(await take());
    owed = await traffic.owed();
  })();
  try {
    await Promise.race([using, measuring]);
  } finally {
    over.abort();
    await measuring;
  }
  if (traffic.missed > 0) say(`${traffic.missed} missed, the last: ${String(traffic.lastMiss)}`);
  const byTime = (one: Sample, other: Sample) => one.at - other.at;
  const { exchanges, missed, wrongPulses } = traffic;
  return reportOf({
    idle: idle.toSorted(byTime),
    busy: busy.toSorted(byTime),
    lags,
    exchanges,
    missed,
    wrongPulses,
    owed,
    deaths: site.daemon.deaths - deaths,
  });
}
