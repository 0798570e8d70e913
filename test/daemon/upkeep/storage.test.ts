import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minutes, simulatedSite } from '../../site.ts';

test('P11: a disk that fails and is well again is told, once each, and raises an alarm', async () => {
  await using site = await simulatedSite({ seed: 8, onDisk: true });
  const { journal } = site.daemon.desk;
  journal.failWrites('broken', 3);
  await site.type('111222#');
  await site.advance(minutes(5));
  assert.equal(journal.isSafe, true);
  const told = site.journal.filter(({ type }) => type.startsWith('system.storage_'));
  assert.equal(told[0]?.type, 'system.storage_low');
  assert.equal(told[0]?.body['alarm'], true);
  assert.equal(told.filter(({ type }) => type === 'system.storage_low').length, 1);
});
