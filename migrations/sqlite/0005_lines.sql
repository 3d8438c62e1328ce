-- Turns that wait for their business's share. A turn is in line while it has a place and has not ended.
--   place           its number in the line of its business and lane, from 1
--   beginning       its first job and first events, as JSON
--   taken_until_ms  it is on its way into the queue; past this time whoever took it has died
ALTER TABLE turns ADD COLUMN lane TEXT NOT NULL DEFAULT 'interactive';
ALTER TABLE turns ADD COLUMN place BIGINT;
ALTER TABLE turns ADD COLUMN beginning TEXT;
ALTER TABLE turns ADD COLUMN taken_until_ms BIGINT NOT NULL DEFAULT 0;

-- None of them holds a column that changes while a turn runs.
CREATE INDEX turns_in_flight ON turns (lane, business_id) WHERE ended_ms IS NULL AND place IS NULL;
CREATE INDEX turns_in_line ON turns (lane, business_id, place, id) WHERE ended_ms IS NULL AND place IS NOT NULL;
CREATE INDEX turns_stopped_in_line ON turns (id) WHERE ended_ms IS NULL AND place IS NOT NULL AND cancel_requested;
