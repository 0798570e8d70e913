-- The tree of codes is keyed by the first four bytes of each, as a number: half as large, and found in less time. What
-- it finds is compared with the row, where the whole code lies as numbers, too.
ALTER TABLE grants RENAME COLUMN code TO code_bytes;
ALTER TABLE grants ADD COLUMN code INTEGER;        -- bytes 0 to 3, signed
ALTER TABLE grants ADD COLUMN code_middle INTEGER; -- bytes 4 to 9
ALTER TABLE grants ADD COLUMN code_last INTEGER;   -- bytes 10 to 15
-- JSON5 reads hex, which a CAST does not.
UPDATE grants SET
  code = (('0x' || hex(substr(code_bytes, 1, 4)) ->> '$') + 2147483648) % 4294967296 - 2147483648,
  code_middle = '0x' || hex(substr(code_bytes, 5, 6)) ->> '$',
  code_last = '0x' || hex(substr(code_bytes, 11, 6)) ->> '$'
  WHERE code_bytes IS NOT NULL;
ALTER TABLE grants DROP COLUMN code_bytes;

ALTER TABLE credential RENAME TO credential_bytes;
CREATE TABLE credential (
  code INTEGER NOT NULL, num INTEGER NOT NULL, PRIMARY KEY (code, num)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO credential
  SELECT (('0x' || hex(substr(code, 1, 4)) ->> '$') + 2147483648) % 4294967296 - 2147483648, num
  FROM credential_bytes ORDER BY 1, 2;
DROP TABLE credential_bytes;
