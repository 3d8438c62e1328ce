-- Databases that a business asks questions of, and what discovery found in them.
CREATE TABLE connections (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL REFERENCES businesses (id),
    name TEXT NOT NULL,
    dialect TEXT NOT NULL,
    sealed_url TEXT NOT NULL,
    status TEXT NOT NULL,
    status_message TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (business_id, name)
);

CREATE TABLE schemas (
    connection_id TEXT PRIMARY KEY REFERENCES connections (id),
    business_id TEXT NOT NULL REFERENCES businesses (id),
    body TEXT NOT NULL,
    saved_ms BIGINT NOT NULL
);
