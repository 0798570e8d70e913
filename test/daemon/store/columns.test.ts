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

for (const migrations of [GRANTS_MIGRATIONS, JOURNAL_MIGRATIONS]) {
  const what = migrations.replace(/.*\//, '');
  test(`${what}: a file of a migration that the quick answer does not know is whole`, () => {
    const db = openDatabase(':memory:');
    migrate(db, migrations);
    checkColumns(db, 'of another migration', migrations);
    db.exec('CREATE TABLE stranger (name TEXT)');
    assert.throws(() => checkColumns(db, 'of another migration', migrations), /under its name/);
    db.close();
  });
}
