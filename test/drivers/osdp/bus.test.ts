import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scan } from '../../../drivers/osdp/frame.ts';
import { wireMs } from '../../../drivers/wire/receive-buffer.ts';
import { type Bench, type BenchReader, bench } from './bench.ts';

const POLL = 0x60;

/** A poll of 14 bytes, 3 ms until the reader answers, 14 bytes and a mark, and two characters of quiet. */
function exchange(more = 0, baudRate = 9600): number {
  return wireMs(14 + 15 + 2 + more, baudRate) + 3;
}

/** Polls that each address got between two places of the record. */
function pollsIn(site: Bench, from: number): Map<number, number> {
  const polls = new Map<number, number>();
  for (const bytes of site.sent.slice(from)) {
    const found = scan(bytes);
    if (found.kind !== 'frame' || found.frame.code !== POLL) continue;
    polls.set(found.frame.address, (polls.get(found.frame.address) ?? 0) + 1);
  }
  return polls;
}

const eight = (options: object = {}): BenchReader[] =>
  Array.from({ length: 8 }, () => ({ options }));

for (const baudRate of [9600, 115_200]) {
  test(`eight secure readers at ${baudRate} baud are polled alike, as often as wire or period allow`, async (t) => {
    await using site = await bench(eight({ pollMs: 50 }), { baudRate });
    await site.online();
    const from = site.sent.length;
    await site.clock.advance(20_000);
    const polls = pollsIn(site, from);
    const counts = [...polls.values()];
    const all = counts.reduce((sum, each) => sum + each, 0);
    const wire = exchange(0, baudRate);
    const floor = Math.max(8 * wire, 50 + wire);
    t.diagnostic(
      `${all} polls in 20 s, ${Math.round((20_000 / floor) * 8)} allowed by wire and period; ` +
        `a cycle of ${Math.round(20_000 / (all / 8))} ms, ${Math.round(floor)} allowed`,
    );
    assert.equal(counts.length, 8);
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 2, `polls ${counts}`);
    assert.ok(all >= 0.9 * (20_000 / floor) * 8, `${all} polls`);
  });
}

test('a card at a crowded bus is told within one cycle', async (t) => {
  await using site = await bench(eight());
  await site.online();
  const cycle = 8 * exchange();
  let worst = 0;
  for (let shown = 0; shown < 24; shown += 1) {
    await site.clock.advance(700 + 37 * shown);
    const before = site.clock.uptime();
    site.do(shown % 8, 'show', { card: `1,${shown}` });
    await site.clock.runUntil(() => site.ofKind('card-read').length > shown, 5000);
    worst = Math.max(worst, site.clock.uptime() - before);
  }
  // A reply with a card is sixteen bytes longer than an ACK.
  const allowed = cycle + exchange(16);
  t.diagnostic(
    `card to event: worst ${Math.round(worst)} ms, the wire allows ${Math.round(allowed)}`,
  );
  assert.ok(worst <= allowed + 1, `${worst} ms`);
});

test('an unlock goes before the polls of all others', async (t) => {
  await using site = await bench(eight({ strike: { output: 0 } }));
  await site.online();
  let worst = 0;
  for (let asked = 0; asked < 24; asked += 1) {
    await site.clock.advance(500 + 13 * asked);
    const before = site.clock.uptime();
    const place = asked % 8;
    const pulses = () => Number(site.seen(place, 'outputs', 0, 'pulses'));
    const had = pulses();
    site.ask(place, { kind: 'unlock', hold: 500 });
    await site.clock.runUntil(() => pulses() > had, 5000);
    worst = Math.max(worst, site.clock.uptime() - before);
  }
  // The exchange under way, and the opening's own 30 bytes.
  const allowed = exchange() + wireMs(30, 9600) + 3;
  t.diagnostic(
    `unlock to pulse: worst ${Math.round(worst)} ms, the wire allows ${Math.round(allowed)}`,
  );
  assert.ok(worst <= allowed + 1, `${worst} ms`);
});

test('a dead reader does not slow the others', async (t) => {
  await using site = await bench(eight());
  await site.online();
  const rate = async () => {
    const from = site.sent.length;
    await site.clock.advance(60_000);
    const polls = pollsIn(site, from);
    return [...polls].filter(([address]) => address !== 3).reduce((sum, [, each]) => sum + each, 0);
  };
  const before = await rate();
  site.do(3, 'mute', { on: true });
  const during = await rate();
  t.diagnostic(`polls of the other seven in a minute: ${before} before, ${during} with it dead`);
  assert.ok(during >= 0.97 * before, `${during} of ${before}`);
  assert.equal(site.ofKind('offline').length, 1);
  assert.equal(site.ofKind('offline')[0]?.device, 'reader-3');
});

test('a reader that talks without end does not silence the others', async () => {
  await using site = await bench(eight());
  await site.online();
  const from = site.sent.length;
  for (let turn = 0; turn < 200; turn += 1) {
    for (let event = 0; event < 4; event += 1) site.do(0, 'press', { keys: '1' });
    await site.clock.advance(100);
  }
  const polls = pollsIn(site, from);
  const others = [...polls].filter(([address]) => address !== 0).map(([, count]) => count);
  assert.ok(Math.min(...others) * 1.2 >= (polls.get(0) ?? 0), `${[...polls]}`);
});

test('many unlocks on a garbled line: one pulse at most each, and no result is wrong', async (t) => {
  const asked = process.env['LATCHKEY_LONG'] === '1' ? 1000 : 150;
  await using site = await bench([{ options: { strike: { output: 0 } } }, {}], { seed: 5 });
  await site.online();
  site.bus.setFaults({ garble: 0.02 });
  const tally = { done: 0, failed: 0, unknown: 0, refused: 0 };
  for (let n = 0; n < asked; n += 1) {
    const had = Number(site.seen(0, 'outputs', 0, 'pulses'));
    const id = site.ask(0, { kind: 'unlock', hold: 500 });
    await site.clock.runUntil(() => site.resultsOf(id).length > 0, 10_000);
    await site.clock.advance(1000);
    const pulses = Number(site.seen(0, 'outputs', 0, 'pulses')) - had;
    const { result } = site.resultOf(id);
    tally[result] += 1;
    assert.ok(pulses <= 1, `${pulses} pulses for one unlock`);
    if (result === 'done') assert.equal(pulses, 1);
    if (result === 'failed' || result === 'refused') assert.equal(pulses, 0);
  }
  t.diagnostic(`${asked} unlocks: ${JSON.stringify(tally)}`);
  assert.ok(tally.done > asked * 0.8);
});
