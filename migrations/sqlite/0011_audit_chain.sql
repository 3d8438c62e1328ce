-- One hash chain per business. Rows from before it keep a NULL number.
ALTER TABLE audit ADD COLUMN seq BIGINT;
ALTER TABLE audit ADD COLUMN previous TEXT;
ALTER TABLE audit ADD COLUMN hash TEXT;
ALTER TABLE audit ADD COLUMN question TEXT;
ALTER TABLE audit ADD COLUMN phase TEXT;
ALTER TABLE audit ADD COLUMN intent_id TEXT;
ALTER TABLE audit ADD COLUMN row_count BIGINT;
ALTER TABLE audit ADD COLUMN duration_ms BIGINT;

CREATE UNIQUE INDEX audit_chain ON audit (business_id, seq);

-- The last row of each chain. `previous` is what `hash` was before; `told` counts how often the head was told.
CREATE TABLE audit_heads (
    business_id TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    told BIGINT NOT NULL DEFAULT 0
);

-- REPLACE deletes without the other triggers, also over the second unique index.
CREATE TRIGGER audit_link_is_never_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE business_id = NEW.business_id AND seq = NEW.seq)
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never changed');
END;

-- SQLite has no SHA-256: the program computes the link, and here is checked that it follows the last one.
CREATE TRIGGER audit_is_chained BEFORE INSERT ON audit
WHEN NOT EXISTS (SELECT 1 FROM audit WHERE id = NEW.id OR (business_id = NEW.business_id AND seq = NEW.seq))
    AND (NEW.hash IS NULL OR length(NEW.hash) <> 64
        OR NEW.seq IS NOT COALESCE((SELECT seq FROM audit_heads WHERE business_id = NEW.business_id), 0) + 1
        OR NEW.previous IS NOT COALESCE((SELECT hash FROM audit_heads WHERE business_id = NEW.business_id),
            '0000000000000000000000000000000000000000000000000000000000000000'))
BEGIN
    SELECT RAISE(ABORT, 'audit rows are added to the end of their chain: this program is older than the store');
END;

CREATE TRIGGER audit_head_follows AFTER INSERT ON audit
BEGIN
    INSERT INTO audit_heads (business_id, seq, previous, hash)
    VALUES (NEW.business_id, NEW.seq, NEW.previous, NEW.hash)
    ON CONFLICT (business_id) DO UPDATE SET seq = excluded.seq, previous = excluded.previous, hash = excluded.hash;
END;
