-- Rows that a statement on this database may be expected to go through; the setting when null.
ALTER TABLE connections ADD COLUMN max_scanned_rows BIGINT;

-- Uploaded files and the databases made of them, in pieces of base64. A file is there when its row is.
CREATE TABLE files (
    id TEXT PRIMARY KEY,
    business_id TEXT NOT NULL REFERENCES businesses (id),
    connection_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX files_of_connection ON files (business_id, connection_id, kind);

CREATE TABLE file_pieces (
    file_id TEXT NOT NULL,
    business_id TEXT NOT NULL REFERENCES businesses (id),
    place BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (file_id, place)
);
