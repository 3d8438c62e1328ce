-- Runs of the current hop whose number is used although no attempt is spent: run - spared are.
ALTER TABLE turns ADD COLUMN spared BIGINT NOT NULL DEFAULT 0;
