import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shardOf } from '../../../../daemon/vendors/vendor-record.ts';
import { intservBench, LEVEL } from './bench.ts';

const NO_IDS = ['bell\u0007', 'half\ud800', 'k'.repeat(300), ''] as const;

test('an event that names a key by no id holds up no other, also after a start', async () => {
  await using bench = await intservBench({ seed: 91 });
  const { cloud, site } = bench;
  const at = site.clock.now();
  for (const key_id of [...NO_IDS, '__proto__', 'elsewhere']) cloud.happen({ at, key_id });
  cloud.happen({ at, key_id: 'of no system', system_id: 's'.repeat(300) });
  await bench.poll(2);
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
  await bench.restart();
  const key = { identification: '004211', type: 'code' };
  await bench.post('/accesskeys/add', { key, access_levels: [LEVEL] });
  await bench.poll(3);
  assert.equal(cloud.keys.size, 1);
  const strangers = bench.part.differences().map(({ ref }) => ref);
  assert.deepEqual(strangers.toSorted(), ['__proto__', 'elsewhere']);
});

test('ids that no grant can have, in the records of a site, end nothing at its start', async () => {
  await using bench = await intservBench({ seed: 92 });
  const { cloud, site } = bench;
  const { grants, clock } = site.daemon.desk;
  const id = `intserv:elsewhere:${'k'.repeat(300)}`;
  const since = clock.now();
  const record = { kind: 'foreign-key', ref: 'k', origin: 'vendor', state: 'cannot', since };
  const name = shardOf(id);
  const value = { [id]: record };
  await grants.write({ source: 'intserv', changes: [], cursors: [{ name, value }] });
  await bench.restart();
  const key = { identification: '004211', type: 'code' };
  await bench.post('/accesskeys/add', { key, access_levels: [LEVEL] });
  await bench.poll(3);
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
  assert.equal(cloud.keys.size, 1);
});

test('a key whose status breaks the server keeps back neither the events nor the others', async () => {
  await using bench = await intservBench({ seed: 94 });
  const { cloud, site } = bench;
  const ids: string[] = [];
  for (const identification of ['004211', '004212']) {
    const key = { identification, type: 'code' };
    ids.push((await bench.post('/accesskeys/add', { key, access_levels: [LEVEL] })).body.id);
  }
  await bench.poll(2);
  const [broken] = cloud.keys.keys();
  for (let at = 0; at < 20; at += 1) {
    cloud.server.fail(
      { kind: 'status', status: 500 },
      ({ path, body }) => path.endsWith('/status') && Object(body).id === broken,
    );
  }
  cloud.happen({ at: site.clock.now(), key_id: 'elsewhere' });
  await bench.poll(2);
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
  assert.deepEqual(
    bench.part.differences().map(({ ref }) => ref),
    ['elsewhere'],
  );
  assert.equal(ids.length, cloud.keys.size);
});
