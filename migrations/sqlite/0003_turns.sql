-- A turn is also the ledger of its hops: who holds the current one, under which fence, and what may still be spent.
--   hop, run      the hop claimed last, and which run of it that was
--   hop_done      true when that hop has its outcome
--   lease_owner   NULL when nobody holds the turn; a lease that has run out stays until the next claim
--   seized        true while whoever writes the turn's end holds it: then no hop may be claimed
--   ended_ms      NULL while the turn is offered or accepted; set when it ended or was refused
CREATE TABLE turns (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    conversation_id TEXT,
    connection_id TEXT,
    question TEXT NOT NULL,
    idempotency_key TEXT,
    state TEXT NOT NULL,
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    fence BIGINT NOT NULL DEFAULT 0,
    hop TEXT NOT NULL DEFAULT '',
    run BIGINT NOT NULL DEFAULT 0,
    hop_done BOOLEAN NOT NULL DEFAULT FALSE,
    lease_owner TEXT,
    lease_until_ms BIGINT NOT NULL DEFAULT 0,
    seized BOOLEAN NOT NULL DEFAULT FALSE,
    llm_calls BIGINT NOT NULL DEFAULT 0,
    input_tokens BIGINT NOT NULL DEFAULT 0,
    output_tokens BIGINT NOT NULL DEFAULT 0,
    total_tokens BIGINT NOT NULL DEFAULT 0,
    next_seq BIGINT NOT NULL DEFAULT 0,
    answer TEXT,
    message_id TEXT,
    executed_sql TEXT,
    result_id TEXT,
    error_code TEXT,
    error_message TEXT,
    reason TEXT,
    created_ms BIGINT NOT NULL,
    deadline_ms BIGINT NOT NULL,
    ended_ms BIGINT
);

-- No index holds a column that changes while a turn runs, so that PostgreSQL updates rows in place (HOT).
CREATE UNIQUE INDEX turns_by_key ON turns (business_id, user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX turns_of_conversation ON turns (business_id, conversation_id, created_ms, id)
    WHERE conversation_id IS NOT NULL;
CREATE INDEX turns_of_user ON turns (business_id, user_id, conversation_id, created_ms)
    WHERE conversation_id IS NOT NULL;
CREATE INDEX turns_open ON turns (deadline_ms) WHERE ended_ms IS NULL;

-- What came of each hop: the outbox, too.
CREATE TABLE hops (
    hop TEXT PRIMARY KEY,
    turn_id TEXT NOT NULL,
    business_id TEXT NOT NULL,
    fence BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    stored_ms BIGINT NOT NULL,
    published BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE INDEX hops_unpublished ON hops (stored_ms, hop) WHERE NOT published;

CREATE TABLE results (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL,
    turn_id TEXT NOT NULL,
    body TEXT NOT NULL,
    stored_ms BIGINT NOT NULL
);
