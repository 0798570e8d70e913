-- What happened. Entries are only ever appended; retention empties bodies and leaves the chain.
CREATE TABLE entry (
  seq      INTEGER PRIMARY KEY,
  id       TEXT NOT NULL,
  at       INTEGER NOT NULL,            -- wall clock, ms
  uptime   INTEGER NOT NULL,            -- ms of this boot
  boot     TEXT NOT NULL,
  lo       INTEGER NOT NULL,
  hi       INTEGER,                     -- NULL: no upper bound
  state    TEXT NOT NULL,
  type     TEXT NOT NULL,
  device   TEXT,
  sub      TEXT,
  body     TEXT,                        -- NULL: erased; digest and hash stay
  evidence TEXT,
  digest   BLOB NOT NULL,               -- SHA-256 of the content
  hash     BLOB NOT NULL                -- SHA-256(prev | seq | at | type | digest)
) STRICT;
CREATE INDEX entry_sub ON entry (sub) WHERE sub IS NOT NULL;

-- Entries of an earlier epoch, kept when a backup was restored and counting began anew.
CREATE TABLE past_entry (
  epoch TEXT NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, uptime INTEGER NOT NULL,
  boot TEXT NOT NULL, lo INTEGER NOT NULL, hi INTEGER, state TEXT NOT NULL, type TEXT NOT NULL, device TEXT,
  sub TEXT, body TEXT, evidence TEXT, digest BLOB NOT NULL, hash BLOB NOT NULL,
  PRIMARY KEY (epoch, seq)
) STRICT, WITHOUT ROWID;

-- One row. The tail shows a journal that was cut at its end.
CREATE TABLE journal (
  one          INTEGER PRIMARY KEY CHECK (one = 1),
  epoch        TEXT NOT NULL,
  tail_seq     INTEGER NOT NULL,
  tail_hash    BLOB NOT NULL,
  acknowledged INTEGER NOT NULL
) STRICT;

-- What the fold made of the entries, as JSON.
CREATE TABLE ledger (
  name TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (name, id)
) STRICT, WITHOUT ROWID;
-- The ledger with which this epoch began: empty, or that of the backup it was restored from.
CREATE TABLE ledger_base (
  name TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (name, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE command (
  id TEXT PRIMARY KEY, reply TEXT, expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX command_expires ON command (expires);

CREATE TABLE counter (
  kid TEXT PRIMARY KEY, highest TEXT NOT NULL, window TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tombstone (
  id TEXT PRIMARY KEY, rev INTEGER NOT NULL, at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mark (
  name TEXT PRIMARY KEY, value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
