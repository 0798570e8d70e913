import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { mock, test } from 'node:test';
import { SeamWebhook } from 'seam';
import { RecordBook } from '../../../../daemon/vendors/record-book.ts';
import { queueIn } from '../../../../daemon/vendors/seam/webhook-queue.ts';
import { FLAT_KEY, hours, minutes } from '../../../site.ts';
import { faultsOf } from './bench.ts';
import { type SeamBench, seamBench } from './connector-bench.ts';

/** So much later on the wall clock; the site itself lives through its last minute only. */
async function later({ site }: SeamBench, length: number): Promise<void> {
  site.clock.shiftWall(length - 61_000);
  await site.advance(61_000);
}

interface Received {
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly event: ReturnType<typeof JSON.parse>;
  /** On the site's clock. */
  readonly at: number;
}

/** Somebody's own server, which answers as told. */
async function receiver(bench: SeamBench) {
  const calls: Received[] = [];
  let status = 200;
  const server = createServer((request, reply) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body = Buffer.concat(pieces).toString('utf8');
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      );
      const id = headers['svix-id'] ?? '';
      const at = bench.site.clock.now();
      calls.push({ id, headers, body, event: JSON.parse(body), at });
      if (status === 302) reply.setHeader('location', '/elsewhere');
      reply.statusCode = status;
      reply.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return {
    calls,
    url: `http://127.0.0.1:${address.port}/hook`,
    answer: (next: number) => {
      status = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function grantAt(bench: SeamBench, code: string) {
  const { body } = await bench.ask('/access_grants/create', {
    user_identity: { full_name: 'Ada' },
    device_ids: [await bench.deviceOf('Flat 3')],
    requested_access_methods: [{ mode: 'code', code }],
  });
  return body.access_grant.access_grant_id;
}

test('a webhook that a client registers is called for what happens, signed so that the official verifier takes it', async () => {
  await using bench = await seamBench({ seed: 21, isAlone: true });
  await using own = await receiver(bench);
  const { site } = bench;
  const before = await grantAt(bench, '471199');
  const { body } = await bench.ask('/webhooks/create', { url: own.url });
  const { secret, webhook_id } = body.webhook;
  await site.type('471199#');
  await site.takeKey(FLAT_KEY.slot);
  await bench.ask('/access_grants/delete', { access_grant_id: before });
  await site.advance(1000);
  assert.deepEqual(
    own.calls.map(({ event }) => event.event_type),
    ['lock.unlocked', 'access_grant.deleted', 'access_method.deleted'],
    'what happened before is not told',
  );
  assert.equal(new Set(own.calls.map(({ id }) => id)).size, 3);
  const verifier = new SeamWebhook(secret);
  for (const { headers, body: text, event } of own.calls) {
    mock.timers.enable({ apis: ['Date'], now: site.clock.now() });
    try {
      assert.deepEqual(verifier.verify(text, headers), event);
      assert.throws(() => verifier.verify(`${text} `, headers));
    } finally {
      mock.timers.reset();
    }
    assert.equal(faultsOf('event', event), '');
  }
  // The same events by asking for them.
  const { body: listed } = await bench.ask('/events/list', { since: '2020-01-01T00:00:00Z' });
  const ids = new Set(listed.events.map((each: { event_id: string }) => each.event_id));
  assert.ok(own.calls.every(({ event }) => ids.has(event.event_id)));

  await bench.ask('/webhooks/update', { webhook_id, event_types: ['access_grant.deleted'] });
  const second = await grantAt(bench, '582200');
  await bench.ask('/access_grants/delete', { access_grant_id: second });
  await site.advance(1000);
  assert.deepEqual(
    own.calls.slice(3).map(({ event }) => event.event_type),
    ['access_grant.deleted'],
  );
  await bench.ask('/webhooks/delete', { webhook_id });
  const third = await grantAt(bench, '693311');
  await bench.ask('/access_grants/delete', { access_grant_id: third });
  await site.advance(1000);
  assert.equal(own.calls.length, 4);
});

test('what a receiver does not take is repeated on the documented schedule, over restarts, and comes at once when it is back', async () => {
  await using bench = await seamBench({ seed: 22, isAlone: true });
  await using own = await receiver(bench);
  const { site } = bench;
  await bench.ask('/webhooks/create', { url: own.url, event_types: ['access_grant.created'] });
  own.answer(302);
  await grantAt(bench, '471199');
  await site.advance(1000);
  assert.equal(own.calls.length, 1, 'a redirect is a failure, and is not followed');
  const [waiting] = bench.part.differences();
  assert.deepEqual([waiting?.kind, waiting?.state], ['webhook', 'to-send']);
  await bench.restart();
  own.answer(503);
  await site.advance(6000);
  await later(bench, minutes(4));
  assert.equal(own.calls.length, 2);
  await later(bench, minutes(2));
  await bench.restart();
  await later(bench, minutes(31));
  assert.equal(own.calls.length, 4);
  const gaps = own.calls.slice(1).map(({ at }, index) => at - (own.calls[index]?.at ?? 0));
  const documented = [5000, minutes(5), minutes(30)];
  for (const [index, gap] of gaps.entries()) {
    const least = documented[index] ?? 0;
    assert.ok(gap >= least && gap < least + minutes(2), `${index}: ${gap}`);
  }
  assert.equal(new Set(own.calls.map(({ id }) => id)).size, 1, 'the same message each time');
  assert.equal(new Set(own.calls.map(({ body }) => body)).size, 1);
  // Another event is tried by itself, and the one that waits comes with it.
  own.answer(204);
  await grantAt(bench, '582200');
  await site.advance(2000);
  assert.equal(new Set(own.calls.map(({ id }) => id)).size, 2);
  assert.equal(own.calls.length, 6);
  assert.deepEqual(bench.part.differences(), []);
  await later(bench, hours(20));
  assert.equal(own.calls.length, 6, 'and nothing twice');
});

test('after the last try an event is given up and told, and a receiver that took nothing for five days is called no more', async () => {
  await using bench = await seamBench({ seed: 23, isAlone: true });
  await using own = await receiver(bench);
  const { site } = bench;
  const { body } = await bench.ask('/webhooks/create', { url: own.url });
  own.answer(500);
  await grantAt(bench, '471199');
  await site.advance(7000);
  for (const pause of [0.1, 0.6, 2.1, 5.1, 10.1, 10.1]) await later(bench, hours(pause));
  const first = own.calls[0]?.id;
  assert.equal(own.calls.filter(({ id }) => id === first).length, 8);
  const told = site.journal.filter(({ type }) => type === 'grant.cannot');
  assert.ok(told.length > 0 && told.every((entry) => entry.body['what'] === 'webhook'));
  await later(bench, hours(24 * 4));
  await grantAt(bench, '582200');
  await site.advance(1000);
  const [difference] = bench.part.differences();
  assert.deepEqual([difference?.kind, difference?.state], ['webhook', 'cannot']);
  assert.match(difference?.detail ?? '', /five days/);
  own.answer(200);
  const before = own.calls.length;
  await grantAt(bench, '888123');
  await later(bench, hours(12));
  assert.equal(own.calls.length, before);
  // Registered again, it is called again.
  await bench.ask('/webhooks/delete', { webhook_id: body.webhook.webhook_id });
  await bench.ask('/webhooks/create', { url: own.url });
  await grantAt(bench, '777321');
  await site.advance(2000);
  assert.ok(own.calls.length > before);
});

test('a target that is nobody’s address is refused with the field, and a receiver that hangs holds up nobody', async () => {
  await using bench = await seamBench({ seed: 24, isAlone: true });
  await using own = await receiver(bench);
  const { site } = bench;
  const wrong = await bench.ask('/webhooks/create', { url: 'http://169.254.169.254/latest' });
  assert.equal(wrong.status, 400);
  assert.ok('url' in wrong.body.error.validation_errors);
  const silent = createServer(() => {});
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const address = silent.address();
  assert.ok(address !== null && typeof address === 'object');
  await bench.ask('/webhooks/create', {
    url: `http://127.0.0.1:${address.port}/`,
    event_types: ['access_grant.created'],
  });
  await bench.ask('/webhooks/create', { url: own.url, event_types: ['access_grant.created'] });
  await grantAt(bench, '471199');
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await site.advance(3000);
  assert.equal(own.calls.length, 1);
  assert.equal(bench.part.differences().length, 1);
  silent.closeAllConnections();
  await new Promise<void>((resolve) => silent.close(() => resolve()));
});

test('a receiver is called past the client of the cloud, whose answers are believed about the time', async () => {
  const asked: string[] = [];
  const toCloud = {
    send: ({ url }: { readonly url: string }) => {
      asked.push(url);
      return Promise.reject(new Error('no cloud'));
    },
  };
  await using bench = await seamBench({ seed: 25, toCloud });
  await using own = await receiver(bench);
  await bench.ask('/webhooks/create', { url: own.url, event_types: ['access_grant.created'] });
  await grantAt(bench, '471199');
  await bench.site.advance(2000);
  assert.equal(own.calls.length, 1);
  assert.ok(asked.length > 0 && !asked.includes(own.url));
});

test('of a flood of events some hundred wait for a receiver that takes none, the rest in the journal, and all come once it does', async () => {
  await using bench = await seamBench({ seed: 27, isAlone: true });
  await using own = await receiver(bench);
  const { site } = bench;
  const { desk } = site.daemon;
  await bench.ask('/webhooks/create', { url: own.url });
  own.answer(500);
  const sample = site.last('device.online');
  const { type, body } = sample;
  const of = sample.device === undefined ? {} : { device: sample.device };
  const flood = Array.from({ length: 700 }, () => ({ type, body, ...of }));
  await desk.journal.append({ stamp: desk.stamp(), entries: flood }).committed;
  await site.advance(5000);
  const waiting = () =>
    [...new RecordBook(desk.grants, 'seam').all()]
      .map(([, { extra }]) => queueIn(extra?.['queue'])?.waiting.length ?? 0)
      .reduce((sum, each) => sum + each, 0);
  assert.ok(waiting() >= 500 && waiting() <= 600, `${waiting()} wait`);
  own.answer(200);
  own.calls.length = 0;
  await later(bench, hours(11));
  await site.advance(minutes(5));
  assert.equal(waiting(), 0);
  assert.equal(new Set(own.calls.map(({ id }) => id)).size, 700);
});
