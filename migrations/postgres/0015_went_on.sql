-- Whoever stored the outcome went on with the next hop, whose job is in no queue. Whoever comes upon it publishes that,
-- and nobody looks for it (published is true).
ALTER TABLE hops ADD COLUMN went_on BOOLEAN NOT NULL DEFAULT FALSE;
