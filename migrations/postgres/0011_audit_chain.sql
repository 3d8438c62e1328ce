-- One hash chain per business. Rows from before it keep a NULL number.
ALTER TABLE audit
    ADD COLUMN seq BIGINT,
    ADD COLUMN previous TEXT,
    ADD COLUMN hash TEXT,
    ADD COLUMN question TEXT,
    ADD COLUMN phase TEXT,
    ADD COLUMN intent_id TEXT,
    ADD COLUMN row_count BIGINT,
    ADD COLUMN duration_ms BIGINT;

CREATE UNIQUE INDEX audit_chain ON audit (business_id, seq);

-- The last row of each chain. `previous` is what `hash` was before; `told` counts how often the head was told. The
-- page keeps room: the row changes with each statement.
CREATE TABLE audit_heads (
    business_id TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    told BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- A field in the text that is hashed: its length in octets before it, so that no two rows have the same text.
CREATE FUNCTION audit_field(field TEXT) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT COALESCE(octet_length(convert_to(field, 'UTF8'))::TEXT || ':' || field, '-')
$$;

-- The text is the one of domain::audit_chain. The head is the lock: who adds to a chain holds it until its commit.
CREATE FUNCTION audit_is_chained() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOOP
        UPDATE audit_heads AS h SET seq = h.seq + 1, previous = h.hash, hash = encode(sha256(convert_to(
            audit_field('askline-audit-1') || audit_field(NEW.business_id) || audit_field((h.seq + 1)::TEXT)
            || audit_field(h.hash) || audit_field(NEW.id) || audit_field(NEW.phase) || audit_field(NEW.intent_id)
            || audit_field(NEW.user_id) || audit_field(NEW.turn_id) || audit_field(NEW.hop)
            || audit_field(NEW.attempt::TEXT) || audit_field(NEW.connection_id) || audit_field(NEW.question)
            || audit_field(NEW.statement) || audit_field(NEW.tables) || audit_field(NEW.verdict)
            || audit_field(NEW.row_count::TEXT) || audit_field(NEW.duration_ms::TEXT) || audit_field(NEW.at_ms::TEXT),
            'UTF8')), 'hex')
        WHERE h.business_id = NEW.business_id
        RETURNING h.seq, h.previous, h.hash INTO NEW.seq, NEW.previous, NEW.hash;
        EXIT WHEN FOUND;
        INSERT INTO audit_heads (business_id, seq, previous, hash) VALUES (NEW.business_id, 0, '', repeat('0', 64))
            ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN NEW;
END
$$;

CREATE TRIGGER audit_is_chained BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_chained();
