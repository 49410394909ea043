-- The ledger (OUT-3, OUT-6): media, their history, files that belong to them, stock-taking, erasure.

-- state: the words of console/rules/medium_life.h; only its transitions change it. mode: bound needs the console's
-- half of the key, portable opens anywhere, hand-over is an archive for a receiver. number: the clinic's own, printed on
-- the medium. luks_uuid and volume_digest identify what cannot be copied by a descriptor; identity says how strong what
-- we know is.
CREATE TABLE media (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	number TEXT NOT NULL,
	label TEXT NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('prepared', 'in-stock', 'requested', 'approved', 'out', 'returned',
		'inspected', 'lost', 'revoked', 'found', 'retired', 'erased', 'destroyed')),
	state_since BIGINT NOT NULL,
	mode TEXT NOT NULL CHECK (mode IN ('bound', 'portable', 'hand-over', 'none')),
	kind TEXT NOT NULL, -- usb-stick, ssd, hdd, sd-card, optical, other
	maker TEXT,
	model TEXT,
	serial TEXT,
	capacity BIGINT, -- bytes
	device_hash TEXT,
	luks_uuid TEXT UNIQUE,
	volume_digest BYTEA,
	header_digest BYTEA, -- SHA-256 of the checked header
	cipher TEXT,
	key_bits BIGINT,
	pbkdf TEXT,
	identity TEXT NOT NULL DEFAULT 'none' CHECK (identity IN ('luks', 'content', 'serial', 'none')),
	-- The ledger of OUT-6 (METI 2.3.1(2)).
	classification TEXT NOT NULL DEFAULT '',
	data_kind TEXT NOT NULL DEFAULT '',
	data_format TEXT NOT NULL DEFAULT '',
	copies TEXT NOT NULL DEFAULT '', -- where the data is besides
	value TEXT NOT NULL DEFAULT '',
	business TEXT NOT NULL DEFAULT '',
	owner TEXT NOT NULL DEFAULT '',
	rights TEXT NOT NULL DEFAULT '',
	data_created BIGINT,
	keep_until BIGINT,
	planned_disposal TEXT NOT NULL DEFAULT '',
	custodian_id TEXT REFERENCES people (id),
	place TEXT NOT NULL DEFAULT '',
	holder_id TEXT REFERENCES people (id), -- who has it now, while it is out
	request_id TEXT, -- the request that it is in now
	due BIGINT, -- back at
	last_seen BIGINT,
	last_seen_by TEXT NOT NULL DEFAULT '', -- terminal:ID, person:ID, stock-taking:ID
	stock_days BIGINT NOT NULL DEFAULT 90, -- longest time between two sightings
	overdue_from BIGINT, -- last_seen + stock_days: an alert from then on
	prepared BIGINT,
	prepared_by TEXT REFERENCES people (id),
	prepared_at TEXT, -- terminal
	note TEXT,
	created BIGINT NOT NULL,
	version BIGINT NOT NULL DEFAULT 1,
	FOREIGN KEY (prepared_at, facility_id) REFERENCES terminals (id, facility_id),
	UNIQUE (facility_id, number),
	UNIQUE (id, facility_id)
);
CREATE INDEX media_by_state ON media (facility_id, state, id);
CREATE INDEX media_late ON media (due) WHERE due IS NOT NULL;
CREATE INDEX media_overdue ON media (overdue_from) WHERE overdue_from IS NOT NULL;
CREATE INDEX media_of_custodian ON media (custodian_id);
CREATE INDEX media_of_request ON media (request_id);

-- Each transition and each change of a field: the history of handling. Never changed, never deleted.
CREATE TABLE media_history (
	id TEXT PRIMARY KEY,
	medium_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	action TEXT NOT NULL,
	from_state TEXT,
	to_state TEXT,
	at BIGINT NOT NULL,
	person_id TEXT REFERENCES people (id),
	second_person_id TEXT REFERENCES people (id), -- where two are needed
	terminal_id TEXT,
	request_id TEXT,
	reason TEXT NOT NULL DEFAULT '',
	changes TEXT NOT NULL DEFAULT '{}', -- JSON: field -> [before, after]
	FOREIGN KEY (medium_id, facility_id) REFERENCES media (id, facility_id)
);
CREATE INDEX media_history_of_medium ON media_history (medium_id, id);
CREATE INDEX media_history_of_facility ON media_history (facility_id, at);

