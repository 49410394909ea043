-- PCs: groups, enrolment, certificates, what they last told.

CREATE TABLE terminal_groups (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	name TEXT NOT NULL,
	mode TEXT NOT NULL DEFAULT 'learning' CHECK (mode IN ('learning', 'warning', 'enforcing')),
	settings TEXT NOT NULL DEFAULT '{}',
	created BIGINT NOT NULL,
	version BIGINT NOT NULL DEFAULT 1,
	UNIQUE (facility_id, name),
	UNIQUE (id, facility_id)
);

-- PCs are in the ledger too (EQP-1): who keeps it, where it stands, whether it is carried.
CREATE TABLE terminals (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	group_id TEXT NOT NULL,
	name TEXT NOT NULL,
	host TEXT NOT NULL DEFAULT '',
	machine TEXT NOT NULL DEFAULT '', -- hash of the machine id: the same PC enrolled again
	state TEXT NOT NULL DEFAULT 'enrolled' CHECK (state IN ('enrolled', 'lost', 'retired')),
	key_kind TEXT NOT NULL DEFAULT 'file' CHECK (key_kind IN ('tpm', 'file')),
	seal_key BYTEA, -- public: leases are sealed to it
	carried BIGINT NOT NULL DEFAULT 0 CHECK (carried IN (0, 1)),
	model TEXT,
	serial TEXT,
	place TEXT,
	custodian_id TEXT REFERENCES people (id),
	note TEXT,
	enrolled BIGINT NOT NULL,
	retired BIGINT,
	version BIGINT NOT NULL DEFAULT 1,
	FOREIGN KEY (group_id, facility_id) REFERENCES terminal_groups (id, facility_id),
	UNIQUE (id, facility_id)
);
CREATE INDEX terminals_of_facility ON terminals (facility_id, name, id);
CREATE INDEX terminals_of_group ON terminals (group_id, facility_id);
CREATE INDEX terminals_machine ON terminals (machine) WHERE machine <> '';

-- Raised in the transaction of each change that the agent must hear of; apart from terminals, so that it does not
-- collide with what agents and people write there.
CREATE TABLE terminal_revisions (
	terminal_id TEXT PRIMARY KEY REFERENCES terminals (id),
	revision BIGINT NOT NULL DEFAULT 1,
	changed BIGINT NOT NULL
);
-- What changed since the last look? Asked some times a second by each process.
CREATE INDEX terminal_revisions_by_time ON terminal_revisions (changed);

-- What the agent told last; written with every heartbeat, so it is narrow and has few indexes.
CREATE TABLE terminal_status (
	terminal_id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL,
	last_contact BIGINT NOT NULL,
	address TEXT NOT NULL DEFAULT '',
	software TEXT NOT NULL DEFAULT '',
	mode TEXT NOT NULL DEFAULT '',
	policy_version_id TEXT,
	revision BIGINT NOT NULL DEFAULT 0, -- that the agent has
	definitions_version BIGINT,
	definitions_time BIGINT,
	disk_free BIGINT,
	spool_records BIGINT,
	clock_state TEXT,
	clock_offset BIGINT, -- ms, as the console saw it
	lock_state TEXT,
	posture TEXT NOT NULL DEFAULT '{}',
	posture_changed BIGINT,
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id)
);
-- Which have not been heard of for long?
CREATE INDEX terminal_status_silent ON terminal_status (facility_id, last_contact);

-- Evidence of the screen lock (LOCK-1): the longest time it stood unlocked and idle, per day of the facility.
CREATE TABLE lock_days (
	terminal_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	day TEXT NOT NULL, -- 2026-01-31
	longest_idle BIGINT NOT NULL, -- ms
	locks BIGINT NOT NULL DEFAULT 0,
	failures BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (terminal_id, day),
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id)
);
CREATE INDEX lock_days_of_facility ON lock_days (facility_id, day);

-- One-time codes; the console keeps a hash of the secret.
CREATE TABLE enrolment_codes (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	group_id TEXT NOT NULL,
	secret_hash BYTEA NOT NULL UNIQUE,
	name TEXT NOT NULL DEFAULT '', -- that the terminal gets
	created BIGINT NOT NULL,
	created_by TEXT NOT NULL REFERENCES people (id),
	expires BIGINT NOT NULL,
	used BIGINT,
	terminal_id TEXT,
	revoked BIGINT,
	revoked_by TEXT REFERENCES people (id),
	version BIGINT NOT NULL DEFAULT 1,
	FOREIGN KEY (group_id, facility_id) REFERENCES terminal_groups (id, facility_id),
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id)
);
CREATE INDEX enrolment_codes_of_facility ON enrolment_codes (facility_id, id);

-- Certificates that our authority issued. fingerprint: SHA-256 of the DER; looked up for every connection.
CREATE TABLE agent_certificates (
	serial TEXT PRIMARY KEY,
	terminal_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	fingerprint BYTEA NOT NULL UNIQUE,
	public_key BYTEA NOT NULL,
	certificate BYTEA NOT NULL,
	not_before BIGINT NOT NULL,
	not_after BIGINT NOT NULL,
	issued BIGINT NOT NULL,
	revoked BIGINT,
	revoked_by TEXT REFERENCES people (id),
	reason TEXT,
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id)
);
CREATE INDEX agent_certificates_of_terminal ON agent_certificates (terminal_id, not_after);

-- Every device ever seen (DEV-3), once for a facility.
CREATE TABLE devices (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	hash TEXT NOT NULL,
	bus TEXT NOT NULL,
	vendor TEXT NOT NULL,
	product TEXT NOT NULL,
	serial TEXT NOT NULL DEFAULT '',
	name TEXT NOT NULL DEFAULT '',
	interfaces TEXT NOT NULL DEFAULT '',
	registered BIGINT NOT NULL DEFAULT 0 CHECK (registered IN (0, 1)), -- an administrator approved it
	registered_by TEXT REFERENCES people (id),
	first_seen BIGINT NOT NULL,
	last_seen BIGINT NOT NULL,
	note TEXT,
	version BIGINT NOT NULL DEFAULT 1,
	UNIQUE (facility_id, hash),
	UNIQUE (id, facility_id)
);
CREATE INDEX devices_serial ON devices (facility_id, vendor, product, serial);

CREATE TABLE device_sightings (
	device_id TEXT NOT NULL,
	terminal_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	first_seen BIGINT NOT NULL,
	last_seen BIGINT NOT NULL,
	times BIGINT NOT NULL DEFAULT 1,
	user_name TEXT NOT NULL DEFAULT '',
	verdict TEXT NOT NULL DEFAULT '',
	rule TEXT NOT NULL DEFAULT '',
	code BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (device_id, terminal_id),
	FOREIGN KEY (device_id, facility_id) REFERENCES devices (id, facility_id),
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id)
);
CREATE INDEX device_sightings_of_terminal ON device_sightings (terminal_id, last_seen);
