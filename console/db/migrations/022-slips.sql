-- The key with which a terminal signs slips (console/rules/sign_key.h).
ALTER TABLE terminals ADD COLUMN sign_key BYTEA;
-- What a terminal signed for, and as much of the list as has come (console/rules/manifests.h). The content is in pieces.
ALTER TABLE manifests ADD COLUMN serial BIGINT NOT NULL DEFAULT 0;
ALTER TABLE manifests ADD COLUMN size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE manifests ADD COLUMN complete BIGINT NOT NULL DEFAULT 0 CHECK (complete IN (0, 1));
ALTER TABLE manifests ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE manifests ADD COLUMN whole BIGINT NOT NULL DEFAULT 0 CHECK (whole IN (0, 1));
ALTER TABLE manifests ADD COLUMN slip TEXT NOT NULL DEFAULT '{}';
ALTER TABLE manifests ADD COLUMN received BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX manifests_of_terminal ON manifests (terminal_id, serial);
CREATE TABLE manifest_parts (
	manifest_id TEXT NOT NULL REFERENCES manifests (id),
	place BIGINT NOT NULL, -- of its first byte
	content BYTEA NOT NULL,
	PRIMARY KEY (manifest_id, place)
);
