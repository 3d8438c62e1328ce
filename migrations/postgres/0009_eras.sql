-- One more with each connection that claims, so that a fence is never given twice: the server may forget claims of its
-- last moments when it crashes, and every connection made after that begins a new era.
CREATE TABLE eras (
    is_only BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (is_only),
    n BIGINT NOT NULL
);

INSERT INTO eras (n) VALUES (0);
