-- The index of open turns fitted every statement over open turns. PostgreSQL takes an index that was small when it
-- planned for small for ever, and read all of it where 100,000 turns waited. This one fits only statements that name its
-- condition. Sweepers of the release before read without an index until they are replaced.
CREATE INDEX turns_by_deadline ON turns (deadline_ms) WHERE ended_ms IS NULL AND deadline_ms > 0;
DROP INDEX turns_open;
