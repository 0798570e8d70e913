import assert from 'node:assert/strict';
import { test } from 'node:test';
import { basic } from '../vendor-site.ts';
import { keycafeBench, SECRET } from './bench.ts';

const headers = { ...basic(SECRET), 'idempotency-key': 'booking-4711' };

test('one request key for the key and the access of a booking makes both, and a retry neither anew', async () => {
  await using bench = await keycafeBench({ seed: 64 });
  const { cloud, server } = bench;
  const post = (path: string, body: object) =>
    server.ask(`/keycafe/v0${path}`, { method: 'POST', headers, body });
  const { body: key } = await post('/key', { name: 'Cellar' });
  const asked = { key: { id: key.id }, name: 'Ada' };
  const { body: access } = await post('/access', asked);
  assert.notEqual(access.id, key.id);
  assert.equal((await post('/access', asked)).body.bookingCode, access.bookingCode);
  assert.equal((await post('/key', { name: 'Cellar' })).body.id, key.id);
  await bench.poll();
  await bench.poll();
  assert.equal([...cloud.keys.values()].filter(({ name }) => name === 'Cellar').length, 1);
  assert.equal(cloud.accesses.size, 1);
});

test('an access that is asked for twice at one time is one, with one code', async () => {
  await using bench = await keycafeBench({ seed: 65 });
  const { server, flat } = bench;
  const body = { key: { id: flat.id }, name: 'Ada' };
  const ask = () => server.ask('/keycafe/v0/access', { method: 'POST', headers, body });
  const told = await Promise.all([ask(), ask(), ask()]);
  const codes = new Set(told.map((each) => each.body.bookingCode));
  assert.equal(codes.size, 1);
  const [code] = codes;
  await bench.site.type(`${code}#`);
  assert.equal(bench.site.last('access.granted').type, 'access.granted');
});
