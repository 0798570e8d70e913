import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import type { Grant } from '../../../daemon/access/model.ts';
import { resolveWindow } from '../../../daemon/access/window.ts';
import { startEntries, startRows } from '../../../daemon/start/start-entries.ts';
import { makeBackups } from '../../../daemon/store/backups.ts';
import { columnsOf, GRANTS_COLUMNS } from '../../../daemon/store/columns.ts';
import { digestOf } from '../../../daemon/store/digest.ts';
import {
  type GrantStoreOptions,
  livePointer,
  type OpenedGrants,
  openGrantStore,
} from '../../../daemon/store/grants-open.ts';
import { BY_CREDENTIAL } from '../../../daemon/store/grants-query.ts';
import type { HighWater } from '../../../daemon/store/high-water.ts';
import type { JournalStore } from '../../../daemon/store/journal.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { restoreJournal } from '../../../daemon/store/journal-recovery.ts';
import { StorageError } from '../../../daemon/store/ports.ts';
import { ConfigError } from '../../../drivers/contract/errors.ts';
import { instant } from '../../../drivers/contract/time.ts';
import { grantsContract } from '../../contract/store-grants.ts';
import {
  codeOf,
  grantId,
  grantOf,
  holderId,
  NOON,
  SeededRandom,
  StillClock,
  stampAt,
  temporaryFolder,
} from './known.ts';

const clock = new StillClock();
const random = new SeededRandom(11);

function settings(directory: string, journal: JournalStore, worker: boolean): GrantStoreOptions {
  return {
    directory,
    clock,
    random,
    worker,
    zone: 'Europe/Stockholm',
    tzdata: '2026c',
    resolve: resolveWindow,
    live: livePointer(journal, () => stampAt(NOON)),
    tombstones: journal,
  };
}

async function open(directory: string, worker: boolean) {
  const { journal } = await openJournal({ directory, clock, random, worker });
  const { grants } = await openGrantStore(settings(directory, journal, worker));
  return { journal, grants };
}

for (const [name, worker] of [
  ['files, in process', false],
  ['files, in threads', true],
] as const) {
  grantsContract(name, async () => {
    const folder = temporaryFolder();
    const { journal, grants } = await open(folder.path, worker);
    return {
      grants,
      [Symbol.asyncDispose]: async () => {
        await grants[Symbol.asyncDispose]();
        await journal[Symbol.asyncDispose]();
        folder[Symbol.dispose]();
      },
    };
  });
}

