-- Jobs that were given up, moved here from the broker's dead queues.
--   business_id   NULL when the job cannot be read or names a turn that its business does not have: operators only
--   body_encoding 'text', or 'base64' for a body that is no text
--   state         open, replayed, dropped
--   replayed_as   the turn that goes on with it; noted before that turn is offered, so while it is open too
CREATE TABLE dead_jobs (
    id TEXT PRIMARY KEY,
    business_id TEXT,
    turn_id TEXT,
    hop TEXT NOT NULL,
    kind TEXT NOT NULL,
    lane TEXT NOT NULL,
    code TEXT NOT NULL,
    error TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    body_encoding TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open',
    replayed_as TEXT,
    decided_by TEXT,
    decided_ms BIGINT
);

CREATE INDEX dead_jobs_of_business ON dead_jobs (business_id, state, at_ms, id);
CREATE INDEX dead_jobs_by_time ON dead_jobs (state, at_ms, id);

-- The turn that a replay goes on with.
ALTER TABLE turns ADD COLUMN replay_of TEXT;

-- Who does what only one process needs to do. The term grows with each change of leader.
CREATE TABLE leaders (
    task TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    term BIGINT NOT NULL,
    until_ms BIGINT NOT NULL
);
