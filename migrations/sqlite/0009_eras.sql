-- One more with each start, so that a fence is never given twice: the file may have lost claims of its last moments
-- when the machine's power failed.
CREATE TABLE eras (
    is_only BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (is_only),
    n BIGINT NOT NULL
);

INSERT INTO eras (n) VALUES (0);
