-- Chains: those of the agents as they came, the console's own, and what watches over them.

-- The line as the agent wrote it, byte for byte, and its hash; the other columns are what is searched by.
CREATE TABLE records (
	terminal_id TEXT NOT NULL,
	seq BIGINT NOT NULL,
	facility_id TEXT NOT NULL,
	hash BYTEA NOT NULL, -- SHA-256 of the line
	at BIGINT NOT NULL, -- the agent's clock
	received BIGINT NOT NULL,
	kind TEXT NOT NULL,
	actor TEXT NOT NULL,
	line TEXT NOT NULL,
	PRIMARY KEY (terminal_id, seq),
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id)
);
CREATE INDEX records_by_time ON records (facility_id, at);
CREATE INDEX records_by_kind ON records (facility_id, kind, at);
CREATE INDEX records_received ON records (received);

-- The last record in order, and where the seals stand. start_key: wrapped, the first key of the agent's ratchet.
CREATE TABLE chain_heads (
	terminal_id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL,
	seq BIGINT NOT NULL,
	hash BYTEA NOT NULL,
	received BIGINT NOT NULL,
	seal_epoch BIGINT,
	sealed_seq BIGINT,
	start_key BYTEA,
	verified_seq BIGINT NOT NULL DEFAULT 0,
	state TEXT NOT NULL DEFAULT 'good' CHECK (state IN ('good', 'gap', 'fork', 'bad-seal')),
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id)
);
CREATE INDEX chain_heads_of_facility ON chain_heads (facility_id, state);

-- Heads that the console signed, so that neither side can cut them off later.
CREATE TABLE countersignatures (
	terminal_id TEXT NOT NULL,
	seq BIGINT NOT NULL,
	facility_id TEXT NOT NULL,
	hash BYTEA NOT NULL,
	key_id TEXT NOT NULL,
	signature BYTEA NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (terminal_id, seq),
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id)
);

-- RFC 3161 time stamps over a digest of many heads. subject: JSON, what the digest is made of.
CREATE TABLE anchors (
	id TEXT PRIMARY KEY,
	digest BYTEA NOT NULL,
	subject TEXT NOT NULL,
	authority TEXT NOT NULL,
	token BYTEA,
	state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'stamped', 'failed')),
	created BIGINT NOT NULL,
	stamped BIGINT,
	error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX anchors_waiting ON anchors (created) WHERE state = 'waiting';

-- A gap, a fork, a bad seal: kept with the line that did not fit, until somebody says what it was.
CREATE TABLE chain_alarms (
	id TEXT PRIMARY KEY,
	terminal_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('gap', 'fork', 'bad-seal', 'bad-line', 'rollback')),
	seq BIGINT NOT NULL,
	expected BYTEA,
	found BYTEA,
	line TEXT,
	at BIGINT NOT NULL,
	resolved BIGINT,
	resolved_by TEXT REFERENCES people (id),
	note TEXT NOT NULL DEFAULT '',
	version BIGINT NOT NULL DEFAULT 1,
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id)
);
CREATE INDEX chain_alarms_open ON chain_alarms (facility_id, id) WHERE resolved IS NULL;
CREATE INDEX chain_alarms_of_terminal ON chain_alarms (terminal_id);

-- The console's own actions, a chain for each instance in the same form (lib/audit/line.h). facility_id: whom it
-- concerns, for reading within a scope; NULL: all.
CREATE TABLE console_records (
	instance_id TEXT NOT NULL REFERENCES instances (id),
	seq BIGINT NOT NULL,
	hash BYTEA NOT NULL,
	at BIGINT NOT NULL,
	kind TEXT NOT NULL,
	actor TEXT NOT NULL,
	facility_id TEXT REFERENCES facilities (id),
	subject TEXT, -- KIND:ID, for the history of a row
	line TEXT NOT NULL,
	PRIMARY KEY (instance_id, seq)
);
CREATE INDEX console_records_by_time ON console_records (at);
CREATE INDEX console_records_of_facility ON console_records (facility_id, at);
CREATE INDEX console_records_of_subject ON console_records (subject, at) WHERE subject IS NOT NULL;

-- Reviews of the records (LOG-4): what was new, who looked, when, what was found.
CREATE TABLE reviews (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	valid_from BIGINT NOT NULL,
	valid_until BIGINT NOT NULL,
	due BIGINT NOT NULL,
	state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done')),
	summary TEXT NOT NULL DEFAULT '{}', -- JSON: counts by kind, alarms, refusals
	reviewer_id TEXT REFERENCES people (id),
	done BIGINT,
	finding TEXT NOT NULL DEFAULT '',
	action TEXT NOT NULL DEFAULT '',
	created BIGINT NOT NULL,
	version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX reviews_of_facility ON reviews (facility_id, state, due);

-- Where records are sent to (SIEM), and how far each source is.
CREATE TABLE export_targets (
	id TEXT PRIMARY KEY,
	facility_id TEXT REFERENCES facilities (id),
	name TEXT NOT NULL,
	form TEXT NOT NULL CHECK (form IN ('jsonl', 'cef', 'syslog')),
	address TEXT NOT NULL,
	state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused')),
	created BIGINT NOT NULL,
	version BIGINT NOT NULL DEFAULT 1
);

CREATE TABLE export_positions (
	target_id TEXT NOT NULL REFERENCES export_targets (id),
	source TEXT NOT NULL, -- terminal:ID or instance:ID
	seq BIGINT NOT NULL,
	at BIGINT NOT NULL,
	error TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (target_id, source)
);
