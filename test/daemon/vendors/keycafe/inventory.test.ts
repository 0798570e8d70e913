/** Where keys are, told to Keycafe by what lies in its bins (vendor-apis 2.7). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAT_KEY, STORE_KEY } from '../../../site.ts';
import { keycafeBench } from './bench.ts';

const CODE = '482913';

async function withBins(seed: number) {
  const bins: Record<string, string> = {};
  const bench = await keycafeBench({ seed, isSwift: true, places: { bins } });
  const { cloud, site } = bench;
  const ids = cloud.boxes.addLocation({ id: 1, name: 'Lobby', timezone: 'Europe/Stockholm' }, 12);
  const bin = (slot: number) => ids[slot - 1] ?? 0;
  for (let slot = 1; slot <= 12; slot += 1) bins[bin(slot)] = `box:${slot}`;
  await site.put({ id: 'stay', pin: CODE });
  await bench.poll(2);
  const lies = (slot: number) => cloud.boxes.bins.get(bin(slot))?.key;
  return { bench, bin, lies };
}

test('a key lies in its bin there, and is taken out of it though daemon and internet were off in between', async () => {
  const { bench, lies } = await withBins(251);
  await using _ = bench;
  const { site, cloud, flat } = bench;
  assert.equal(lies(FLAT_KEY.slot), flat.id);
  cloud.server.isAway = true;
  await site.type(`${CODE}#`);
  await site.takeKey(FLAT_KEY.slot);
  await site.advance(15 * 60_000);
  await bench.restart();
  await site.advance(60_000);
  cloud.server.isAway = false;
  await site.advance(6 * 60_000);
  assert.equal(lies(FLAT_KEY.slot), undefined);
  await site.show(FLAT_KEY.fob);
  const [slot = 0] = site.openSlots();
  await site.putKey(slot, FLAT_KEY.fob);
  await bench.poll(2);
  assert.equal(lies(slot), flat.id);
});

test('what is told once is not told again, also after a start', async () => {
  const { bench } = await withBins(252);
  await using _ = bench;
  const told = () =>
    bench.cloud.server.requests.filter(({ path, method }) => method === 'PUT' && /bin/.test(path));
  const before = told().length;
  await bench.restart();
  await bench.poll(2);
  assert.equal(told().length, before);
});

for (const status of [404, 409, 410, 500] as const) {
  test(`a bin that Keycafe answers with ${status} keeps back no other key, nor what is read, and is told once`, async () => {
    const { bench, bin, lies } = await withBins(253);
    await using _ = bench;
    const { site, cloud, flat } = bench;
    for (let at = 0; at < 20; at += 1) {
      cloud.server.fail(
        { kind: 'status', status },
        ({ method, path }) => method === 'PUT' && path.endsWith(`/bin/${bin(FLAT_KEY.slot)}`),
      );
    }
    await site.type(`${CODE}#`);
    await site.takeKey(FLAT_KEY.slot);
    const store = cloud.addKey({ name: 'Store room' });
    bench.keys[String(store.id)] = STORE_KEY.key;
    await bench.poll(3);
    assert.equal(bench.part.status.online, true, bench.part.status.detail);
    assert.equal(lies(FLAT_KEY.slot), flat.id);
    assert.equal(lies(STORE_KEY.slot), store.id);
    const told = site.daemon.desk.journal.read({ types: ['grant.vendor_drift'], limit: 50 });
    assert.deepEqual(
      told.map(({ body }) => [body['what'], body['key']]),
      [['place', FLAT_KEY.key]],
    );
  });
}