-- Files that belong to a row: a photograph of a medium, a police report of an incident. digest: SHA-256.
CREATE TABLE attachments (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	subject_kind TEXT NOT NULL CHECK (subject_kind IN ('medium', 'request', 'incident', 'visit', 'review')),
	subject_id TEXT NOT NULL,
	name TEXT NOT NULL,
	type TEXT NOT NULL,
	size BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	content BYTEA NOT NULL,
	created BIGINT NOT NULL,
	created_by TEXT NOT NULL REFERENCES people (id),
	removed BIGINT,
	removed_by TEXT REFERENCES people (id)
);
CREATE INDEX attachments_of_subject ON attachments (subject_kind, subject_id, id);

-- What was written while it was out: the manifest that the return is compared with. content: JSON Lines, compressed
-- by whoever wrote it (encoding names how).
CREATE TABLE manifests (
	id TEXT PRIMARY KEY,
	medium_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	request_id TEXT,
	terminal_id TEXT,
	kind TEXT NOT NULL CHECK (kind IN ('carry-out', 'return')),
	opened BIGINT NOT NULL,
	closed BIGINT,
	files BIGINT NOT NULL DEFAULT 0,
	bytes BIGINT NOT NULL DEFAULT 0,
	digest BYTEA,
	encoding TEXT NOT NULL DEFAULT 'jsonl',
	content BYTEA,
	result TEXT NOT NULL DEFAULT '{}', -- of the inspection: scan, differences
	FOREIGN KEY (medium_id, facility_id) REFERENCES media (id, facility_id)
);
CREATE INDEX manifests_of_medium ON manifests (medium_id, id);
CREATE INDEX manifests_of_request ON manifests (request_id);

-- Hand-over slips (OUT-7): signed list of media and contents, and the receiver's receipt.
CREATE TABLE slips (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	request_id TEXT,
	sender_id TEXT NOT NULL REFERENCES people (id),
	receiver TEXT NOT NULL,
	media TEXT NOT NULL, -- JSON: ids, numbers, digests of manifests
	envelope BYTEA NOT NULL,
	created BIGINT NOT NULL,
	received BIGINT,
	receipt TEXT
);
CREATE INDEX slips_of_facility ON slips (facility_id, id);

-- 棚卸: a run lists what should be there; a sighting says that it was, or was not.
CREATE TABLE stock_takings (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	name TEXT NOT NULL,
	state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed', 'cancelled')),
	began BIGINT NOT NULL,
	began_by TEXT NOT NULL REFERENCES people (id),
	due BIGINT,
	closed BIGINT,
	closed_by TEXT REFERENCES people (id),
	note TEXT,
	version BIGINT NOT NULL DEFAULT 1,
	UNIQUE (id, facility_id)
);
CREATE INDEX stock_takings_of_facility ON stock_takings (facility_id, id);

CREATE TABLE stock_sightings (
	stock_taking_id TEXT NOT NULL,
	medium_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	expected_place TEXT NOT NULL DEFAULT '',
	result TEXT NOT NULL DEFAULT 'open' CHECK (result IN ('open', 'seen', 'out', 'missing')),
	place TEXT,
	at BIGINT,
	person_id TEXT REFERENCES people (id),
	terminal_id TEXT, -- it was plugged in there
	note TEXT,
	PRIMARY KEY (stock_taking_id, medium_id),
	FOREIGN KEY (stock_taking_id, facility_id) REFERENCES stock_takings (id, facility_id),
	FOREIGN KEY (medium_id, facility_id) REFERENCES media (id, facility_id)
);
CREATE INDEX stock_sightings_of_medium ON stock_sightings (medium_id);

-- Erasure and destruction (LOSS-4): the certificate stays when the medium is gone.
CREATE TABLE erasures (
	id TEXT PRIMARY KEY,
	medium_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	method TEXT NOT NULL,
	result TEXT NOT NULL CHECK (result IN ('verified', 'failed', 'destroyed')),
	at BIGINT NOT NULL,
	person_id TEXT NOT NULL REFERENCES people (id),
	witness_id TEXT REFERENCES people (id),
	terminal_id TEXT,
	details TEXT NOT NULL DEFAULT '{}',
	certificate BYTEA,
	FOREIGN KEY (medium_id, facility_id) REFERENCES media (id, facility_id)
);
CREATE INDEX erasures_of_medium ON erasures (medium_id);

-- Imports of a paper or Excel ledger: what came in from where.
CREATE TABLE imports (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	kind TEXT NOT NULL,
	file_name TEXT NOT NULL,
	digest BYTEA NOT NULL,
	encoding TEXT NOT NULL,
	row_count BIGINT NOT NULL,
	at BIGINT NOT NULL,
	person_id TEXT NOT NULL REFERENCES people (id)
);
CREATE INDEX imports_of_facility ON imports (facility_id, id);
