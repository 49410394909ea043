-- A registered medium without an approval may be opened for reading: a facility's own choice.
ALTER TABLE facilities ADD COLUMN read_without_approval BIGINT NOT NULL DEFAULT 0 CHECK (read_without_approval IN (0, 1));
