import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HttpReply, VendorError } from '../../../daemon/vendors/http.ts';
import { RequestBudget } from '../../../daemon/vendors/request-budget.ts';
import { retryAfterOf, VendorHost } from '../../../daemon/vendors/vendor-host.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { seededRandom } from '../../../simulator/random.ts';

function hostWith(answer: () => HttpReply | undefined, authorization = 'Bearer x') {
  const clock = new SimulatedClock();
  let sent = 0;
  const host = new VendorHost({
    clock,
    random: seededRandom(1),
    baseUrl: 'http://vendor.example',
    authorization: () => authorization,
    budget: new RequestBudget(clock, 60),
    penalty: 60_000,
    http: {
      send: async () => {
        sent += 1;
        const reply = answer();
        if (reply === undefined) throw new Error('no route');
        return reply;
      },
    },
  });
  const { signal } = new AbortController();
  return {
    clock,
    host,
    get sent() {
      return sent;
    },
    call: async () => {
      try {
        return (await host.call({ method: 'GET', path: '/x', signal })).status;
      } catch (error) {
        assert.ok(error instanceof VendorError);
        return error.code;
      }
    },
  };
}

const OK = { status: 200, headers: {}, body: '' };

test('after five failures in a row nothing is sent for a while, then one, and a success closes it', async () => {
  let reply: HttpReply | undefined;
  const bench = hostWith(() => reply);
  for (let at = 0; at < 5; at += 1) assert.equal(await bench.call(), 'unreachable');
  assert.equal(await bench.call(), 'held-back');
  assert.equal(bench.sent, 5);
  await bench.clock.advance(5000);
  assert.equal(await bench.call(), 'unreachable');
  assert.equal(bench.sent, 6);
  assert.ok(bench.host.heldBack > 0, 'one more failure opens it at once, for longer');
  await bench.clock.advance(10_000);
  reply = OK;
  assert.equal(await bench.call(), 200);
  reply = undefined;
  assert.equal(await bench.call(), 'unreachable');
  assert.equal(bench.host.heldBack, 0);
});

test('an answer that refuses is an answer: it opens no breaker', async () => {
  const bench = hostWith(() => ({ status: 400, headers: {}, body: '' }));
  for (let at = 0; at < 10; at += 1) assert.equal(await bench.call(), 'refused');
});

test('Retry-After is seconds or a date, and never stops us for good', () => {
  const now = Date.parse('2026-03-02T09:00:00Z');
  assert.equal(retryAfterOf('90', now), 90_000);
  assert.equal(retryAfterOf('Mon, 02 Mar 2026 09:00:30 GMT', now), 30_000);
  assert.equal(retryAfterOf('Mon, 02 Mar 2026 08:00:30 GMT', now), 0);
  assert.equal(retryAfterOf('999999999', now), 15 * 60_000);
  assert.equal(retryAfterOf('soon', now), undefined);
  assert.equal(retryAfterOf(undefined, now), undefined);
});

test('a budget lets through what a minute allows, and the rest in the order of asking', async () => {
  const clock = new SimulatedClock();
  const budget = new RequestBudget(clock, 3);
  const { signal } = new AbortController();
  const went: number[] = [];
  const began = clock.uptime();
  for (let at = 0; at < 7; at += 1)
    void budget.take(signal).then(() => went.push(clock.uptime() - began));
  await clock.advance(200_000);
  assert.deepEqual(went, [0, 0, 0, 60_000, 60_000, 60_000, 120_000]);
});

test('a secret that no header can hold is told as that, not as a network that is away, and opens no breaker', async () => {
  const bench = hostWith(() => OK, 'Bearer seam_1\nseam_2');
  for (let at = 0; at < 10; at += 1) assert.equal(await bench.call(), 'unauthorized');
  assert.equal(bench.sent, 0);
  assert.equal(bench.host.heldBack, 0);
});
