import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intservBench, LEVEL } from './bench.ts';

test('an access key made at the box reaches IntServ when it can, and is followed until it is applied', async () => {
  await using bench = await intservBench({ seed: 71 });
  const { cloud, part } = bench;
  cloud.server.isAway = true;
  const body = { key: { identification: '004211', type: 'code' }, access_levels: [LEVEL] };
  await bench.post('/accesskeys/add', body);
  assert.equal(part.status.pending, 1);
  cloud.server.isAway = false;
  await bench.poll(6);
  assert.equal(cloud.keys.size, 1);
  const [there] = cloud.keys.values();
  assert.equal(there?.body.key?.identification, '004211');
  assert.deepEqual(part.differences(), []);
  assert.equal(part.status.pending, 0);
});

test('one whose answer is lost is asked for again, and is there once', async () => {
  await using bench = await intservBench({ seed: 72 });
  const { cloud } = bench;
  await bench.poll();
  cloud.server.fail({ kind: 'lost-answer' }, ({ path }) => path.endsWith('/add'));
  await bench.post('/accesskeys/add', {
    key: { identification: 'MD:72057594037927935', type: 'proximity' },
    access_levels: [LEVEL],
  });
  await bench.poll(4);
  assert.equal(cloud.keys.size, 1);
  assert.equal([...cloud.keys.values()][0]?.body.key?.identification, 'MD:72057594037927935');
  assert.deepEqual(bench.part.differences(), []);
});

test('what a system refuses is shown with its reason', async () => {
  await using bench = await intservBench({
    seed: 73,
    cloud: { systems: [{ id: 'brf42x-001', delay: 0, fails: 'CodeNotEnabled' }] },
  });
  await bench.post('/accesskeys/add', { key: { type: 'code' }, access_levels: [LEVEL] });
  await bench.poll(2);
  const [difference] = bench.part.differences();
  assert.equal(difference?.place, 'brf42x-001');
  assert.equal(difference?.detail, 'CodeNotEnabled');
  assert.equal(bench.part.status.drift, 1);
});

test('a rotated API key is shown as 401, and the new one goes on where it was', async () => {
  await using bench = await intservBench({ seed: 74 });
  const { cloud, part, secret } = bench;
  await bench.poll();
  assert.equal(part.status.online, true);
  cloud.regenerate('integration-key-2');
  await bench.poll();
  assert.equal(part.status.online, false);
  assert.match(part.status.detail, /401/);
  await bench.post('/accesskeys/add', { key: { type: 'code' }, access_levels: [LEVEL] });
  secret.apiKey = 'integration-key-2';
  await bench.poll(3);
  assert.equal(part.status.online, true);
  assert.equal(cloud.keys.size, 1);
});

test('removed here it is removed there, also when it is gone there already', async () => {
  await using bench = await intservBench({ seed: 75 });
  const { cloud } = bench;
  const made = [];
  for (let at = 0; at < 2; at += 1) {
    made.push(
      (await bench.post('/accesskeys/add', { key: { type: 'code' }, access_levels: [LEVEL] })).body
        .id,
    );
  }
  await bench.poll(2);
  cloud.keys.delete([...cloud.keys.keys()][0] ?? '');
  for (const id of made) await bench.post('/accesskeys/remove', { id });
  await bench.poll(2);
  assert.equal(cloud.keys.size, 0);
  assert.deepEqual(bench.part.differences(), []);
});

test('events begin again at least_sync_time, so a slow system’s late ones are read, and none twice', async () => {
  await using bench = await intservBench({
    seed: 76,
    cloud: {
      pageMost: 3,
      systems: [
        { id: 'fast', delay: 0 },
        { id: 'slow', delay: 0 },
      ],
    },
  });
  const { cloud, site, part } = bench;
  const begun = site.clock.now();
  cloud.syncedTo.set('slow', begun - 60_000);
  for (let at = 0; at < 10; at += 1)
    cloud.happen({ at: begun + at * 100, system_id: 'fast', key_id: `k${at}` });
  cloud.happen({ at: begun - 1000, system_id: 'slow', key_id: 'late' });
  await bench.poll(2);
  const strangers = () =>
    part
      .differences()
      .filter(({ kind }) => kind === 'foreign-key')
      .map(({ ref }) => ref);
  assert.equal(strangers().length, 10);
  cloud.syncedTo.set('slow', site.clock.now());
  await bench.poll(2);
  assert.equal(strangers().length, 11);
  assert.ok(strangers().includes('late'));
});

test('a grant of the own cloud for an access level is told as a code, as far as its digits are kept', async () => {
  await using bench = await intservBench({ seed: 77 });
  const { site, cloud, part } = bench;
  const { desk } = site.daemon;
  const targets = [{ kind: 'access_level', id: 'residents' }] as const;
  await site.put({ id: 'with-card', fob: '1F00644BB6', more: { targets } });
  await desk.journal.append({
    stamp: desk.stamp(),
    entries: [{ type: 'grant.put', body: { grant: 'with-card', source: 'cloud' } }],
  }).committed;
  await bench.poll(2);
  assert.equal(cloud.keys.size, 0);
  assert.match(part.differences()[0]?.detail ?? '', /numbers of cards are not kept/);
});
