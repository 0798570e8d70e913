/** What every journal promises, in memory or on files, with or without a thread. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkpointOf } from '../../daemon/access/checkpoint.ts';
import type { GrantId, HolderId } from '../../daemon/access/model.ts';
import type { JournalStore } from '../../daemon/store/journal.ts';
import { StorageError } from '../../daemon/store/ports.ts';
import { deviceId } from '../../drivers/contract/device.ts';
import { instant } from '../../drivers/contract/time.ts';
import { entryOf, NOON, sentText, stampAt } from '../daemon/store/known.ts';

const GRANT = 'g-1' as GrantId;

async function filled(journal: JournalStore, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    const stamp = stampAt(instant(NOON + n * 1000));
    await journal.append({ stamp, entries: [entryOf(n)] }).committed;
  }
}

export function journalContract(
  name: string,
  open: () => Promise<{ journal: JournalStore } & AsyncDisposable>,
): void {
  test(`${name}: entries get their place in the chain and are read back as recorded`, async () => {
    await using opened = await open();
    const { journal } = opened;
    const stamp = stampAt(NOON);
    const appended = journal.append({ stamp, entries: [entryOf(1), entryOf(10), entryOf(3)] });
    assert.deepEqual(
      appended.recorded.map(({ seq }) => seq),
      [1, 2, 3],
    );
    assert.equal(journal.lastSeq, 0, 'nothing is said to be written before it is');
    await appended.committed;
    assert.equal(journal.lastSeq, 3);
    assert.equal(journal.lastHash, appended.recorded[2]?.hash);
    assert.equal(appended.recorded[2]?.prev, appended.recorded[1]?.hash);
    assert.deepEqual(journal.read({ limit: 10 }), appended.recorded);
    assert.deepEqual(journal.entry(2), appended.recorded[1]);
    assert.equal(journal.entry(4), undefined);
    const report = await journal.verify();
    assert.deepEqual(report.faults, []);
    assert.equal(report.entries, 3);
    assert.equal(report.lastHash, journal.lastHash);
  });

  test(`${name}: what is read for the outbox is what was recorded, as JSON`, async () => {
    await using opened = await open();
    const { journal } = opened;
    const broken = { lo: NOON, hi: instant(Number.POSITIVE_INFINITY), state: 'broken' } as const;
    const stamp = { ...stampAt(NOON), clock: broken };
    const odd = { lo: NOON, hi: instant(NOON + 5), state: 'floor' } as const;
    const text = '"\\\n\u0001\u007fö€😀\'\u2028';
    const strange = { ...entryOf(2), device: deviceId('door'), body: { text } };
    await journal.append({ stamp: stampAt(NOON), entries: [entryOf(1), strange] }).committed;
    await journal.append({ stamp, entries: [{ type: 'system.stopping', body: {} }] }).committed;
    await journal.append({ stamp: { ...stamp, boot: text, clock: odd }, entries: [entryOf(3)] })
      .committed;
    const told = journal.read({ limit: 10 });
    assert.deepEqual(
      journal.outbox(0, 4, 10).map(({ page, from, to }) => page.toString('utf8', from, to)),
      told.map(sentText),
    );
    const seqs = (...which: [after: number, upTo: number, limit: number]) =>
      journal.outbox(...which).map(({ seq }) => seq);
    assert.deepEqual(seqs(1, 2, 10), [2]);
    assert.deepEqual(seqs(1, 9, 1), [2]);
  });

  test(`${name}: batches appended in one turn are committed in order and followed in order`, async () => {
    await using opened = await open();
    const { journal } = opened;
    const seen: number[] = [];
    const stop = journal.follow((entries) => seen.push(...entries.map(({ seq }) => seq)));
    const all = Array.from({ length: 20 }, (_, n) =>
      journal.append({ stamp: stampAt(NOON), entries: [entryOf(n)] }),
    );
    await Promise.all(all.map(({ committed }) => committed));
    assert.deepEqual(
      seen,
      Array.from({ length: 20 }, (_, n) => n + 1),
    );
    stop();
    await journal.append({ stamp: stampAt(NOON), entries: [entryOf(21)] }).committed;
    assert.equal(seen.length, 20);
  });

  test(`${name}: who waits for a commit goes first, then who followed when it was made`, async () => {
    await using opened = await open();
    const { journal } = opened;
    const order: string[] = [];
    const told = Promise.withResolvers<void>();
    journal.follow(() => order.push('first'));
    const leave = journal.follow(() => order.push('left'));
    const { committed } = journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] });
    committed.then(
      () => {
        order.push('waited');
        leave();
        journal.follow(() => order.push('late'));
        queueMicrotask(told.resolve);
      },
      (error: unknown) => told.reject(error),
    );
    await told.promise;
    assert.deepEqual(order, ['waited', 'first']);
    await journal.append({ stamp: stampAt(NOON), entries: [entryOf(2)] }).committed;
    await new Promise(setImmediate);
    assert.deepEqual(order, ['waited', 'first', 'first', 'late']);
  });

  test(`${name}: evidence rows count at once, and a lower tombstone never replaces a higher`, async () => {
    await using opened = await open();
    const { journal } = opened;
    const expires = instant(NOON + 1000);
    const first = journal.append({
      stamp: stampAt(NOON),
      entries: [],
      rows: [
        { table: 'command', id: 'c1', reply: undefined, expires },
        { table: 'counter', kid: 'cc-1', highest: '18446744073709551615', window: 'f' },
        { table: 'tombstone', grant: GRANT, rev: 5, at: NOON },
        { table: 'mark', name: 'fence', value: { held: [1, null] } },
      ],
    });
    const check = () => {
      assert.deepEqual(journal.command('c1'), { reply: undefined, expires });
      assert.equal(journal.counter('cc-1')?.highest, '18446744073709551615');
      assert.equal(journal.tombstone(GRANT)?.rev, 5);
      assert.deepEqual(journal.mark('fence'), { held: [1, null] });
    };
    assert.equal(journal.command('c1')?.reply, undefined);
    assert.equal(journal.tombstone(GRANT)?.rev, 5);
    await first.committed;
    check();
    const second = journal.append({
      stamp: stampAt(NOON),
      entries: [],
      rows: [
        { table: 'command', id: 'c1', reply: null, expires },
        { table: 'tombstone', grant: GRANT, rev: 4, at: instant(1) },
        { table: 'mark', name: 'fence', value: undefined },
      ],
    });
    assert.equal(journal.command('c1')?.reply, null);
    assert.deepEqual(journal.tombstone(GRANT), { rev: 5, at: NOON });
    assert.equal(journal.mark('fence'), undefined);
    await second.committed;
    assert.equal(journal.command('c1')?.reply, null);
    assert.deepEqual(journal.tombstone(GRANT), { rev: 5, at: NOON });
    assert.equal(journal.mark('fence'), undefined);
    assert.equal(await journal.forgetCommands(expires), 0);
    assert.equal(await journal.forgetCommands(instant(expires + 1)), 1);
    assert.equal(journal.command('c1'), undefined);
  });

  test(`${name}: the watermark moves only up, in its own epoch, and not beyond what is written`, async () => {
    await using opened = await open();
    const { journal } = opened;
    await filled(journal, 5);
    await journal.acknowledge('another-epoch', 4);
    assert.equal(journal.acknowledged, 0);
    await journal.acknowledge(journal.epoch, 3);
    assert.equal(journal.acknowledged, 3);
    await journal.acknowledge(journal.epoch, 2);
    assert.equal(journal.acknowledged, 3);
    await journal.acknowledge(journal.epoch, 900);
    assert.equal(journal.acknowledged, 5);
    assert.equal(journal.read({ limit: 10 }).length, 5, 'an acknowledgement deletes nothing');
  });

  test(`${name}: a failed commit takes back everything appended since, and the next one succeeds`, async () => {
    await using opened = await open();
    const { journal } = opened;
    await filled(journal, 3);
    const { lastSeq, lastHash } = journal;
    const states: string[] = [];
    journal.watchStorage((state) => states.push(state));
    journal.failWrites('broken', 1);
    const lost = [1, 2, 3].map((n) =>
      journal.append({
        stamp: stampAt(NOON),
        entries: [entryOf(n)],
        rows: [{ table: 'mark', name: 'm', value: n }],
      }),
    );
    assert.equal(journal.mark('m'), 3);
    for (const { committed } of lost) {
      await assert.rejects(committed, (error) => {
        assert.ok(error instanceof StorageError);
        assert.equal(error.code, 'broken');
        return true;
      });
    }
    assert.equal(journal.isSafe, false);
    assert.equal(journal.mark('m'), undefined);
    assert.equal(journal.lastSeq, lastSeq);
    assert.equal(journal.lastHash, lastHash);
    const next = journal.append({ stamp: stampAt(NOON), entries: [entryOf(9)] });
    assert.equal(next.recorded[0]?.seq, lastSeq + 1);
    assert.equal(next.recorded[0]?.prev, lastHash);
    await next.committed;
    assert.equal(journal.isSafe, true);
    assert.equal(states[0], 'unsafe');
    assert.deepEqual((await journal.verify()).faults, []);
  });

  test(`${name}: erased entries keep their place in the chain, and the ledger its proof`, async () => {
    await using opened = await open();
    const { journal } = opened;
    await filled(journal, 20);
    assert.equal(await journal.erase(20), 0, 'nothing before the ledger is written down');
    await journal.append({ stamp: stampAt(NOON), entries: [checkpointOf(journal.ledger)] })
      .committed;
    assert.equal(await journal.erase(100, 'p_2' as HolderId), 2);
    assert.deepEqual(journal.read({ holder: 'p_2' as HolderId, limit: 10 }), []);
    assert.deepEqual(journal.entry(2)?.body, {});
    assert.equal(journal.entry(4)?.body['n'], 4);
    assert.deepEqual((await journal.verify()).faults, []);
    assert.equal(await journal.erase(10), 9);
    assert.equal(journal.entry(10)?.evidence, undefined);
    assert.equal(journal.entry(11)?.body['n'], 11);
    assert.deepEqual((await journal.verify()).faults, []);
  });

  test(`${name}: queries`, async () => {
    await using opened = await open();
    const { journal } = opened;
    await filled(journal, 30);
    const seqs = (query: Parameters<JournalStore['read']>[0]) =>
      journal.read(query).map(({ seq }) => seq);
    assert.deepEqual(seqs({ after: 27, limit: 10 }), [28, 29, 30]);
    assert.deepEqual(seqs({ after: 3, upTo: 5, limit: 10 }), [4, 5]);
    assert.deepEqual(seqs({ backwards: true, limit: 2 }), [30, 29]);
    assert.deepEqual(seqs({ classes: ['access'], upTo: 9, limit: 10 }), [3, 6, 9]);
    assert.deepEqual(
      seqs({ types: ['grant.put', 'device.online'], upTo: 5, limit: 10 }),
      [1, 2, 4, 5],
    );
    assert.deepEqual(seqs({ holder: 'p_2' as HolderId, limit: 10 }), [2, 16, 30]);
    assert.deepEqual(seqs({ text: 'ENTRY 7', limit: 10 }), [7]);
    assert.deepEqual(
      seqs({ from: instant(NOON + 29_000), to: instant(NOON + 30_000), limit: 10 }),
      [29],
    );
    assert.deepEqual(seqs({ limit: 0 }), []);
    assert.deepEqual(journal.entry(5)?.evidence, { knew: 5 });
  });
}
