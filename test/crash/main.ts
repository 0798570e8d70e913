/**
 * `npm run crash -- [--rounds N] [--power-cuts N] [--minutes N] [--lanes N] [--seed N]`: the packaged daemon, killed over
 * and over on sites that are used, and the power cut under it. Ends with 1 and what was not as promised.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../../daemon/packaging/bundle.ts';
import { seededRandom } from '../../simulator/random.ts';
import { drawBlow } from './blow.ts';
import { CrashSite } from './crash-site.ts';
import { powerCuts } from './daemon-power.ts';
import { hasStrace } from './daemon-process.ts';

/** A journal is begun anew after so many lives: its first start is killed too, and none grows long. */
const LIVES_OF_A_SITE = 200;

/** Traces are made anew, so that moments are not those of one life over and over. */
const CUTS_OF_A_TRACE = 50;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    'power-cuts': { type: 'string', default: '0' },
    minutes: { type: 'string', default: 'Infinity' },
    lanes: { type: 'string', default: '2' },
    seed: { type: 'string' },
  },
});
const cuts = Number(values['power-cuts']);
let cutsLeft = cuts;
const rounds = Number(values.rounds ?? (cuts > 0 ? 0 : 100));
const seed = Number(values.seed ?? Math.floor(Date.now() / 1000) % 1_000_000);
const end = performance.now() + Number(values.minutes) * 60_000;
const packed = resolve(import.meta.dirname, `../../dist/crash-${process.pid}`);
const cache = mkdtempSync(join(tmpdir(), 'latchkey-crash-cache-'));
const mayTrace = hasStrace();
if (!mayTrace) console.log('strace is missing: no kills before a call of its own');

const kinds = new Map<string, number>();
const decisions: number[] = [];
const faults: string[] = [];
const power = { cuts: 0, starts: 0, entriesRelied: 0, pulsesRelied: 0 };
const sum = { kills: 0, cameUp: 0, openings: 0, pulses: 0, sites: 0 };
let left = rounds;

async function lane(number: number): Promise<void> {
  for (let life = 0; left > 0 && performance.now() < end; life += 1) {
    const siteSeed = seed + number * 100_000 + life;
    const random = seededRandom(siteSeed);
    await using site = await CrashSite.open({
      seed: siteSeed,
      main: join(packed, 'main.mjs'),
      cache,
    });
    sum.sites += 1;
    for (let n = 0; n < LIVES_OF_A_SITE && left > 0 && performance.now() < end; n += 1) {
      left -= 1;
      const blow = drawBlow(random, mayTrace);
      const report = await site.round(blow);
      sum.kills += 1;
      const kind = blow.kind === 'call' ? `before ${blow.call}` : blow.kind;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      if (report.untilDecision !== undefined) sum.cameUp += 1;
      if (report.untilDecision !== undefined && blow.kind !== 'call')
        decisions.push(report.untilDecision);
      note(report.faults, `site ${siteSeed}, life ${n}, ${JSON.stringify(blow)}`);
    }
    // What the last kill left is looked at once more.
    note((await site.round({ kind: 'idle' })).faults, `site ${siteSeed}, after the last kill`);
    note(site.verify().faults, `site ${siteSeed}, its file`);
    sum.openings += site.openings;
    sum.pulses += site.pulseCount;
  }
}

async function powerLane(number: number): Promise<void> {
  for (let batch = 0; cutsLeft > 0 && performance.now() < end; batch += 1) {
    const count = Math.min(CUTS_OF_A_TRACE, cutsLeft);
    cutsLeft -= count;
    const batchSeed = seed + number * 100_000 + batch;
    const options = { seed: batchSeed, main: join(packed, 'main.mjs'), cache };
    const report = await powerCuts(count, options);
    power.cuts += report.cuts;
    power.starts += report.starts;
    power.entriesRelied += report.relied.entries;
    power.pulsesRelied += report.relied.pulses;
    note(report.faults, 'power');
  }
}

/** A clean stop keeps what was compiled; one that is killed would compile everything anew. */
async function warm(): Promise<void> {
  await using site = await CrashSite.open({ seed, main: join(packed, 'main.mjs'), cache });
  note((await site.round({ kind: 'stop', after: 10_000 })).faults, 'a clean stop');
}

function note(found: readonly string[], where: string): void {
  for (const fault of found) {
    faults.push(`${fault} (${where})`);
    console.log(`  ${faults.at(-1)}`);
  }
}

try {
  await bundle(packed);
  await warm();
  const began = performance.now();
  const told = setInterval(() => {
    const spent = performance.now() - began;
    console.log(
      `${sum.kills} kills and ${power.cuts} power cuts in ${Math.round(spent / 1000)} s, ${faults.length} faults`,
    );
  }, 60_000);
  const lanes = Array.from({ length: Number(values.lanes) }, (_, n) => n);
  await Promise.all(lanes.map(lane));
  if (mayTrace) await Promise.all(lanes.map(powerLane));
  else if (cuts > 0) note(['no power cuts without strace'], 'power');
  const seconds = (performance.now() - began) / 1000;
  clearInterval(told);
  decisions.sort((a, b) => a - b);
  const at = (part: number) => Math.round(decisions[Math.floor(decisions.length * part)] ?? 0);
  console.log(
    JSON.stringify({
      seed,
      ...sum,
      faults: faults.length,
      secondsARound: Number((seconds / Math.max(1, sum.kills)).toFixed(3)),
      startToFirstDecisionMs: { median: at(0.5), p99: at(0.99), longest: at(0.999999) },
      power,
      kinds: Object.fromEntries([...kinds].toSorted()),
    }),
  );
} finally {
  rmSync(packed, { recursive: true, force: true });
  rmSync(cache, { recursive: true, force: true });
}
process.exitCode = faults.length === 0 ? 0 : 1;
