-- A grant's first code lies in its row, where trees are built from it, and not in its document a second time. A
-- revocation marks the row that it stands above, so that no decision looks for it in another tree.
DROP INDEX grants_starts;
DROP INDEX grants_ends;
ALTER TABLE grants ADD COLUMN code BLOB;          -- 16 bytes, of the first credential, for which the document says 0
ALTER TABLE grants ADD COLUMN revoked INTEGER;    -- revision of the tombstone; NULL: there is none at or above the row's
ALTER TABLE grants ADD COLUMN revoked_at INTEGER; -- ms
UPDATE grants SET code = unhex(doc ->> '$[2][0][2]'), doc = json_set(doc, '$[2][0][2]', 0)
  WHERE json_array_length(doc, '$[2]') > 0;
UPDATE grants SET revoked = t.rev, revoked_at = t.at
  FROM tombstone t WHERE t.id = grants.id AND t.rev >= grants.rev;
