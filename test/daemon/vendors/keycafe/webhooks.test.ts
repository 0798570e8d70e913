/** Webhooks both ways (vendor-apis 2.6): Keycafe's to the box, late, doubled and out of order; the box's to its clients. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grantId } from '../../../../daemon/access/model.ts';
import type { DialectRoute } from '../../../../daemon/vendors/dialect.ts';
import { FLAT_KEY } from '../../../site.ts';
import { basic, served } from '../vendor-site.ts';
import { type Bench, keycafeBench, SECRET } from './bench.ts';

const STAY = {
  accessStartDate: '2026-03-02',
  accessStartTime: '09:00',
  accessEndDate: '2026-03-04',
  accessEndTime: '11:00',
  user: { email: 'ada@example.se' },
};

/** Answers as it is told, and remembers what it was told. */
async function receiver(statuses: number[]) {
  const heard: { readonly authorization: string | undefined; readonly body: unknown }[] = [];
  const route: DialectRoute = {
    method: 'POST',
    path: '/hook',
    handle: async ({ headers, body }) => {
      heard.push({ authorization: headers['authorization'], body });
      return { status: statuses.shift() ?? 200 };
    },
  };
  const server = await served([route]);
  return {
    heard,
    url: `${server.url}/hook`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function visit({ site }: Bench, code: string) {
  await site.type(`${code}#`);
  await site.takeKey(FLAT_KEY.slot);
}

test('Keycafe’s webhook makes the box look at once, however late, doubled, out of order and wrong in time it comes', async () => {
  await using bench = await keycafeBench({ seed: 231, cloud: { skew: -3_600_000 } });
  const { site, cloud, flat, server } = bench;
  await bench.poll();
  cloud.addWebhook({ url: `${server.url}/hooks/keycafe`, username: 'hook', password: 'secret' });
  const key = cloud.keys.get(flat.id);
  assert.ok(key);
  const access = cloud.addAccess(STAY, flat.id);
  const stored = () => site.daemon.desk.grants.grant(grantId(`keycafe:access:${access.id}`));
  // Access events are told by no webhook; a pick-up is, and then all is read.
  cloud.webhooks.upset({ copies: 3, after: 5000 });
  cloud.pickUp(key);
  cloud.dropOff(key, 1);
  for (let tries = 0; tries < 50 && stored() === undefined; tries += 1) await site.advance(20);
  assert.ok(stored(), 'the later event came first, and was enough');
  const before = cloud.server.requests.length;
  await site.advance(6000);
  for (let tries = 0; tries < 50 && cloud.server.requests.length === before; tries += 1) {
    await site.advance(20);
  }
  assert.ok(cloud.server.requests.length - before <= 4, 'three copies are one reason to look');
  assert.equal(cloud.webhooks.lost, 0);
  assert.equal(bench.part.status.online, true);
});

test('Keycafe repeats until it is answered with exactly 200', async () => {
  await using bench = await keycafeBench({ seed: 232 });
  const { site, cloud, flat } = bench;
  await using there = await receiver([204, 500, 201]);
  cloud.addWebhook({ url: there.url, username: 'hook', password: 'secret' });
  const key = cloud.keys.get(flat.id);
  assert.ok(key);
  cloud.pickUp(key);
  for (let seconds = 0; seconds < 200 && there.heard.length < 4; seconds += 1) {
    await site.advance(1000);
    await new Promise((turn) => setImmediate(turn));
  }
  assert.equal(there.heard.length, 4);
  assert.equal(new Set(there.heard.map(({ body }) => JSON.stringify(body))).size, 1);
  assert.equal(there.heard[0]?.authorization, basic('hook:secret')['authorization']);
});

test('a client’s webhook at the box is told pick-ups and drop-offs with its credentials, until exactly 200, over a restart', async () => {
  await using bench = await keycafeBench({ seed: 233 });
  const { site, cloud, flat } = bench;
  await using there = await receiver([204, 503]);
  cloud.server.isAway = true;
  const ask = (path: string, body: object) =>
    site.settling(
      bench.server.ask(`/keycafe/v0${path}`, { method: 'POST', headers: basic(SECRET), body }),
    );
  const hook = { url: there.url, username: 'hook', password: 'secret' };
  assert.equal((await ask('/webhook', hook)).status, 200);
  const made = await ask('/access', { ...STAY, key: { id: flat.id } });
  await visit(bench, made.body.bookingCode);
  for (let seconds = 0; seconds < 60 && there.heard.length < 2; seconds += 1) {
    await site.advance(1000);
  }
  assert.equal(there.heard.length, 2, '204 does not count');
  await bench.restart();
  for (let seconds = 0; seconds < 120 && there.heard.length < 3; seconds += 1) {
    await site.advance(1000);
  }
  await site.show(FLAT_KEY.fob);
  const [slot = 0] = site.openSlots();
  await site.putKey(slot, FLAT_KEY.fob);
  for (let seconds = 0; seconds < 60 && there.heard.length < 4; seconds += 1) {
    await site.advance(1000);
  }
  const told = there.heard.map(({ body }) => Object(body));
  assert.deepEqual(
    told.map(({ type }) => type),
    ['PICKUP', 'PICKUP', 'PICKUP', 'DROPOFF'],
  );
  assert.equal(new Set(told.map(({ id }) => id)).size, 2);
  assert.equal(told[0].user.email, 'ada@example.se');
  assert.equal(there.heard[0]?.authorization, basic('hook:secret')['authorization']);
  assert.equal(JSON.stringify(told).includes(made.body.bookingCode), false, 'P10');
});

test('a webhook goes nowhere that no host is', async () => {
  await using bench = await keycafeBench({ seed: 234 });
  for (const url of ['http://169.254.169.254/latest', 'http://example.com/', 'ftp://a.example/']) {
    const reply = await bench.server.ask('/keycafe/v0/webhook', {
      method: 'POST',
      headers: basic(SECRET),
      body: { url, username: 'hook', password: 'secret' },
    });
    assert.equal(reply.status, 400, url);
  }
});
