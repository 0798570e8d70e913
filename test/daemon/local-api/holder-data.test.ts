/** A person asks what is kept of them, and then that nothing is. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { holderId } from '../../../daemon/access/model.ts';
import { verifyJournalFile } from '../../../daemon/store/journal-verify.ts';
import { FLAT_KEY, STORE_KEY } from '../../site.ts';
import { ApiBench } from './bench.ts';

const ANNA = 'p_anna-8c1d';

function grantBody(holder: string, key: string, pin: string) {
  return {
    holder,
    credentials: [{ kind: 'pin', pin }],
    targets: [{ kind: 'key', id: key }],
    window: { kind: 'ongoing' },
    operations: ['pickup', 'dropoff'],
  };
}

test('of a person erased, grants revoked long ago count, and of nobody there is nothing', async () => {
  await using bench = await ApiBench.open({ onDisk: true });
  const body = grantBody(ANNA, FLAT_KEY.key, '482913');
  await bench.call('PUT', '/api/v1/grants/g-1', { body });
  await bench.call('DELETE', '/api/v1/grants/g-1');
  const erase = (who: string) =>
    bench.call('POST', `/api/v1/holders/${who}/erase`, { as: 'admin', body: {} });
  assert.equal((await erase(ANNA)).body.grants, 1);
  const again = (await erase(ANNA)).body;
  assert.deepEqual([again.grants, again.entries], [0, 0]);
  const nobody = (await erase('p_nobody')).body;
  assert.deepEqual([nobody.grants, nobody.entries], [0, 0]);
});

test('a person is told all that is kept of them, and erased everywhere: store, log and backups, with the chain whole', async () => {
  await using bench = await ApiBench.open({ onDisk: true });
  const { site } = bench;
  const put = (id: string, body: object) => bench.call('PUT', `/api/v1/grants/${id}`, { body });
  assert.equal((await put('g-1', grantBody(ANNA, FLAT_KEY.key, '482913'))).status, 200);
  assert.equal((await put('g-2', grantBody('bert', STORE_KEY.key, '390817'))).status, 200);
  await site.type('482913#');
  await site.takeKey(FLAT_KEY.slot);
  await site.type('390817#');
  await site.takeKey(STORE_KEY.slot);
  await site.settling(site.daemon.desk.renewBackups()); // with her in it
  assert.ok(filesNaming(site.storeDirectory, ANNA).some((name) => name.includes('backups')));

  const erase = (body: object, as: 'operate' | 'admin' = 'admin') =>
    bench.call('POST', `/api/v1/holders/${ANNA}/erase`, { as, body });
  const told = async () => {
    const answer = await bench.raw('GET', `/api/v1/holders/${ANNA}/export`);
    const { body } = answer;
    assert.ok(body !== undefined && typeof body !== 'string' && Symbol.asyncIterator in body);
    let text = '';
    for await (const part of body) text += part;
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  };
  assert.equal((await erase({}, 'operate')).status, 403);
  assert.match((await erase({ revoke: true })).body.error.message, /has the key flat-3/);
  await site.show(FLAT_KEY.fob);
  await site.putKey(FLAT_KEY.slot, FLAT_KEY.fob);
  const [person, ...entries] = await told();
  assert.deepEqual([person.holder, person.grants.length, person.keys], [ANNA, 1, []]);
  const types = new Set(entries.map(({ type }) => type));
  for (const type of ['grant.put', 'access.granted', 'access.taken', 'access.returned'])
    assert.ok(types.has(type), type);
  assert.ok(entries.every((entry) => !JSON.stringify(entry).includes('bert')));
  assert.ok(!JSON.stringify([person, entries]).includes('482913'), 'P10');

  // Where anti-passback has her is known by her id, too.
  const { desk } = site.daemon;
  const entered = {
    type: 'access.granted',
    sub: holderId(ANNA),
    body: { area: 'garage' },
  } as const;
  await site.settling(desk.journal.append({ stamp: desk.stamp(), entries: [entered] }).committed);
  assert.equal(desk.journal.ledger.get('area', ANNA)?.area, 'garage');

  assert.match((await erase({})).body.error.message, /1 grants are left/);
  const done = await erase({ revoke: true });
  assert.equal(done.status, 200, JSON.stringify(done.body));
  assert.ok(done.body.entries >= 5);
  assert.deepEqual([done.body.grants, done.body.left], [1, []]);
  const [nobody, ...none] = await told();
  assert.deepEqual([nobody.grants, none], [[], []]);
  assert.equal(site.last('security.erased').body['by'], 'api:the-admin');
  await site.type('482913#');
  assert.equal(site.pulses(FLAT_KEY.slot), 2, 'one for the pick-up, one for the return');
  const granted = site.journal.filter(({ type }) => type === 'access.granted');
  assert.ok(
    granted.some(({ sub }) => sub === 'bert'),
    'nobody else was touched',
  );
  assert.equal((await site.daemon.desk.journal.verify()).ok, true);

  await site.stop();
  assert.deepEqual(filesNaming(site.storeDirectory, ANNA), []);
  const report = verifyJournalFile(join(site.storeDirectory, 'journal.db'));
  assert.deepEqual([report.ok, report.faults], [true, []]);
});

function filesNaming(directory: string, text: string): readonly string[] {
  return readdirSync(directory, { recursive: true })
    .map((name) => join(directory, String(name)))
    .filter((path) => statSync(path).isFile() && readFileSync(path).includes(text));
}
