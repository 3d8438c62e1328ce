-- Who belongs where. Times are Unix milliseconds, JSON is text: one statement serves both dialects.
CREATE TABLE businesses (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE CHECK (email = lower(email)),
    password_hash TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE memberships (
    user_id TEXT NOT NULL REFERENCES users (id),
    business_id TEXT NOT NULL REFERENCES businesses (id),
    role TEXT NOT NULL CHECK (role IN ('viewer', 'member', 'manager', 'admin')),
    PRIMARY KEY (user_id, business_id)
);

CREATE INDEX memberships_of_business ON memberships (business_id);
