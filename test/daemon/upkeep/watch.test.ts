/** What the service manager's watchdog hangs on, and what it does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Watch, type WatchParts } from '../../../daemon/upkeep/watch.ts';
import { StillClock } from '../store/known.ts';

class Bench {
  readonly clock = new StillClock();
  readonly why: string[] = [];
  readonly watch: Watch;
  alive = 0;
  probes = 0;

  constructor(parts: Partial<WatchParts> = {}) {
    this.watch = new Watch({
      clock: this.clock,
      probe: async () => {
        this.probes += 1;
        return false; // a full disk
      },
      alive: () => {
        this.alive += 1;
      },
      every: 3000,
      alarm: (why) => this.why.push(why),
      ...parts,
    });
  }

  /** Seconds pass one by one, so that nothing lags. */
  async pass(seconds: number): Promise<void> {
    const stop = new AbortController();
    const running = this.watch.run(stop.signal);
    for (let n = 0; n < seconds; n += 1) {
      this.clock.advance(1000);
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    }
    stop.abort();
    this.clock.advance(1000);
    await running;
  }
}

test('it lives on with a full disk', async () => {
  const bench = new Bench();
  await bench.pass(60);
  assert.ok(bench.alive >= 55, String(bench.alive));
  assert.ok(bench.probes >= 10);
  assert.deepEqual(bench.why, []);
});

test('a store that does not answer, or whose thread has ended, stops the beat', async () => {
  const silent = new Bench({ probe: () => new Promise<boolean>(() => {}) });
  await silent.pass(60);
  assert.ok(silent.alive < 21, String(silent.alive));
  assert.match(silent.why[0] ?? '', /^store-writer/);
  const dead = new Bench({ isStoreDead: () => true });
  await dead.pass(10);
  assert.deepEqual([dead.alive, dead.why[0]], [0, 'store-writer: its thread has ended']);
});

test('a loop that lags stops the beat until it keeps up again', async () => {
  const bench = new Bench();
  const stop = new AbortController();
  const running = bench.watch.run(stop.signal);
  bench.clock.advance(5000);
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  assert.equal(bench.alive, 0);
  assert.match(bench.why[0] ?? '', /^event-loop/);
  stop.abort();
  bench.clock.advance(1000);
  await running;
  await bench.pass(5);
  assert.ok(bench.alive >= 4);
});

test('a driver that hangs stops the beat; one whose device is gone does not', async () => {
  let silent = 119_000;
  const bench = new Bench({ beats: () => [{ name: 'box', silent }] });
  await bench.pass(5);
  assert.ok(bench.alive >= 4);
  silent = 120_000;
  const before = bench.alive;
  await bench.pass(5);
  assert.equal(bench.alive, before);
  assert.match(bench.why[0] ?? '', /^driver box/);
});
