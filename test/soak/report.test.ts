import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportOf, type SoakRun, slope } from './report.ts';
import type { Sample } from './sample.ts';
import { soak } from './soak.ts';

const MIB = 1024 * 1024;

const still: Sample = {
  at: 0,
  residentBytes: 120 * MIB,
  heapBytes: 40 * MIB,
  descriptors: 60,
  threads: 14,
  walBytes: MIB,
  storeBytes: 2 * MIB,
  writtenBytes: 10 * MIB,
  lagMs: 1,
};

/** A day with a sample each quarter of an hour, 100 exchanges, and what grows meanwhile. */
function day(grows: (hour: number) => Partial<Sample> = () => ({})): SoakRun {
  const busy = Array.from({ length: 97 }, (_, n) => {
    const hour = n / 4;
    return { ...still, at: 3600 * (1 + hour), ...grows(hour) };
  });
  const idle = [still, { ...still, at: 3600 }];
  return {
    idle,
    busy,
    lags: [1, 2, 3],
    exchanges: 100,
    missed: 0,
    wrongPulses: 0,
    owed: 0,
    deaths: 0,
  };
}

test('a slope is that of the line through the points', () => {
  assert.equal(
    slope([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
    2,
  );
  assert.equal(slope([[3, 7]]), 0);
});

test('a site that stays as it is has no fault, and its figures are those of its samples', () => {
  const report = reportOf(
    day((hour) => ({
      writtenBytes: 10 * MIB + (hour / 24) * 100 * 40_000,
      residentBytes: 120 * MIB,
    })),
  );
  assert.deepEqual(report.faults, []);
  assert.equal(report.hours, 24);
  assert.equal(report.memory.residentMiBADay, 0);
  assert.equal(report.writes.bytesAnExchange, 40_000);
  // 16 TB that the card takes, at 2 MB a day.
  assert.equal(report.writes.yearsOnACard['50 a day'], 21_920);
});

for (const [what, grows] of [
  ['memory', (hour: number) => ({ residentBytes: (120 + 4 * hour) * MIB })],
  ['descriptors', (hour: number) => ({ descriptors: 60 + hour })],
  ['write-ahead logs', (hour: number) => ({ walBytes: hour * MIB })],
] as const) {
  test(`${what} that grow are a fault of the report`, () => {
    const { faults } = reportOf(day(grows));
    assert.equal(faults.length, 1);
    assert.match(String(faults[0]), new RegExp(what));
  });
}

test('two MiB a day are found within a week, and a quarter of one is none', () => {
  for (const [aDay, found] of [
    [2, 1],
    [0.25, 0],
  ] as const) {
    const { busy, ...rest } = day((hour) => ({
      residentBytes: (120 + (7 * aDay * hour) / 24) * MIB,
    }));
    const week = busy.map((each) => ({ ...each, at: 7 * each.at }));
    assert.equal(reportOf({ ...rest, busy: week }).faults.length, found, `${aDay} MiB a day`);
  }
});

test('deaths, a lagging loop, exchanges that never end, doubled pulses and what the cloud lacks are faults', () => {
  const ill = { deaths: 1, lags: [3000], exchanges: 0, missed: 4, wrongPulses: 1, owed: 2 };
  const { faults } = reportOf({ ...day(), ...ill });
  assert.equal(faults.length, 6, faults.join('\n'));
});

test('a soak of seconds measures a daemon in use: keys go out and back, one pulse for each opening, and its cloud has it all', async () => {
  const lines: string[] = [];
  const report = await soak({ hours: 0.001, seed: 1, say: (line) => lines.push(line) });
  assert.equal(report.deaths, 0, lines.join('\n'));
  assert.ok(report.exchanges > 0, lines.join('\n'));
  assert.deepEqual([report.wrongPulses, report.owed], [0, 0]);
  assert.ok(report.memory.residentMiB > 20 && report.descriptors.last > 10);
  assert.ok(report.writes.bytesAnExchange >= 0 && report.lagMs.most >= 0);
});