grantsContract('memory', async () => {
  const { journal, grants } = await open(':memory:', false);
  return {
    grants,
    [Symbol.asyncDispose]: async () => {
      await grants[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
    },
  };
});

async function onFiles(
  directory: string,
  more: Partial<GrantStoreOptions> = {},
): Promise<OpenedGrants & { journal: JournalStore; highWater: HighWater; close(): Promise<void> }> {
  const { journal, highWater } = await openJournal({ directory, clock, random, worker: false });
  const opened = await openGrantStore({ ...settings(directory, journal, false), ...more }).catch(
    async (problem) => {
      await journal[Symbol.asyncDispose]();
      throw problem;
    },
  );
  const close = async () => {
    await opened.grants[Symbol.asyncDispose]();
    await journal[Symbol.asyncDispose]();
  };
  return { ...opened, journal, highWater, close };
}

function liveFile(directory: string): string {
  const name = readdirSync(directory).find((each) => /^grants-.*\.db$/.test(each));
  assert.ok(name);
  return join(directory, name);
}

const put = (n: number, rev = 1) => ({ kind: 'put', grant: grantOf(n, rev) }) as const;

test('grants and their cursors are there after a restart', async () => {
  using folder = temporaryFolder();
  const first = await onFiles(folder.path);
  await first.grants.write({
    source: 'cloud',
    changes: [put(1), put(2)],
    version: { from: undefined, to: 3 },
    cursors: [{ name: 'c', value: 'x' }],
  });
  await first.close();
  const { grants, lost, behind, moved, close } = await onFiles(folder.path);
  assert.deepEqual([lost, behind, moved], [undefined, [], []]);
  assert.deepEqual(grants.grant(grantId(1))?.grant, grantOf(1));
  assert.equal(grants.version('cloud'), 3);
  assert.equal(grants.cursor('cloud', 'c'), 'x');
  await close();
});

test('whatever column damage takes the name of: the file is put aside, and it starts empty', async () => {
  using pattern = temporaryFolder();
  await (await onFiles(pattern.path)).close();
  const whole = new Sqlite(liveFile(pattern.path), { readonly: true });
  assert.equal(columnsOf(whole), GRANTS_COLUMNS, 'as the migrations leave them');
  const columns = whole
    .prepare<[], { table: string; column: string }>(
      `SELECT m.name AS "table", c.name AS "column" FROM sqlite_schema m, pragma_table_info(m.name) c
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`,
    )
    .all();
  whole.close();
  assert.ok(columns.length > 20, String(columns.length));
  for (const { table, column } of columns) {
    using folder = temporaryFolder();
    cpSync(pattern.path, folder.path, { recursive: true });
    const db = new Sqlite(liveFile(folder.path));
    db.exec(`ALTER TABLE "${table}" RENAME COLUMN "${column}" TO "${column}_"`);
    db.close();
    const { grants, lost, close } = await onFiles(folder.path);
    assert.ok(lost?.quarantine, `${table}.${column}`);
    await grants.write({
      source: 'cloud',
      changes: [put(1), { kind: 'revoke', grant: grantId(2), rev: 4, at: NOON }],
      version: { from: undefined, to: 3 },
    });
    await close();
  }
});

test('a lost or damaged file starts empty, refusing, and has forgotten how far it had read', async () => {
  for (const harm of [
    (path: string) => rmSync(path),
    (path: string) => writeFileSync(path, Buffer.alloc(30_000, 3)),
    (path: string) => writeFileSync(path, readFileSync(path).fill(0xff, 4096, 4200)),
  ]) {
    using folder = temporaryFolder();
    const first = await onFiles(folder.path);
    await first.grants.write({
      source: 'cloud',
      changes: [put(1), { kind: 'revoke', grant: grantId(2), rev: 4, at: NOON }],
      version: { from: undefined, to: 3 },
      cursors: [{ name: 'c', value: 'x' }],
    });
    await first.journal.append({
      stamp: stampAt(NOON),
      entries: [],
      rows: [{ table: 'tombstone', grant: grantId(2), rev: 4, at: NOON }],
    }).committed;
    await first.close();
    harm(liveFile(folder.path));
    const { grants, lost, close } = await onFiles(folder.path);
    assert.ok(lost);
    assert.deepEqual(grants.byCredential(codeOf(1)), []);
    assert.equal(grants.version('cloud'), 0);
    assert.equal(grants.cursor('cloud', 'c'), undefined);
    // The journal's tombstones are in force before anything arrives.
    const result = await grants.write({ source: 'cloud', changes: [put(2, 4), put(2, 5)] });
    assert.deepEqual(result, { kind: 'written', outcomes: ['stale', 'stored'] });
    await close();
  }
});

test('P6: revisions as large as they may be, and many: the journal knows of one more, and the next start too', async () => {
  using folder = temporaryFolder();
  const first = await onFiles(folder.path);
  const rev = Number.MAX_SAFE_INTEGER;
  const all = Array.from({ length: 1100 }, (_, n) => grantId(n + 1));
  const older = (at: number) => (at === 7 ? rev - 1 : rev);
  await first.grants.write({
    source: 'cloud',
    changes: all.map((grant, at) => ({ kind: 'revoke', grant, rev: older(at), at: NOON })),
  });
  await first.journal.append({
    stamp: stampAt(NOON),
    entries: [],
    rows: all.map((grant) => ({ table: 'tombstone', grant, rev, at: NOON })),
  }).committed;
  await first.close();

  const { grants, close } = await onFiles(folder.path);
  const result = await grants.write({ source: 'cloud', changes: [put(8, rev)] });
  assert.deepEqual(result, { kind: 'written', outcomes: ['stale'] });
  await close();
});

test('P6: a revocation that the daemon ended before recording is recorded at the next start, and outlives an older file', async () => {
  using folder = temporaryFolder();
  const first = await onFiles(folder.path);
  await first.grants.write({ source: 'cloud', changes: [put(1), put(2)] });
  await first.close();
  const old = readFileSync(liveFile(folder.path));
  const second = await onFiles(folder.path);
  const revoke = { kind: 'revoke', grant: grantId(2), rev: 1, at: NOON } as const;
  await second.grants.write({ source: 'cloud', changes: [revoke] });
  await second.close();

  const third = await onFiles(folder.path);
  const facts = { ...third, recovered: undefined, dirty: true, versions: {} };
  const entries = startEntries(facts);
  assert.deepEqual(
    entries.map(({ type, sub, body }) => [type, sub, body['grant'], body['rev'], body['source']]),
    [
      ['system.started', undefined, undefined, undefined, undefined],
      ['grant.revoked', holderId(2), grantId(2), 1, 'cloud'],
    ],
  );
  const rows = startRows(facts);
  await third.journal.append({ stamp: stampAt(NOON), entries, rows }).committed;
  await third.close();

  writeFileSync(liveFile(folder.path), old);
  const fourth = await onFiles(folder.path);
  assert.equal(fourth.grants.grant(grantId(1))?.revoked, undefined);
  assert.equal(fourth.grants.grant(grantId(2))?.revoked?.rev, 1);
  assert.deepEqual(fourth.unrecorded, []);
  await fourth.close();
});

test('P5: what another source put under an id while a snapshot with that id was brought in stays, at whatever moment it came', async () => {
  const outcomes: string[] = [];
  for (let turns = 0; turns < 40; turns += 1) {
    const { journal, grants } = await open(':memory:', false);
    const local = { ...grantOf(1), source: { vendor: 'local', ref: '', version: '' } } as const;
    const builder = await grants.snapshot('cloud', 's1');
    await builder.part(1, [grantOf(1), grantOf(2)]);
    const expected = { parts: 1, version: 1, digest: digestOf([grantOf(1), grantOf(2)]) };
    const applied = builder.commit(expected);
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    const written = await grants.write({
      source: 'local',
      changes: [{ kind: 'put', grant: local }],
    });
    assert.equal((await applied).kind, 'applied');
    const outcome = written.kind === 'written' ? (written.outcomes[0] ?? '') : '';
    outcomes.push(outcome);
    const isLocal = outcome === 'stored';
    const owner = isLocal ? 'local' : 'cloud';
    assert.equal(grants.grant(grantId(1))?.grant.source.vendor, owner, `${outcome} after ${turns}`);
    assert.deepEqual(
      grants.byCredential(codeOf(1)).map(({ grant }) => grant.source.vendor),
      [owner],
    );
    assert.deepEqual([grants.count('cloud'), grants.count('local')], isLocal ? [1, 1] : [2, 0]);
    assert.equal(
      grants.digest('cloud'),
      digestOf(isLocal ? [grantOf(2)] : [grantOf(1), grantOf(2)]),
    );
    assert.equal(grants.digest('local'), digestOf(isLocal ? [local] : []));
    await grants[Symbol.asyncDispose]();
    await journal[Symbol.asyncDispose]();
  }
  assert.deepEqual([...new Set(outcomes)], ['stored', 'stale']);
});

test('a large file is checked beside the first decisions, and damage makes the next start look before it trusts', async () => {
  using folder = temporaryFolder();
  const first = await onFiles(folder.path);
  const all = Array.from({ length: 4000 }, (_, n) => put(n + 1));
  await first.grants.write({ source: 'cloud', changes: all });
  assert.deepEqual(await first.check(), []);
  await first.close();
  const path = liveFile(folder.path);
  assert.ok(statSync(path).size > 1024 * 1024);
  writeFileSync(path, readFileSync(path).fill(0xff, 400_000 - (400_000 % 4096), 400_000));
  const unaware = await onFiles(folder.path);
  assert.equal(unaware.lost, undefined);
  assert.notDeepEqual(await unaware.check(), []);
  await unaware.close();
  const aware = await onFiles(folder.path);
  assert.ok(aware.lost);
  assert.equal(aware.grants.count('cloud'), 0);
  await aware.close();
  const after = await onFiles(folder.path);
  assert.equal(after.lost, undefined);
  await after.close();
});

test('a large file is looked at first after a stop that was not a clean one', async () => {
  using folder = temporaryFolder();
  using copy = temporaryFolder();
  const first = await onFiles(folder.path);
  const all = Array.from({ length: 4000 }, (_, n) => put(n + 1));
  await first.grants.write({ source: 'cloud', changes: all });
  await first.grants.write({ source: 'cloud', changes: [put(4001)] });
  // As the power leaves it: the log is still there.
  cpSync(folder.path, copy.path, { recursive: true });
  await first.close();
  const path = liveFile(copy.path);
  assert.ok(statSync(`${path}-wal`).size > 0);
  const page = Math.floor(statSync(path).size / 2 / 4096) * 4096;
  writeFileSync(path, readFileSync(path).fill(0xff, page, page + 4096));
  rmSync(`${path}-wal`);
  writeFileSync(`${path}-wal`, 'cut short');
  const second = await onFiles(copy.path);
  assert.ok(second.lost);
  await second.close();
});

test('an older copy of the file does not bring back what was taken away since (T11)', async () => {
  using folder = temporaryFolder();
  const open = async () => {
    const journal = await openJournal({ directory: folder.path, clock, random, worker: false });
    const marks = journal.highWater;
    const opened = await openGrantStore({
      ...settings(folder.path, journal.journal, false),
      marks,
    });
    const close = async () => {
      await opened.grants[Symbol.asyncDispose]();
      await journal.journal[Symbol.asyncDispose]();
    };
    return { ...opened, close };
  };
  const first = await open();
  const local = { ...grantOf(5), source: { vendor: 'local', ref: '', version: '' } } as const;
  await first.grants.write({
    source: 'cloud',
    changes: [put(1)],
    version: { from: undefined, to: 1 },
  });
  await first.grants.write({ source: 'local', changes: [{ kind: 'put', grant: local }] });
  await first.close();
  const old = readFileSync(liveFile(folder.path));
  const second = await open();
  await second.grants.write({
    source: 'cloud',
    changes: [put(2)],
    version: { from: 1, to: 2 },
  });
  await second.close();
  writeFileSync(liveFile(folder.path), old);
  const third = await open();
  assert.deepEqual(third.behind, [{ source: 'cloud', have: 1, mark: 2 }]);
  assert.deepEqual(third.grants.byCredential(codeOf(1)), []);
  assert.equal(third.grants.version('cloud'), 0);
  assert.equal(third.grants.count('cloud'), 0);
  assert.deepEqual(third.grants.grant(grantId(5))?.grant, local);
  await third.close();
});

test('new zone rules move the windows that follow from them, once, and tell which', async () => {
  using folder = temporaryFolder();
  const first = await onFiles(folder.path);
  const wall = {
    ...grantOf(1),
    window: {
      kind: 'wall',
      start: '2027-03-01T10:00',
      end: '2027-03-01T12:00',
      zone: 'Europe/Riga',
    },
  } as const;
  const floating = {
    ...grantOf(2),
    window: { kind: 'floating', start: '2027-03-28T02:10', end: '2027-03-28T02:50' },
  } as const;
  const hours = { days: [1], from: '10:00', to: '12:00' } as const;
  const weekly = { ...grantOf(4), schedule: { zone: 'site', weekly: [hours] } } as const;
  const over = { ...weekly, ...grantOf(5), window: { kind: 'instants', end: instant(0) } } as const;
  await first.grants.write({
    source: 'cloud',
    changes: [
      ...[wall, floating, weekly, over].map((grant) => ({ kind: 'put', grant }) as const),
      put(3),
    ],
  });
  const before = first.grants.grant(grantId(1))?.window;
  const gap = first.grants.grant(grantId(2))?.window;
  assert.equal(gap?.start, 0, 'a window that lies in the missing hour never holds');
  await first.close();
  const shifted: GrantStoreOptions['resolve'] = (window, zone) => {
    const found = resolveWindow(window, zone);
    if (typeof found === 'string' || window.kind !== 'wall' || found.start === undefined)
      return found;
    return { ...found, start: instant(found.start + 3_600_000) };
  };
  const second = await onFiles(folder.path, { tzdata: '2027a', resolve: shifted });
  assert.deepEqual(
    second.moved.map(({ grant, before: was, fault }) => [grant, was, fault]),
    [[grantId(1), before, undefined]],
  );
  assert.equal(second.grants.grant(grantId(1))?.window.start, (before?.start ?? 0) + 3_600_000);
  assert.equal(second.grants.grant(grantId(1))?.window.end, before?.end);
  await second.close();
  const third = await onFiles(folder.path, { tzdata: '2027a', resolve: shifted });
  assert.deepEqual(third.moved, []);
  await third.close();
  // Another zone of the site moves the floating ones, once somebody says that it is meant.
  const other = { tzdata: '2027a', resolve: shifted, zone: 'UTC' };
  for (const zoneBefore of [undefined, 'Europe/Paris']) {
    await assert.rejects(
      onFiles(folder.path, { ...other, zoneBefore }),
      (problem) =>
        problem instanceof ConfigError &&
        problem.message.includes(
          `was Europe/Stockholm: that moves 2 grants that go by its clock: ${grantId(2)}, ${grantId(4)}`,
        ) &&
        problem.message.includes('zoneBefore: Europe/Stockholm'),
    );
  }
  const fourth = await onFiles(folder.path, { ...other, zoneBefore: 'Europe/Stockholm' });
  assert.deepEqual(
    fourth.moved.map(({ grant }) => grant),
    [grantId(2)],
  );
  await fourth.close();
});

test('a grant that a key is out under stays known for the return when a snapshot leaves it out', async () => {
  using folder = temporaryFolder();
  const { grants, close } = await onFiles(folder.path, { held: () => [grantId(1), grantId(77)] });
  await grants.write({ source: 'cloud', changes: [put(1), put(2)] });
  const apply = async (version: number, picture: Grant[]) => {
    const snapshot = await grants.snapshot('cloud', `s${version}`);
    await snapshot.part(1, picture);
    return snapshot.commit({ parts: 1, version, digest: digestOf(picture) });
  };
  await apply(1, [grantOf(3)]);
  assert.equal(grants.byCredential(codeOf(1))[0]?.revoked?.rev, 1);
  assert.deepEqual(grants.byCredential(codeOf(2)), []);
  assert.equal(grants.digest('cloud'), digestOf([grantOf(3)]));
  assert.equal(grants.count('cloud'), 1);
  assert.equal(grants.list({ limit: 10 }).length, 1);
  await apply(2, [grantOf(3)]);
  assert.equal(grants.byCredential(codeOf(1))[0]?.revoked?.rev, 1);
  // It was never revoked, so the same revision makes it live again.
  await grants.write({ source: 'cloud', changes: [put(1)] });
  assert.equal(grants.byCredential(codeOf(1))[0]?.revoked, undefined);
  assert.equal(grants.digest('cloud'), digestOf([grantOf(1), grantOf(3)]));
  await close();
});

test('a swap that the journal cannot name leaves the live file as it was', async () => {
  using folder = temporaryFolder();
  const { grants, journal, close } = await onFiles(folder.path);
  await grants.write({ source: 'cloud', changes: [put(1)] });
  const live = liveFile(folder.path);
  const snapshot = await grants.snapshot('cloud', 's');
  await snapshot.part(1, [grantOf(2)]);
  journal.failWrites('full', 2);
  const committed = snapshot.commit({ parts: 1, version: 1, digest: digestOf([grantOf(2)]) });
  await assert.rejects(
    committed,
    (error) => error instanceof StorageError && error.code === 'full',
  );
  assert.equal(grants.byCredential(codeOf(1)).length, 1);
  assert.equal(liveFile(folder.path), live);
  await grants.write({ source: 'cloud', changes: [put(4)] });
  assert.equal(grants.count(), 2);
  await close();
});

test('snapshots of two sources at a time do not undo each other', async () => {
  using folder = temporaryFolder();
  const { journal } = await openJournal({ directory: folder.path, clock, random });
  const { grants } = await openGrantStore(settings(folder.path, journal, true));
  const seam = [60, 61].map(
    (n) => ({ ...grantOf(n), source: { vendor: 'seam', ref: '', version: '' } }) as const,
  );
  const cloud = [1, 2, 3].map((n) => grantOf(n));
  await grants.write({ source: 'cloud', changes: [put(9)] });
  const one = await grants.snapshot('cloud', 'a');
  const two = await grants.snapshot('seam', 'b');
  await Promise.all([one.part(1, cloud), two.part(1, seam)]);
  const results = await Promise.all([
    one.commit({ parts: 1, version: 1, digest: digestOf(cloud) }),
    two.commit({ parts: 1, version: 1, digest: digestOf(seam) }),
    grants.write({ source: 'cloud', changes: [put(10)] }),
  ]);
  assert.deepEqual(
    results.map(({ kind }) => kind),
    ['applied', 'applied', 'written'],
  );
  assert.equal(grants.digest('cloud'), digestOf([...cloud, grantOf(10)]));
  assert.equal(grants.digest('seam'), digestOf(seam));
  assert.equal(readdirSync(folder.path).filter((name) => /^grants-.*\.db$/.test(name)).length, 1);
  await grants[Symbol.asyncDispose]();
  await journal[Symbol.asyncDispose]();
});

test('a half-built file is removed at the next start', async () => {
  using folder = temporaryFolder();
  const first = await onFiles(folder.path);
  await first.close();
  const live = liveFile(folder.path);
  writeFileSync(join(folder.path, 'grants-0123456789ab.db'), 'half');
  writeFileSync(join(folder.path, 'grants-0123456789ab.db-journal'), 'half');
  const second = await onFiles(folder.path);
  assert.equal(liveFile(folder.path), live);
  assert.ok(!readdirSync(folder.path).some((name) => name.startsWith('grants-0123')));
  await second.close();
});

test('a hot lookup walks trees and sorts nothing', async () => {
  using folder = temporaryFolder();
  const { grants, close } = await onFiles(folder.path);
  await grants.write({ source: 'cloud', changes: [put(1)] });
  const db = new Sqlite(liveFile(folder.path), { readonly: true });
  const plan = db
    .prepare<[number, number, number], { detail: string }>(`EXPLAIN QUERY PLAN ${BY_CREDENTIAL}`)
    .all(0, 0, 0)
    .map(({ detail }) => detail);
  assert.equal(plan.length, 2);
  assert.ok(
    plan.every((line) => line.startsWith('SEARCH')),
    plan.join('\n'),
  );
  assert.equal(
    db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").get(),
    undefined,
  );
  db.close();
  await close();
});

test('many grants in one snapshot, found one by one, then changed by a delta', async () => {
  using folder = temporaryFolder();
  const { grants, close } = await onFiles(folder.path);
  const count = process.env['LATCHKEY_LONG'] === '1' ? 1_000_000 : 20_000;
  const all = Array.from({ length: count }, (_, n) => grantOf(n));
  const snapshot = await grants.snapshot('cloud', 'big');
  for (let part = 0; part < 10; part++) {
    await snapshot.part(part + 1, all.slice((part * count) / 10, ((part + 1) * count) / 10));
  }
  const digest = digestOf(all);
  assert.deepEqual(await snapshot.commit({ parts: 10, version: 1, digest }), {
    kind: 'applied',
    grants: count,
  });
  assert.equal(grants.count('cloud'), count);
  assert.equal(grants.digest('cloud'), digest);
  for (let n = 0; n < count; n += 997) {
    assert.equal(grants.byCredential(codeOf(n))[0]?.grant.id, grantId(n));
  }
  const changed = all.map((grant, n) => (n % 100 === 0 ? grantOf(n, 2) : grant));
  await grants.write({
    source: 'cloud',
    changes: changed
      .filter(({ rev }) => rev === 2)
      .map((grant) => ({ kind: 'put', grant }) as const),
    version: { from: 1, to: 2 },
  });
  assert.equal(grants.digest('cloud'), digestOf(changed));
  await close();
});

test('backups of both files are made, and only the newest three kept', async () => {
  using folder = temporaryFolder();
  const { journal, backup } = await openJournal({ directory: folder.path, clock, random });
  const opened = await openGrantStore(settings(folder.path, journal, true));
  await opened.grants.write({ source: 'cloud', changes: [put(1)] });
  for (let n = 0; n < 4; n++) {
    clock.advance(1000);
    const made = await makeBackups(
      folder.path,
      { journal: { backup }, grants: opened },
      clock.now(),
    );
    if (made.kind === 'disk-too-full') break;
    assert.equal(made.files.length, 2);
  }
  const names = readdirSync(join(folder.path, 'backups'));
  assert.ok(names.length === 6 || names.length === 0, names.join(' '));
  await opened.grants[Symbol.asyncDispose]();
  await journal[Symbol.asyncDispose]();
});

test('a spare unit restored from both backups has what was made here, and every revocation of that time', async () => {
  using folder = temporaryFolder();
  using spare = temporaryFolder();
  const { journal, backup } = await openJournal({ directory: folder.path, clock, random });
  const opened = await openGrantStore(settings(folder.path, journal, true));
  await opened.grants.write({
    source: 'cloud',
    changes: [put(1), put(2), { kind: 'revoke', grant: grantId(2), rev: 1, at: NOON }],
  });
  await journal.append({
    stamp: stampAt(NOON),
    entries: [],
    rows: [{ table: 'tombstone', grant: grantId(2), rev: 1, at: NOON }],
  }).committed;
  const [grantsCopy, journalCopy] = [join(folder.path, 'g.db'), join(folder.path, 'j.db')];
  await opened.backup(grantsCopy);
  await backup(journalCopy);
  await opened.grants[Symbol.asyncDispose]();
  await journal[Symbol.asyncDispose]();
  await restoreJournal(spare.path, journalCopy, clock, grantsCopy);
  const other = await openJournal({ directory: spare.path, clock, random });
  assert.equal(other.recovered?.kind, 'restored');
  assert.notEqual(other.journal.epoch, journal.epoch);
  const restored = await openGrantStore(settings(spare.path, other.journal, true));
  assert.equal(restored.lost, undefined);
  assert.deepEqual(restored.grants.grant(grantId(1))?.grant, grantOf(1));
  assert.equal(restored.grants.grant(grantId(2))?.revoked?.rev, 1);
  await restored.grants[Symbol.asyncDispose]();
  await other.journal[Symbol.asyncDispose]();
});
