-- A box is told from every other one that the medium had, so that a call that comes again, or one that somebody kept,
-- brings no old one back. digest: SHA-256 of the box as the terminal sealed it.
ALTER TABLE escrows ADD COLUMN digest BYTEA;
CREATE INDEX escrows_of_medium ON escrows (medium_id);
-- When the slot whose key was given out got another one: until then the opening is not over.
ALTER TABLE escrow_openings ADD COLUMN replaced BIGINT;
CREATE INDEX escrow_openings_unreplaced ON escrow_openings (medium_id) WHERE state = 'opened' AND replaced IS NULL;
