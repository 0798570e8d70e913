/** A file of grants that the first program wrote, opened by this one. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveWindow } from '../../../daemon/access/window.ts';
import { BACKUPS } from '../../../daemon/store/backups.ts';
import {
  type Database,
  GRANTS_MIGRATIONS,
  openDatabase,
  quickCheck,
  versionOf,
} from '../../../daemon/store/database.ts';
import { bucketOf, digestOf, GrantDigest, grantHash } from '../../../daemon/store/digest.ts';
import { livePointer, openGrantStore } from '../../../daemon/store/grants-open.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import {
  codeOf,
  grantId,
  holderId,
  NOON,
  SeededRandom,
  StillClock,
  stampAt,
  temporaryFolder,
} from './known.ts';

const NAME = 'grants-0123456789ab.db';

function runMigration(db: Database, version: number): void {
  const [name = ''] = readdirSync(GRANTS_MIGRATIONS).filter(
    (each) => Number(each.slice(0, 3)) === version,
  );
  db.exec(readFileSync(join(GRANTS_MIGRATIONS, name), 'utf8'));
  db.pragma(`user_version = ${version}`);
}

/** Documents as version 1 wrote them, with the codes in their tree. */
const ROWS = [
  {
    n: 1,
    rev: 1,
    doc: `[0,0,[["c","pin","${codeOf(1)}",6]],[["lock","door"]],["unlock"]]`,
    codes: [1],
  },
  {
    n: 2,
    rev: 2,
    doc: `["r","v",[["c","pin","${codeOf(2)}",{"digits":6,"sealed":"s"}],["f","fob","${codeOf(3)}"]],[["slot","box:4"]],["pickup"]]`,
    codes: [2, 3],
  },
  { n: 3, rev: 3, doc: '[0,0,[],[["lock","door"]],["unlock"]]', codes: [] },
  {
    n: 4,
    rev: 4,
    doc: `[0,0,[["c","pin","${codeOf(4)}",6]],[["lock","door"]],["unlock"]]`,
    codes: [4],
  },
] as const;

function writeFirstVersion(path: string): void {
  const db = openDatabase(path);
  runMigration(db, 1);
  const digest = new GrantDigest();
  for (const { n, rev, doc, codes } of ROWS) {
    const id = grantId(n);
    db.prepare(
      `INSERT INTO grants (num, bucket, id, source, rev, holder, starts, ends, local, gone, doc)
       VALUES (?, ?, ?, 'cloud', ?, ?, ?, NULL, 0, NULL, ?)`,
    ).run(n, bucketOf(id), id, rev, holderId(n), NOON, doc);
    for (const code of codes) {
      db.prepare('INSERT INTO credential VALUES (?, ?)').run(Buffer.from(codeOf(code), 'hex'), n);
    }
    if (n !== 4) digest.toggle(bucketOf(id), grantHash(id, rev));
  }
  db.prepare("INSERT INTO slot VALUES ('box', 4, 2)").run();
  db.prepare("INSERT INTO source VALUES ('cloud', 7, 3)").run();
  for (let bucket = 0; bucket < 256; bucket++) {
    db.prepare("INSERT INTO digest VALUES ('cloud', ?, ?)").run(bucket, digest.bucket(bucket));
  }
  // The one above the fourth kills it; the one below the first does not.
  const tombstone = db.prepare('INSERT INTO tombstone VALUES (?, ?, ?)');
  tombstone.run(grantId(4), 5, NOON + 1);
  tombstone.run(grantId(1), 0, NOON);
  db.close();
}

for (const version of [1, 2]) {
  test(`grants of version ${version} are found as before, and a copy of the old file is kept`, () =>
    upgraded(version));
}

async function upgraded(version: number): Promise<void> {
  using folder = temporaryFolder();
  const random = new SeededRandom(3);
  const clock = new StillClock();
  writeFirstVersion(join(folder.path, NAME));
  if (version === 2) {
    const db = openDatabase(join(folder.path, NAME));
    runMigration(db, 2);
    db.close();
  }
  const directory = folder.path;
  const { journal } = await openJournal({ directory, clock, random, worker: false });
  await using _journal = journal;
  const live = livePointer(journal, () => stampAt(NOON));
  await live.set(NAME);
  const rows = [
    { table: 'tombstone', grant: grantId(4), rev: 5, at: NOON },
    { table: 'tombstone', grant: grantId(1), rev: 0, at: NOON },
  ] as const;
  await journal.append({ stamp: stampAt(NOON), entries: [], rows }).committed;
  const settings = { directory, clock, random, live, zone: 'UTC', tzdata: 'x', worker: false };
  const opened = await openGrantStore({ ...settings, resolve: resolveWindow, tombstones: journal });
  await using grants = opened.grants;
  assert.equal(opened.lost, undefined);
  const found = (code: number) => grants.byCredential(codeOf(code));

  const [first] = found(1);
  assert.deepEqual(first?.credential, { id: 'c', kind: 'pin', index: codeOf(1), digits: 6 });
  assert.equal(first?.revoked, undefined);
  for (const code of [2, 3]) {
    assert.deepEqual(
      found(code).map(({ grant }) => grant.credentials),
      [
        [
          { id: 'c', kind: 'pin', index: codeOf(2), digits: 6, sealed: 's' },
          { id: 'f', kind: 'fob', index: codeOf(3) },
        ],
      ],
    );
    assert.equal(found(code)[0]?.credential.index, codeOf(code));
  }
  assert.deepEqual(grants.grant(grantId(3))?.grant.credentials, []);
  assert.deepEqual(
    found(4).map(({ revoked }) => revoked),
    [{ rev: 5, at: NOON + 1 }],
  );
  assert.deepEqual(
    grants
      .list({ limit: 9 })
      .map(({ grant }) => grant.id)
      .toSorted(),
    [1, 2, 3].map(grantId),
  );
  assert.equal(
    grants.digest('cloud'),
    digestOf([1, 2, 3].map((n) => ({ id: grantId(n), rev: n }))),
  );

  // What is written over it leaves nothing of the old one in the trees.
  const second = grants.grant(grantId(2))?.grant;
  assert.ok(second);
  const changed = { ...second, rev: 3, credentials: second.credentials.slice(1) };
  await grants.write({ source: 'cloud', changes: [{ kind: 'put', grant: changed }] });
  assert.deepEqual([found(2), found(3).map(({ grant }) => grant)], [[], [changed]]);

  const copies = readdirSync(join(directory, BACKUPS)).filter((name) =>
    name.includes(`before-v${version + 1}`),
  );
  const [copy = ''] = copies;
  const old = openDatabase(join(directory, BACKUPS, copy), { readonly: true });
  assert.deepEqual([copies.length, versionOf(old), quickCheck(old, true)], [1, version, []]);
  old.close();
}
