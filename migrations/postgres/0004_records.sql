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

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit rows are never changed' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
