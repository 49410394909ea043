-- Whom the uses of a key under a grant are counted for.
ALTER TABLE grants ADD COLUMN person_id TEXT REFERENCES people (id);

-- What offline codes are judged with, sealed to the terminal's seal_key when that was told (console/rules/seal_key.h):
-- the same box for every console, and nothing that opens it is here.
ALTER TABLE terminals ADD COLUMN offline_box BYTEA;
