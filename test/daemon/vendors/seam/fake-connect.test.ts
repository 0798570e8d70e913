/** The connector against the vendor's own fake: devices, codes, events and errors are its, not ours. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { createFake } from '@seamapi/fake-seam-connect';
import { openSeam } from '../../../../daemon/vendors/seam/open.ts';
import { FLAT_KEY, simulatedSite } from '../../../site.ts';
import { CountedClient, served } from '../vendor-site.ts';

const KEY = 'seam_apikey1_token';
const SEEDED = 'august_device_1';
/** The fake names its devices by words, Seam by UUIDs. */
const DEVICE = '5b1c1f0e-8f0a-4c0e-9d3b-0a4f6a2a1d11';

async function fakeBench(apiKey: string) {
  const fake = await createFake();
  await fake.seed();
  const seeded = JSON.stringify(await fake.toJSON());
  await fake.loadJSON(JSON.parse(seeded.replaceAll(SEEDED, DEVICE)));
  const { server } = await fake.startServer({ port: 0, signals: [] });
  if (!server.listening) await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const baseUrl = `http://127.0.0.1:${address.port}`;
  const site = await simulatedSite({ seed: 9 });
  const http = new CountedClient(site.clock);
  let key = apiKey;
  const part = openSeam({
    desk: site.daemon.desk,
    log: () => {},
    http,
    cloud: { baseUrl, apiKey: () => key, poll: 60_000 },
    dialectKeys: ['seam_local_1'],
    places: { devices: { [DEVICE]: { kind: 'key', id: 'flat-3' } } },
  });
  const dialect = await served(part.routes);
  const stopping = new AbortController();
  const running = part.run(stopping.signal);
  await site.advance(1000);
  const call = async (url: string, bearer: string, body: unknown) => {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
    const reply = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    return JSON.parse(await reply.text());
  };
  return {
    site,
    part,
    useKey: (other: string) => {
      key = other;
    },
    round: () => site.advance(62_000),
    fake: (path: string, body: unknown) => call(`${baseUrl}${path}`, KEY, body),
    dialect: (path: string, body: unknown) =>
      site.settling(call(`${dialect.url}/seam${path}`, 'seam_local_1', body)),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await site.settling(running);
      await dialect[Symbol.asyncDispose]();
      await http[Symbol.asyncDispose]();
      server.closeAllConnections();
      await fake.stopServer();
      await site[Symbol.asyncDispose]();
    },
  };
}

test('a code of the vendor’s fake opens here until it is deleted there', async () => {
  await using bench = await fakeBench(KEY);
  const { site } = bench;
  const { access_code } = await bench.fake('/access_codes/create', {
    device_id: DEVICE,
    code: '471199',
  });
  await bench.round();
  assert.ok(bench.part.status.online);
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await site.takeKey(FLAT_KEY.slot);
  await site.show(FLAT_KEY.fob);
  await site.putKey(FLAT_KEY.slot, FLAT_KEY.fob);
  await bench.fake('/access_codes/update', {
    access_code_id: access_code.access_code_id,
    code: '582200',
  });
  await bench.round();
  const pulses = site.pulseCount;
  await site.type('471199#');
  assert.equal(site.pulseCount, pulses, 'changed there, changed here');
  await bench.fake('/access_codes/delete', { access_code_id: access_code.access_code_id });
  await bench.round();
  await site.type('582200#');
  assert.equal(site.pulseCount, pulses);
  assert.equal(site.last('access.denied').body['reason'], 'revoked');
});

test('a code made here is made at the vendor’s fake, and taken back there', async () => {
  await using bench = await fakeBench(KEY);
  const listed = async () => {
    const { access_codes } = await bench.fake('/access_codes/list', { device_id: DEVICE });
    return access_codes.map(({ code }: { readonly code: string }) => code);
  };
  const made = await bench.dialect('/access_codes/create', { device_id: DEVICE, code: '693311' });
  assert.equal(made.ok, true);
  await bench.round();
  assert.deepEqual(await listed(), ['693311']);
  assert.equal(bench.part.status.drift, 0);
  const { access_code_id } = made.access_code;
  assert.equal((await bench.dialect('/access_codes/delete', { access_code_id })).ok, true);
  await bench.round();
  assert.deepEqual(await listed(), []);
});

test('a key that the vendor’s fake does not know stops the sync and nothing else', async () => {
  await using bench = await fakeBench(KEY);
  const { site } = bench;
  await bench.fake('/access_codes/create', { device_id: DEVICE, code: '471199' });
  await bench.round();
  bench.useKey('seam_other');
  await bench.round();
  assert.equal(bench.part.status.online, false);
  assert.match(bench.part.status.detail, /401/);
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  bench.useKey(KEY);
  await site.advance(10 * 60_000);
  assert.ok(bench.part.status.online);
});
