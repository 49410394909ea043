-- Receivers of records: whom to believe, and how it goes.
ALTER TABLE export_targets ADD COLUMN authority TEXT NOT NULL DEFAULT ''; -- PEM; '': those that all calls believe
ALTER TABLE export_targets ADD COLUMN created_by TEXT REFERENCES people (id);
ALTER TABLE export_targets ADD COLUMN last_sent BIGINT;
ALTER TABLE export_targets ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE export_targets ADD COLUMN failing_since BIGINT;
ALTER TABLE export_targets ADD COLUMN next_attempt BIGINT NOT NULL DEFAULT 0;
ALTER TABLE export_targets ADD COLUMN error TEXT NOT NULL DEFAULT '';

-- A stamp covers the countersignatures between two times, and the heads of the console's own chains.
CREATE INDEX countersignatures_by_time ON countersignatures (at, terminal_id, seq);
