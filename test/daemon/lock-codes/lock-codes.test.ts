import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grantId } from '../../../daemon/access/model.ts';
import { minutes, simulatedSite } from '../../site.ts';

const AT_THE_DOOR = {
  targets: [{ kind: 'lock', id: 'door' }],
  operations: ['unlock'],
} as const;

test('a grant for a lock with a keypad of its own is in its memory, and out of it once it is revoked', async () => {
  await using site = await simulatedSite({ seed: 21, withLock: true });
  const { desk } = site.daemon;
  const codes = () => [...(site.lock?.keypad.codes.values() ?? [])].map(({ code }) => String(code));
  const tell = (type: 'grant.put' | 'grant.revoked', grant: string) =>
    desk.journal.append({ stamp: desk.stamp(), entries: [{ type, body: { grant } }] }).committed;

  await site.put({ id: 'stay', pin: '345678', more: AT_THE_DOOR });
  await site.settling(tell('grant.put', 'stay'));
  await site.advance(minutes(2));
  assert.deepEqual(codes(), ['345678']);

  const revoke = { kind: 'revoke', grant: grantId('stay'), rev: 2, at: site.clock.now() } as const;
  await site.settling(desk.grants.write({ source: 'cloud', changes: [revoke] }));
  const states = await site.settling(desk.withdrawOpenings(grantId('stay')));
  assert.deepEqual(
    states.find(({ device }) => device === 'door'),
    { device: 'door', state: 'pending' },
  );
  await site.settling(tell('grant.revoked', 'stay'));
  await site.advance(minutes(2));
  assert.deepEqual(codes(), []);
  const after = await site.settling(desk.withdrawOpenings(grantId('stay')));
  assert.deepEqual(
    after.find(({ device }) => device === 'door'),
    { device: 'door', state: 'dead' },
  );
});

test('what the keypad cannot express is told, and not programmed', async () => {
  await using site = await simulatedSite({ seed: 22, withLock: true });
  const { desk } = site.daemon;
  const schedule = { zone: 'site', weekly: [{ days: [1], from: '10:00', to: '12:00' }] } as const;
  await site.put({ id: 'cleaner', pin: '345678', more: { ...AT_THE_DOOR, schedule } });
  const entry = { type: 'grant.put', body: { grant: 'cleaner' } } as const;
  await site.settling(desk.journal.append({ stamp: desk.stamp(), entries: [entry] }).committed);
  await site.advance(minutes(2));
  assert.equal(site.lock?.keypad.codes.size, 0);
  assert.equal(site.last('grant.cannot').body['grant'], 'cleaner');
});
