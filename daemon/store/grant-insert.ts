/** How a grant that is not there yet goes into a file: its row, and where it is found. */
import { codeKeys } from './code-numbers.ts';
import type { Database } from './database.ts';
import { firstCode, type GrantRow } from './grant-rows.ts';

export const INSERT_COLUMNS =
  'bucket, id, source, rev, holder, starts, ends, local, doc, code, code_middle, code_last';

/** Inside a transaction of the caller's; `bucket` is the id's. */
export function grantInsert(db: Database): (bucket: number, row: GrantRow) => void {
  const insert = db.prepare<unknown[], unknown>(
    `INSERT INTO grants (${INSERT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const found = treeInsert(db);
  return (bucket, row) => {
    const { id, source, rev, holder, starts, ends, local, doc } = row;
    const [key, middle, last] = firstCode(row);
    const { lastInsertRowid } = insert.run(
      bucket,
      id,
      source,
      rev,
      holder,
      starts,
      ends,
      local,
      doc,
      key,
      middle,
      last,
    );
    found(row, Number(lastInsertRowid));
  };
}

/** The trees by which the grant of a number is found, besides those that SQLite keeps by itself. */
export function treeInsert(
  db: Database,
): (row: Pick<GrantRow, 'codes' | 'slots'>, num: number) => void {
  const codeInsert = db.prepare<[number, number], unknown>(
    'INSERT OR IGNORE INTO credential VALUES (?, ?)',
  );
  const slotInsert = db.prepare<[string, number, number], unknown>(
    'INSERT OR IGNORE INTO slot VALUES (?, ?, ?)',
  );
  return ({ codes, slots }, num) => {
    for (const key of codeKeys(codes)) codeInsert.run(key, num);
    for (const { box, slot } of slots) slotInsert.run(box, slot, num);
  };
}
