-- Work that one process does for all (console/server/duties.h): how it went. failures: since it last went well.
ALTER TABLE duties ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE duties ADD COLUMN last_failed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE duties ADD COLUMN error TEXT NOT NULL DEFAULT '';
