-- Only added to.
CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    turn_id TEXT NOT NULL,
    hop TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    connection_id TEXT NOT NULL,
    statement TEXT NOT NULL,
    tables TEXT NOT NULL,
    verdict TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);

CREATE INDEX audit_of_turn ON audit (business_id, turn_id, at_ms, id);

CREATE TABLE llm_calls (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL,
    turn_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    total_tokens BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    at_ms BIGINT NOT NULL
);

CREATE INDEX llm_calls_of_business ON llm_calls (business_id, at_ms);

CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never changed');
END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never changed');
END;

-- REPLACE deletes without the trigger above.
CREATE TRIGGER audit_is_never_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never changed');
END;
