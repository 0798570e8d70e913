/** The power goes between the two files of a revocation. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { grantId } from '../../daemon/access/model.ts';
import { simulatedSite } from '../site.ts';

test('P6: a revocation of which the power took the record is recorded at the next start, once, and an older file of grants does not undo it', async () => {
  await using site = await simulatedSite({ seed: 31, onDisk: true });
  await site.put({ id: 'g-1', pin: '314159' });
  await site.stop();
  const spare = join(site.directory, 'older');
  cpSync(site.storeDirectory, spare, { recursive: true });
  await site.restart();
  const { grants } = site.daemon.desk;
  const revoke = { kind: 'revoke', grant: grantId('g-1'), rev: 1, at: site.clock.now() } as const;
  await site.settling(grants.write({ source: 'cloud', changes: [revoke] }));
  site.cut();

  await site.restart();
  assert.deepEqual(site.daemon.desk.journal.tombstone(grantId('g-1'))?.rev, 1);
  const { sub, body } = site.last('grant.revoked');
  assert.deepEqual(
    [sub, body],
    ['holder-of-g-1', { grant: 'g-1', rev: 1, source: 'cloud', by: 'start' }],
  );
  await site.stop();
  for (const name of readdirSync(spare).filter((each) => each.startsWith('grants-'))) {
    cpSync(join(spare, name), join(site.storeDirectory, name));
  }

  await site.restart();
  await site.type('314159#');
  assert.equal(site.last('access.denied').body['reason'], 'revoked');
  assert.deepEqual(site.types('grant').filter((type) => type === 'grant.revoked').length, 1);
});
