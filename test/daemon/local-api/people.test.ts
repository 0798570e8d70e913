import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAT_KEY, STORE_KEY } from '../../site.ts';
import { ApiBench } from './bench.ts';

const FOB = '0F00AB0001';

/** Asks, shows a fob, and answers with what was said. */
async function enrolled(bench: ApiBench, fob: string, reader = 'fobs') {
  const asked = bench.begin('POST', '/api/v1/enrolments', { body: { reader: 'fobs' } });
  await bench.site.show(fob, reader);
  const { status, body } = await bench.site.settling(asked);
  assert.equal(status, 200);
  return JSON.parse(JSON.stringify(body));
}

test('a fob is enrolled by showing it: it opens nothing then, its number is told to nobody, and it opens after', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  const { ticket, known } = await enrolled(bench, FOB);
  assert.deepEqual(known, { key: null, grants: [] });
  assert.ok(!ticket.includes('ab0001'));
  assert.deepEqual(site.openSlots(), []);
  assert.ok(!site.journal.some(({ type }) => type === 'access.denied'), 'nor is it refused');
  const body = {
    holder: 'cleaner',
    credentials: [{ kind: 'fob', enrolled: ticket }],
    targets: [{ kind: 'key', id: FLAT_KEY.key }],
  };
  const made = await bench.call('PUT', '/api/v1/grants/g-cleaner', { body });
  assert.equal(made.status, 200, JSON.stringify(made.body));
  await site.show(FOB);
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  const again = await enrolled(bench, FOB);
  assert.deepEqual(again.known, { key: null, grants: ['g-cleaner'] }, 'what it is already');
  const ofKey = await enrolled(bench, STORE_KEY.fob);
  assert.equal(ofKey.known.key, STORE_KEY.key);
  assert.doesNotMatch(JSON.stringify([made.body, again, site.journal]), /ab0001/i);
});

test('a ticket is for who asked, for ten minutes, and where nothing is shown there is none', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  const none = bench.begin('POST', '/api/v1/enrolments', { body: { withinMs: 1000 } });
  await site.advance(1500);
  assert.deepEqual((await none).body, { ticket: null, known: { key: null, grants: [] } });
  const { ticket } = await enrolled(bench, FOB);
  const attach = () => bench.call('PUT', '/api/v1/keys/flat-7/fob', { body: { enrolled: ticket } });
  const both = await bench.call('PUT', '/api/v1/keys/flat-7/fob', {
    body: { enrolled: ticket, fob: FOB },
  });
  assert.deepEqual([both.status, both.body.error.field], [400, 'fob']);
  assert.equal((await attach()).body.result, 'done');
  await site.advance(10 * 60_000);
  const late = await attach();
  assert.deepEqual([late.status, late.body.error.field], [400, 'enrolled']);
});

test('a credential that is disabled opens nothing until it is enabled, and the page of its holder says so', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  const body = {
    holder: 'cleaner',
    credentials: [{ id: 'fob-1', kind: 'fob', number: FOB }],
    targets: [{ kind: 'key', id: FLAT_KEY.key }],
  };
  await bench.call('PUT', '/api/v1/grants/g-cleaner', { body });
  const ask = (verb: string, as: 'operate' | 'admin', grant?: string) =>
    bench.call('POST', `/api/v1/credentials/fob-1/${verb}`, { as, body: { why: 'lost', grant } });
  assert.equal((await ask('disable', 'operate', 'g-another')).body.result, 'done');
  await site.show(FOB);
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot], 'another grant may call its own so');
  await site.takeKey(FLAT_KEY.slot);
  await site.show(FLAT_KEY.fob);
  await site.putKey(FLAT_KEY.slot, FLAT_KEY.fob);
  assert.equal((await ask('disable', 'operate', 'g-cleaner')).body.result, 'done');
  await site.show(FOB);
  assert.deepEqual(site.openSlots(), []);
  assert.equal(site.last('access.denied').body['reason'], 'credential-disabled');
  const { body: holder } = await bench.call('GET', '/api/v1/holders/cleaner', { as: 'read' });
  assert.deepEqual(holder.disabled, ['fob-1']);
  assert.deepEqual(holder.disabledIn, [{ grant: 'g-cleaner', credential: 'fob-1' }]);
  assert.equal((await ask('enable', 'operate')).status, 403, 'letting in again is for admin');
  await ask('enable', 'admin');
  await site.show(FOB);
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await site.takeKey(FLAT_KEY.slot);
  const { body: people } = await bench.call('GET', '/api/v1/holders?text=CLEAN', { as: 'read' });
  assert.deepEqual(people, {
    holders: [{ holder: 'cleaner', grants: 1, keys: [FLAT_KEY.key] }],
    next: null,
  });
  assert.equal((await bench.call('GET', '/api/v1/holders/nobody')).status, 404);
});

test('of two grants that call what they show by one id, the page of their holder says which one is disabled', async () => {
  await using bench = await ApiBench.open();
  for (const [grant, number] of [
    ['g-one', FOB],
    ['g-two', '0F00C0FFEE'],
  ] as const) {
    const credentials = [{ id: 'fob', kind: 'fob', number }];
    const body = { holder: 'guest', credentials, targets: [{ kind: 'key', id: FLAT_KEY.key }] };
    assert.equal((await bench.call('PUT', `/api/v1/grants/${grant}`, { body })).status, 200);
  }
  const disabled = async () => {
    const { body } = await bench.call('GET', '/api/v1/holders/guest', { as: 'read' });
    return [body.disabled, body.disabledIn];
  };
  const disable = (grant: string) =>
    bench.call('POST', '/api/v1/credentials/fob/disable', { body: { why: 'lost', grant } });
  assert.deepEqual(await disabled(), [[], []]);
  await disable('g-two');
  const two = { grant: 'g-two', credential: 'fob' };
  assert.deepEqual(await disabled(), [['fob'], [two]]);
  await disable('g-one');
  assert.deepEqual(await disabled(), [['fob'], [{ grant: 'g-one', credential: 'fob' }, two]]);
});
