/** A file is judged by what the migrations make, not by what somebody forgot to write down. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkColumns } from '../../../daemon/store/columns.ts';
import {
  GRANTS_MIGRATIONS,
  JOURNAL_MIGRATIONS,
  migrate,
  openDatabase,
} from '../../../daemon/store/database.ts';

for (const [table, migrations] of [
  ['grants', GRANTS_MIGRATIONS],
  ['entry', JOURNAL_MIGRATIONS],
] as const) {
  test(`${table}: a file of a migration that the quick answer does not know is whole, one that lacks a table is not`, () => {
    const db = openDatabase(':memory:');
    migrate(db, migrations);
    checkColumns(db, 'of another migration', migrations);
    db.exec('CREATE TABLE stranger (name TEXT)');
    checkColumns(db, 'of another migration', migrations);
    db.exec(`ALTER TABLE ${table} RENAME TO lost`);
    assert.throws(() => checkColumns(db, 'of another migration', migrations), {
      code: 'corrupt',
      message: new RegExp(`^${table}\\.\\w+ is not there$`),
    });
    db.close();
  });
}
