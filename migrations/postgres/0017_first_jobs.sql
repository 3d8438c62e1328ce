-- The first job of a turn, as JSON: its kind, the job, and the number of the first event that it writes. With it a turn
-- whose first job the broker has lost is begun again.
ALTER TABLE turns ADD COLUMN first_job TEXT;
