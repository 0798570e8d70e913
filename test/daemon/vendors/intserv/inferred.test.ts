/** What IntServ's pages leave open and this box answers so (vendor-apis 8); no connector depends on it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intservBench, LEVEL } from './bench.ts';

test('a second removal is told apart from the first', async () => {
  await using bench = await intservBench({ seed: 81 });
  const { body } = await bench.post('/accesskeys/add', { key: { type: 'code' } });
  assert.equal((await bench.post('/accesskeys/remove', { id: body.id })).status, 204);
  assert.equal((await bench.post('/accesskeys/remove', { id: body.id })).status, 404);
});

test('what an update leaves out is kept, so that no end is lost; null clears it', async () => {
  await using bench = await intservBench({ seed: 82 });
  const { body } = await bench.post('/accesskeys/add', {
    key: { type: 'code' },
    valid_to_date: '2027-01-01T00:00:00Z',
    access_levels: [LEVEL],
  });
  const kept = await bench.post('/accesskeys/add', { id: body.id });
  assert.equal(kept.body.valid_to_date, '2027-01-01T00:00:00Z');
  const cleared = await bench.post('/accesskeys/add', { id: body.id, valid_to_date: null });
  assert.equal(cleared.body.valid_to_date, null);
});

test('a code longer than the keypads take works by its right-most digits', async () => {
  await using bench = await intservBench({ seed: 83, codeMost: 4 });
  const { site } = bench;
  await bench.post('/accesskeys/add', {
    key: { identification: '120042', type: 'code' },
    access_levels: [LEVEL],
  });
  await site.type('0042#');
  assert.equal(site.pulseCount, 1);
});

test('a code takes no second factor', async () => {
  await using bench = await intservBench({ seed: 84 });
  const reply = await bench.post('/accesskeys/add', { key: { type: 'code' }, pin: '1234' });
  assert.equal(reply.status, 400);
});
