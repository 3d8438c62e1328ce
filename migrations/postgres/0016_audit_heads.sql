-- The head of a chain is read once and written once for each statement, whatever the number of its rows: a row that is
-- written again and again within one transaction leaves a version each time, and PostgreSQL walks past them all.
--
-- While a statement adds rows, the head that it is at stands in a setting of the transaction: business, number, hash
-- before, hash. Rows of several businesses may come in any order; by business they are cheapest.

-- Locks the head of a chain until the end of the transaction, and makes it where there is none.
CREATE FUNCTION audit_take_head(business TEXT) RETURNS TEXT[] LANGUAGE plpgsql AS $$
DECLARE
    head audit_heads;
BEGIN
    LOOP
        SELECT * INTO head FROM audit_heads AS h WHERE h.business_id = business FOR UPDATE;
        IF FOUND THEN
            RETURN ARRAY[business, head.seq::TEXT, head.previous, head.hash];
        END IF;
        INSERT INTO audit_heads (business_id, seq, previous, hash) VALUES (business, 0, '', repeat('0', 64))
            ON CONFLICT DO NOTHING;
    END LOOP;
END
$$;

CREATE FUNCTION audit_keep_head(head TEXT[]) RETURNS void LANGUAGE sql AS $$
    UPDATE audit_heads AS h SET seq = head[2]::BIGINT, previous = head[3], hash = head[4]
    WHERE h.business_id = head[1]
$$;

-- The text that is hashed is the one of domain::audit_chain, as before.
CREATE OR REPLACE FUNCTION audit_is_chained() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head TEXT[] := NULLIF(current_setting('askline.audit_head', TRUE), '');
BEGIN
    IF head[1] IS DISTINCT FROM NEW.business_id THEN
        IF head IS NOT NULL THEN
            PERFORM audit_keep_head(head);
        END IF;
        head := audit_take_head(NEW.business_id);
    END IF;
    NEW.seq := head[2]::BIGINT + 1;
    NEW.previous := head[4];
    NEW.hash := encode(sha256(convert_to(
        audit_field('askline-audit-1') || audit_field(NEW.business_id) || audit_field(NEW.seq::TEXT)
        || audit_field(NEW.previous) || audit_field(NEW.id) || audit_field(NEW.phase) || audit_field(NEW.intent_id)
        || audit_field(NEW.user_id) || audit_field(NEW.turn_id) || audit_field(NEW.hop)
        || audit_field(NEW.attempt::TEXT) || audit_field(NEW.connection_id) || audit_field(NEW.question)
        || audit_field(NEW.statement) || audit_field(NEW.tables) || audit_field(NEW.verdict)
        || audit_field(NEW.row_count::TEXT) || audit_field(NEW.duration_ms::TEXT) || audit_field(NEW.at_ms::TEXT),
        'UTF8')), 'hex');
    head := ARRAY[NEW.business_id, NEW.seq::TEXT, NEW.previous, NEW.hash];
    PERFORM set_config('askline.audit_head', head::TEXT, TRUE);
    RETURN NEW;
END
$$;

CREATE FUNCTION audit_head_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head TEXT[] := NULLIF(current_setting('askline.audit_head', TRUE), '');
BEGIN
    IF head IS NOT NULL THEN
        PERFORM audit_keep_head(head);
        PERFORM set_config('askline.audit_head', '', TRUE);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER audit_head_is_kept AFTER INSERT ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_head_is_kept();
