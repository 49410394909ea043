-- SPDX-License-Identifier: GPL-2.0-or-later

-- Erasures as terminals sign for them, and destructions by two people (LOSS-4): one says what was done, which is
-- "awaiting" until another one confirms it. A try that failed stays. person_id: who did it, or who granted it to a
-- terminal; began tells two tries under one grant apart; certificate: what the terminal signed.
CREATE TABLE erasures_of_media (
	id TEXT PRIMARY KEY,
	medium_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	method TEXT NOT NULL,
	result TEXT NOT NULL CHECK (result IN ('verified', 'failed', 'awaiting', 'withdrawn', 'destroyed')),
	began BIGINT,
	at BIGINT NOT NULL,
	person_id TEXT NOT NULL REFERENCES people (id),
	witness_id TEXT REFERENCES people (id),
	witnessed BIGINT,
	terminal_id TEXT,
	grant_id TEXT,
	details TEXT NOT NULL DEFAULT '{}',
	certificate TEXT,
	FOREIGN KEY (medium_id, facility_id) REFERENCES media (id, facility_id)
);
INSERT INTO erasures_of_media (id, medium_id, facility_id, method, result, at, person_id, witness_id, terminal_id, details)
	SELECT id, medium_id, facility_id, method, result, at, person_id, witness_id, terminal_id, details FROM erasures;
DROP TABLE erasures;
ALTER TABLE erasures_of_media RENAME TO erasures;
CREATE INDEX erasures_by_medium ON erasures (medium_id, id);
CREATE UNIQUE INDEX erasures_once ON erasures (grant_id, terminal_id, began);
