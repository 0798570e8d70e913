import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../../daemon/access/entry.ts';
import { RecordBook } from '../../../daemon/vendors/record-book.ts';
import type { VendorRecord } from '../../../daemon/vendors/vendor-record.ts';

const record = (ref: string, state: VendorRecord['state'] = 'in-step'): VendorRecord => ({
  kind: 'access',
  ref,
  origin: 'vendor',
  state,
  since: 0,
});

/** A book, and what is stored of it. */
function bookWith(stored = new Map<string, Json>()) {
  const book = new RecordBook({ cursor: (_vendor, name) => stored.get(name) }, 'keycafe');
  return {
    book,
    stored,
    change(changes: ReadonlyMap<string, VendorRecord | undefined>) {
      for (const { name, value } of book.cursors(changes)) stored.set(name, value);
      book.apply(changes);
    },
  };
}

test('what one stood for and another has taken over is found as the other, also once the first is gone', () => {
  const { book, change } = bookWith();
  change(new Map([['one', record('17')]]));
  change(new Map([['other', record('17')]]));
  change(new Map([['one', record('17', 'gone')]]));
  change(new Map([['other', record('17')]]));
  change(new Map([['one', undefined]]));
  assert.equal(book.idOf('access', '17'), 'other');
});

test('ten thousand records, changed and taken away, are the same after a start', () => {
  const { book, stored, change } = bookWith();
  const ids = Array.from({ length: 10_000 }, (_, at) => `keycafe:access:${at}`);
  change(new Map(ids.map((id, at) => [id, record(String(at))])));
  for (const id of ids.slice(0, 300)) change(new Map([[id, undefined]]));
  for (const id of ids.slice(300, 600)) change(new Map([[id, record(`x${id}`, 'cannot')]]));
  const again = bookWith(stored).book;
  assert.deepEqual(new Map(again.all()), new Map(book.all()));
  assert.equal(again.size, 9700);
});
