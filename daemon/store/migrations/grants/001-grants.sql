-- What we are told. Can be fetched again, so a damaged file is thrown away with its cursors.
CREATE TABLE source (
  name TEXT PRIMARY KEY, version INTEGER NOT NULL DEFAULT 0, count INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE cursor (
  source TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (source, name)
) STRICT, WITHOUT ROWID;
-- XOR of SHA-256(id NUL rev) over the live grants whose SHA-256(id) begins with the bucket's byte.
CREATE TABLE digest (
  source TEXT NOT NULL, bucket INTEGER NOT NULL, sum BLOB NOT NULL, PRIMARY KEY (source, bucket)
) STRICT, WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
  num    INTEGER PRIMARY KEY,
  bucket INTEGER NOT NULL,           -- first byte of SHA-256(id)
  id     TEXT NOT NULL,
  source TEXT NOT NULL,
  rev    INTEGER NOT NULL,
  holder TEXT NOT NULL,
  starts INTEGER,                    -- ms, resolved; NULL is open
  ends   INTEGER,
  local  INTEGER NOT NULL,           -- 1: resolved with zone rules, to be done again when they change
  gone   INTEGER,                    -- ms; left out of a snapshot while a key was out under it: only a return
  doc    TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX grants_id ON grants (bucket, id);
CREATE INDEX grants_holder ON grants (holder);
CREATE INDEX grants_starts ON grants (starts) WHERE starts IS NOT NULL;
CREATE INDEX grants_ends ON grants (ends) WHERE ends IS NOT NULL;

-- The tree that decisions read: 16 bytes of keyed hash.
CREATE TABLE credential (
  code BLOB NOT NULL, num INTEGER NOT NULL, PRIMARY KEY (code, num)
) STRICT, WITHOUT ROWID;
-- Slots named by grants, so that they are not offered for returns.
CREATE TABLE slot (
  box TEXT NOT NULL, slot INTEGER NOT NULL, num INTEGER NOT NULL, PRIMARY KEY (box, slot, num)
) STRICT, WITHOUT ROWID;
-- The copy of the journal's tombstones.
CREATE TABLE tombstone (
  id TEXT PRIMARY KEY, rev INTEGER NOT NULL, at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE key (
  id TEXT PRIMARY KEY, rev INTEGER NOT NULL, source TEXT NOT NULL, fob BLOB,
  doc TEXT                           -- NULL: removed; the revision stays, so that an older put does not bring it back
) STRICT, WITHOUT ROWID;
CREATE INDEX key_fob ON key (fob) WHERE fob IS NOT NULL;
