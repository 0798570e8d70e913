import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { grantId } from '../../../daemon/access/model.ts';
import { resolveWindow } from '../../../daemon/access/window.ts';
import { livePointer, openGrantStore } from '../../../daemon/store/grants-open.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { StorageError } from '../../../daemon/store/ports.ts';
import { VendorSync } from '../../../daemon/vendors/vendor-sync.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { simulatedSite } from '../../site.ts';
import { change, replaced } from './vendor-changes.ts';

const CHILD = join(import.meta.dirname, 'crash-window-child.ts');
const WRITTEN = ['grant.put', 'grant.revoked', 'grant.vendor_drift'] as const;

test('what a vendor changed before a kill -9 between the two files is told by the next start, once', async () => {
  const store = await killed();
  await using site = await simulatedSite({ seed: 92, at: '2026-03-02T09:10:00Z' });
  const { desk } = site.daemon;
  const { clock } = site;
  const random = seededRandom(3);
  const told: string[][] = [];
  try {
    for (let start = 0; start < 2; start += 1) {
      const { journal } = await openJournal({ directory: store, clock, random, worker: false });
      const { grants } = await openGrantStore({
        directory: store,
        clock,
        random,
        worker: false,
        zone: 'Europe/Stockholm',
        tzdata: '2026c',
        resolve: resolveWindow,
        live: livePointer(journal, () => desk.stamp()),
        tombstones: journal,
      });
      assert.ok(grants.grant(grantId('second')), 'it is in the file of grants');
      const entries = () => journal.read({ types: WRITTEN, limit: 50 });
      if (start === 0) assert.deepEqual(entries().map(subject), ['grant.put first']);
      const sync = new VendorSync('keycafe', replaced(desk, { journal, grants }));
      await site.settling(sync.recover());
      assert.equal(journal.tombstone(grantId('first'))?.rev, 1);
      told.push(entries().map(subject));
      await journal[Symbol.asyncDispose]();
      await grants[Symbol.asyncDispose]();
    }
  } finally {
    rmSync(dirname(store), { recursive: true, force: true });
  }
  const all = ['grant.put first', 'grant.revoked first', 'grant.put second', 'grant.vendor_drift '];
  assert.deepEqual(told, [all, all]);
});

test('what the journal could not be told is told before more is written, and what it revoked is withdrawn', async () => {
  await using site = await simulatedSite({ seed: 93, at: '2026-03-02T09:00:00Z' });
  const { desk } = site.daemon;
  let isFull = false;
  const withdrawn: string[] = [];
  const journal = replaced(desk.journal, {
    append: (batch) => {
      if (!isFull) return desk.journal.append(batch);
      return { recorded: [], committed: Promise.reject(new StorageError('full', 'no room')) };
    },
  });
  const sync = new VendorSync(
    'keycafe',
    replaced(desk, {
      journal,
      withdrawOpenings: (grant) => {
        withdrawn.push(grant);
        return desk.withdrawOpenings(grant);
      },
    }),
  );
  const apply = (changes: Parameters<VendorSync['apply']>[0]) =>
    site.settling(sync.apply(changes, { by: 'keycafe' }));
  await apply([change('first')]);
  isFull = true;
  await assert.rejects(apply([{ id: 'first', revoke: true }, change('second')]), StorageError);
  assert.ok(desk.grants.grant(grantId('first'))?.revoked, 'decisions know it already');
  await assert.rejects(apply([change('third')]), StorageError);
  assert.equal(desk.grants.grant(grantId('third')), undefined);
  isFull = false;
  await apply([change('third')]);
  const entries = desk.journal.read({ types: WRITTEN, limit: 50 });
  const grants = ['grant.put first', 'grant.revoked first', 'grant.put second', 'grant.put third'];
  assert.deepEqual(entries.map(subject), grants);
  assert.deepEqual(withdrawn, ['first']);
});

function subject({ type, body }: { readonly type: string; readonly body: object }): string {
  return `${type} ${'grant' in body ? body.grant : ''}`;
}

/** Answers the folder of the two files. */
function killed(): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [CHILD], { timeout: 60_000 }, (error, stdout, stderr) => {
      if (error?.signal === 'SIGKILL' && stdout !== '') resolve(stdout);
      else reject(new Error(`it was not killed where it should: ${stderr}`));
    });
  });
}
