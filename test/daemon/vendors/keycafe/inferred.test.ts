/** What Keycafe's pages leave open and this box answers so (vendor-apis 8); no connector depends on it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { basic } from '../vendor-site.ts';
import { keycafeBench, SECRET } from './bench.ts';

const headers = basic(SECRET);

test('only some of the bounds are refused', async () => {
  await using bench = await keycafeBench({ seed: 41 });
  const { server, flat } = bench;
  for (const body of [
    { accessStartDate: '2026-03-02', accessStartTime: '09:00' },
    { accessStartDate: '2026-03-02', accessEndDate: '2026-03-04' },
    { startDate: '2026-03-02T08:00:00Z' },
  ]) {
    const reply = await server.ask('/keycafe/v0/access', {
      method: 'POST',
      headers,
      body: { ...body, name: 'Ada', key: { id: flat.id } },
    });
    assert.equal(reply.status, 400);
    assert.equal(reply.body.error.errorId, 'access.dates.invalid');
  }
});

test('an operation that is not there, and an exchange without hands, are refused by their ids', async () => {
  await using bench = await keycafeBench({ seed: 42 });
  const { server, flat } = bench;
  const put = (operation: string) =>
    server.ask(`/keycafe/v0/key/${flat.id}/${operation}`, { method: 'PUT', headers });
  assert.equal((await put('paint')).body.error.errorId, 'operation.notFound');
  assert.equal((await put('exchange')).body.error.errorId, 'key.exchange.error.disabled');
});

test('a bin is released once for each call, and the result can be asked for', async () => {
  await using bench = await keycafeBench({ seed: 43 });
  const { server, site } = bench;
  const bins = (await server.ask('/keycafe/v0/bin', { headers })).body;
  const third = bins.find(({ name }: { name: string }) => name === '3');
  assert.equal(third.key.name, 'Flat 3');
  const before = site.pulses(3);
  const asking = server.ask('/keycafe/v0/release', {
    method: 'POST',
    headers,
    body: { bin: { id: third.id } },
  });
  const release = (await site.settling(asking)).body;
  await site.advance(5000);
  const after = (await server.ask(`/keycafe/v0/release/${release.id}`, { headers })).body;
  assert.equal(after.completed, true);
  assert.equal(site.pulses(3), before + 1);
});

test('the code of a virtual key opens only where the site says so', async () => {
  for (const keyCodes of [false, true]) {
    await using bench = await keycafeBench({ seed: 44, places: { keyCodes } });
    bench.cloud.addKey({ name: 'Gate', virtual: true, code: '004217' });
    await bench.poll();
    const codes = bench.site.daemon.desk.grants.count('keycafe');
    assert.equal(codes, keyCodes ? 1 : 0);
    if (!keyCodes) continue;
    const [gate] = [...bench.cloud.keys.values()].slice(-1);
    assert.ok(gate);
    delete gate.code;
    await bench.poll();
    assert.equal(bench.site.daemon.desk.grants.count('keycafe'), 0, 'a code that is gone is dead');
  }
});

test('a pick-up here is told to Keycafe by the exchange operation, where that is on', async () => {
  await using bench = await keycafeBench({ seed: 45, reportExchanges: true });
  const { site, cloud, flat } = bench;
  await bench.poll();
  await site.put({ id: 'stay', pin: '482913' });
  await site.type('482913#');
  await site.takeKey(3);
  await bench.poll(2);
  assert.equal(cloud.keys.get(flat.id)?.location, undefined);
  const flips = () => cloud.server.requests.filter(({ path }) => path.endsWith('/exchange')).length;
  assert.equal(flips(), 1);
  await bench.poll(2);
  assert.equal(flips(), 1, 'it is flipped once');
});

test('a fob that Keycafe learned is known here at the next reading, and lost again when it is', async () => {
  await using bench = await keycafeBench({ seed: 46 });
  const { site, cloud } = bench;
  const shed = cloud.addKey({ name: 'Shed' });
  await bench.poll();
  const key = () => site.daemon.desk.grants.keys().find(({ name }) => name === 'Shed');
  assert.equal(key()?.fob, undefined);
  shed.serialNumber = '0F00012AFF';
  await bench.poll();
  assert.equal(key()?.fob, site.daemon.desk.secrets.indexFob('0F00012AFF'));
  cloud.keys.delete(shed.id);
  await bench.poll();
  assert.equal(key(), undefined);
});
