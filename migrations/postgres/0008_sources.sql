-- Rows that a statement on this database may be expected to go through; the setting when null.
ALTER TABLE connections ADD COLUMN max_scanned_rows BIGINT;
