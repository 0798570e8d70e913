/**
 * Cheap to compare: the copy of the tombstones in `grants.db` is made again only where its sum is another than the
 * journal's. Told as text, and revisions by their halves: some sources count them in microseconds, and a few thousand
 * of those are more than SQLite sums up, and fewer are more than a number in JavaScript tells apart.
 */
export const TOMBSTONE_SUM = `SELECT count(*) || ' ' || coalesce(sum(rev >> 32), 0) || ' ' ||
  coalesce(sum(rev & 4294967295), 0) FROM tombstone`;
