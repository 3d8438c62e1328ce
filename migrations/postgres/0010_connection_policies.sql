-- What each role may see of a connection: one document for all roles.
CREATE TABLE connection_policies (
    connection_id TEXT PRIMARY KEY REFERENCES connections (id),
    business_id TEXT NOT NULL REFERENCES businesses (id),
    body TEXT NOT NULL,
    saved_ms BIGINT NOT NULL
);
