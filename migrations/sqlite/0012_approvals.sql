-- The URL for approved changes, sealed. Without one there are no changes.
ALTER TABLE connections ADD COLUMN sealed_write_url TEXT;

-- Changes of data that a person must approve. `executed_turn` does what was decided; `running` is stored before it begins.
CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    turn_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    question TEXT NOT NULL,
    statement TEXT NOT NULL,
    sql TEXT NOT NULL,
    preview_sql TEXT NOT NULL,
    kind TEXT NOT NULL,
    table_name TEXT NOT NULL,
    affected BIGINT NOT NULL,
    preview TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    decided_by TEXT,
    decided_ms BIGINT,
    executed_turn TEXT,
    changed BIGINT,
    error_code TEXT,
    error_message TEXT,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX approvals_by_business ON approvals (business_id, created_ms);
CREATE INDEX approvals_pending ON approvals (expires_ms) WHERE state = 'pending';
