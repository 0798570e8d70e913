/** Keys that are removed at IntServ itself, which lists none: seen by asking for each (vendor-apis 4.2, 4.4). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intservBench, LEVEL } from './bench.ts';

const MANY = 45;

type Bench = Awaited<ReturnType<typeof intservBench>>;

/** So many codes, in force here and settled there. */
async function withKeys(seed: number, count: number) {
  const bench = await intservBench({
    seed,
    isSwift: true,
    cloud: { systems: [{ id: 'brf42x-001', delay: 0 }] },
  });
  const codes = Array.from({ length: count }, (_, at) => `7${String(at).padStart(2, '0')}931`);
  for (const identification of codes) {
    const key = { identification, type: 'code' };
    await bench.post('/accesskeys/add', { key, access_levels: [LEVEL] });
  }
  await bench.poll(3);
  assert.equal(bench.cloud.keys.size, count);
  assert.deepEqual(bench.part.differences(), []);
  const live = () => bench.site.daemon.desk.grants.count('intserv');
  return { bench, codes, live };
}

function removeThere({ cloud }: Bench, code: string): void {
  const [id] = [...cloud.keys].find(([, { body }]) => body.key?.identification === code) ?? [];
  assert.ok(id !== undefined && cloud.keys.delete(id));
}

function alarms({ site }: Bench): readonly string[] {
  return site.daemon.desk.journal
    .read({ types: ['grant.vendor_drift'], limit: 50 })
    .map(({ body }) => `${body['what']} ${body['grants']} ${body['alarm']}`);
}

test('of more keys than are asked for in a round, each that was removed there is dead here within a few', async () => {
  const { bench, codes, live } = await withKeys(131, MANY);
  await using _ = bench;
  for (const code of [codes[0], codes[22], codes[44]]) removeThere(bench, code ?? '');
  await bench.poll(6);
  assert.equal(live(), MANY - 3);
  const pulses = bench.site.pulseCount;
  await bench.site.type(`${codes[22]}#`);
  assert.equal(bench.site.pulseCount, pulses);
  assert.deepEqual(alarms(bench), []);
});

test('where none of many is known any more that is doubted for a quarter of an hour, over a start too, with an alarm; then they are dead', async () => {
  const { bench, codes, live } = await withKeys(132, 6);
  await using _ = bench;
  for (const code of codes) removeThere(bench, code);
  await bench.poll(3);
  assert.deepEqual(alarms(bench), ['mass-absence 6 true']);
  await bench.site.advance(6 * 60_000);
  await bench.restart();
  await bench.poll(2);
  assert.equal(live(), 6);
  await bench.site.advance(5 * 60_000);
  assert.equal(live(), 0);
  assert.deepEqual(alarms(bench), ['mass-absence 6 true', 'mass-revoked 6 true']);
});

test('keys that were taken for removed and are known there again open again, with what was asked for last', async () => {
  const { bench, codes, live } = await withKeys(133, 6);
  await using _ = bench;
  const { cloud, site } = bench;
  for (let at = 0; at < 1000; at += 1) {
    cloud.server.fail({ kind: 'status', status: 400 }, ({ path }) => path.endsWith('/status'));
  }
  await site.advance(25 * 60_000);
  assert.equal(live(), 0);
  // What a person took back meanwhile stays so.
  const key = { identification: codes[0], type: 'code' };
  assert.equal((await bench.post('/accesskeys/remove', { key })).status, 404);
  cloud.server.mend();
  removeThere(bench, codes[0] ?? '');
  await bench.poll(4);
  assert.equal(live(), 5);
  assert.deepEqual(bench.part.differences(), []);
  const pulses = site.pulseCount;
  await site.type(`${codes[1]}#`);
  assert.equal(site.pulseCount, pulses + 1);
});

test('an answer that does not say that a key is unknown is no removal', async () => {
  const { bench, live } = await withKeys(134, 2);
  await using _ = bench;
  for (let at = 0; at < 100; at += 1) {
    bench.cloud.server.fail({ kind: 'status', status: 409 }, ({ path }) =>
      path.endsWith('/status'),
    );
  }
  await bench.poll(4);
  assert.equal(live(), 2);
});
