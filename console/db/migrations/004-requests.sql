-- Carry-out requests (OUT-4), grants and leases, maintenance visits (MNT-1), break-glass (EMG-1), offline codes.

CREATE TABLE approval_groups (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	name TEXT NOT NULL,
	created BIGINT NOT NULL,
	version BIGINT NOT NULL DEFAULT 1,
	UNIQUE (facility_id, name),
	UNIQUE (id, facility_id)
);

CREATE TABLE approval_group_members (
	group_id TEXT NOT NULL,
	person_id TEXT NOT NULL REFERENCES people (id),
	facility_id TEXT NOT NULL,
	added BIGINT NOT NULL,
	added_by TEXT REFERENCES people (id),
	PRIMARY KEY (group_id, person_id),
	FOREIGN KEY (group_id, facility_id) REFERENCES approval_groups (id, facility_id)
);
CREATE INDEX approval_group_members_of_person ON approval_group_members (person_id);

-- The form of METI 2.6.5(1). rule: the approval rule as it was when the request was made (JSON), so that a later change
-- does not touch it. alone: decided by the requester in a clinic of one person, with a second factor; marked in every
-- report. step: the one that is waited for.
CREATE TABLE requests (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	number TEXT NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('carry-out', 'hand-over', 'import', 'optical')),
	state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'refused', 'withdrawn', 'expired', 'out', 'returned',
		'closed', 'lost')),
	requester_id TEXT NOT NULL REFERENCES people (id),
	applicant TEXT NOT NULL DEFAULT '', -- on whose behalf, when not the requester
	terminal_id TEXT, -- where it was asked from
	user_name TEXT NOT NULL DEFAULT '', -- account on the terminal that may write
	out_from BIGINT NOT NULL,
	due BIGINT NOT NULL,
	destination TEXT NOT NULL,
	reason TEXT NOT NULL,
	data_summary TEXT NOT NULL,
	persons BIGINT, -- number of patients whose data it is
	risk TEXT NOT NULL, -- assessment
	risk_level TEXT NOT NULL DEFAULT 'unknown',
	on_loss TEXT NOT NULL, -- what is done if it is lost or damaged
	receiver TEXT NOT NULL DEFAULT '',
	lease_until BIGINT, -- asked for work away from the network
	rule TEXT NOT NULL,
	step BIGINT NOT NULL DEFAULT 0,
	alone BIGINT NOT NULL DEFAULT 0 CHECK (alone IN (0, 1)),
	created BIGINT NOT NULL,
	decided BIGINT,
	went_out BIGINT,
	returned BIGINT,
	returned_to TEXT REFERENCES people (id), -- who confirmed it
	return_note TEXT,
	inspected BIGINT,
	escalations BIGINT NOT NULL DEFAULT 0,
	next_escalation BIGINT, -- of a late return
	envelope BYTEA, -- the request as its maker signed it, where the terminal did
	version BIGINT NOT NULL DEFAULT 1,
	CHECK (due > out_from),
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id),
	UNIQUE (facility_id, number),
	UNIQUE (id, facility_id)
);
CREATE INDEX requests_by_state ON requests (facility_id, state, id);
CREATE INDEX requests_of_requester ON requests (requester_id, id);
CREATE INDEX requests_late ON requests (next_escalation) WHERE next_escalation IS NOT NULL;
CREATE INDEX requests_expiring ON requests (due) WHERE state IN ('waiting', 'approved');

CREATE TABLE request_media (
	request_id TEXT NOT NULL,
	medium_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	mode TEXT NOT NULL DEFAULT 'read-write' CHECK (mode IN ('read', 'read-write')),
	PRIMARY KEY (request_id, medium_id),
	FOREIGN KEY (request_id, facility_id) REFERENCES requests (id, facility_id),
	FOREIGN KEY (medium_id, facility_id) REFERENCES media (id, facility_id)
);
CREATE INDEX request_media_of_medium ON request_media (medium_id);

-- One decision of one person, each step.
CREATE TABLE request_decisions (
	id TEXT PRIMARY KEY,
	request_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	step BIGINT NOT NULL,
	person_id TEXT NOT NULL REFERENCES people (id),
	approved BIGINT NOT NULL CHECK (approved IN (0, 1)),
	alone BIGINT NOT NULL DEFAULT 0 CHECK (alone IN (0, 1)),
	reason TEXT NOT NULL DEFAULT '',
	conditions TEXT NOT NULL DEFAULT '',
	at BIGINT NOT NULL,
	UNIQUE (request_id, person_id),
	FOREIGN KEY (request_id, facility_id) REFERENCES requests (id, facility_id)
);

-- What core obeys: a signed envelope. Either a terminal or a group.
CREATE TABLE grants (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	request_id TEXT,
	medium_id TEXT NOT NULL,
	terminal_id TEXT,
	group_id TEXT,
	user_name TEXT NOT NULL DEFAULT '',
	mode TEXT NOT NULL CHECK (mode IN ('read', 'read-write', 'prepare', 'erase')),
	valid_from BIGINT NOT NULL,
	valid_until BIGINT NOT NULL,
	lease_until BIGINT,
	state TEXT NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'revoked', 'ended')),
	envelope BYTEA NOT NULL,
	key_id TEXT NOT NULL,
	created BIGINT NOT NULL,
	ended BIGINT,
	ended_by TEXT REFERENCES people (id),
	reason TEXT NOT NULL DEFAULT '',
	version BIGINT NOT NULL DEFAULT 1,
	CHECK (valid_until > valid_from),
	FOREIGN KEY (request_id, facility_id) REFERENCES requests (id, facility_id),
	FOREIGN KEY (medium_id, facility_id) REFERENCES media (id, facility_id),
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id),
	FOREIGN KEY (group_id, facility_id) REFERENCES terminal_groups (id, facility_id),
	UNIQUE (id, facility_id)
);
-- For every poll: the live grants of a terminal and of its group.
CREATE INDEX grants_of_terminal ON grants (terminal_id) WHERE state = 'live';
CREATE INDEX grants_of_group ON grants (group_id) WHERE state = 'live';
CREATE INDEX grants_of_medium ON grants (medium_id, id);
CREATE INDEX grants_of_request ON grants (request_id);
CREATE INDEX grants_expiring ON grants (valid_until) WHERE state = 'live';

-- A slot key sealed to one terminal until a time. A revocation names those that are still out.
CREATE TABLE leases (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL,
	grant_id TEXT NOT NULL,
	medium_id TEXT NOT NULL,
	terminal_id TEXT NOT NULL,
	key_kind TEXT NOT NULL CHECK (key_kind IN ('tpm', 'file')),
	issued BIGINT NOT NULL,
	valid_until BIGINT NOT NULL,
	state TEXT NOT NULL DEFAULT 'out' CHECK (state IN ('out', 'wiped', 'expired')),
	wiped BIGINT, -- the agent confirmed that it is gone
	FOREIGN KEY (grant_id, facility_id) REFERENCES grants (id, facility_id),
	FOREIGN KEY (medium_id, facility_id) REFERENCES media (id, facility_id),
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id)
);
CREATE INDEX leases_of_medium ON leases (medium_id, valid_until);
CREATE INDEX leases_of_terminal ON leases (terminal_id) WHERE state = 'out';
CREATE INDEX leases_of_grant ON leases (grant_id);
CREATE INDEX leases_expiring ON leases (valid_until) WHERE state = 'out';

-- Maintenance staff: own account, applied for day by day, approved before, closed with a report.
CREATE TABLE visits (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	company TEXT NOT NULL,
	visitor TEXT NOT NULL,
	account TEXT NOT NULL DEFAULT '',
	purpose TEXT NOT NULL,
	day TEXT NOT NULL,
	valid_from BIGINT NOT NULL,
	valid_until BIGINT NOT NULL,
	terminals TEXT NOT NULL DEFAULT '[]', -- JSON: ids
	devices TEXT NOT NULL DEFAULT '[]', -- JSON: what the pass admits
	carries_data BIGINT NOT NULL DEFAULT 0 CHECK (carries_data IN (0, 1)),
	data_summary TEXT NOT NULL DEFAULT '',
	state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'approved', 'refused', 'withdrawn', 'open', 'ended',
		'closed')),
	requester_id TEXT NOT NULL REFERENCES people (id),
	created BIGINT NOT NULL,
	decided BIGINT,
	decided_by TEXT REFERENCES people (id),
	decision_reason TEXT NOT NULL DEFAULT '',
	alone BIGINT NOT NULL DEFAULT 0 CHECK (alone IN (0, 1)),
	opened BIGINT,
	ended BIGINT,
	report TEXT,
	reported BIGINT,
	checked_by TEXT REFERENCES people (id),
	checked BIGINT,
	envelope BYTEA,
	version BIGINT NOT NULL DEFAULT 1,
	CHECK (valid_until > valid_from),
	UNIQUE (id, facility_id)
);
CREATE INDEX visits_by_state ON visits (facility_id, state, valid_from);

-- The emergency function: sealed in normal times (only a hash is here), used once, for a time, seen by many, reviewed
-- afterwards, renewed. code_sealed: for whoever keeps the envelope, sealed to the recovery key.
CREATE TABLE break_glass_codes (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	terminal_id TEXT, -- NULL: any of the group
	group_id TEXT,
	code_hash BYTEA NOT NULL,
	verifier BYTEA NOT NULL, -- what the terminal needs to check it without the network
	minutes BIGINT NOT NULL,
	state TEXT NOT NULL DEFAULT 'sealed' CHECK (state IN ('sealed', 'used', 'revoked', 'expired')),
	created BIGINT NOT NULL,
	created_by TEXT NOT NULL REFERENCES people (id),
	kept_by TEXT NOT NULL DEFAULT '',
	expires BIGINT NOT NULL,
	used BIGINT,
	used_at TEXT, -- terminal
	user_name TEXT,
	reason TEXT,
	ended BIGINT,
	reviewed BIGINT,
	reviewed_by TEXT REFERENCES people (id),
	finding TEXT,
	replaced_by TEXT,
	version BIGINT NOT NULL DEFAULT 1,
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id),
	FOREIGN KEY (group_id, facility_id) REFERENCES terminal_groups (id, facility_id),
	FOREIGN KEY (used_at, facility_id) REFERENCES terminals (id, facility_id)
);
CREATE INDEX break_glass_codes_of_facility ON break_glass_codes (facility_id, state);
CREATE INDEX break_glass_codes_unreviewed ON break_glass_codes (used) WHERE state = 'used' AND reviewed IS NULL;

-- Codes that are read out over the telephone: bound to terminal, medium, user, action and window, single use.
CREATE TABLE offline_codes (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	terminal_id TEXT NOT NULL,
	medium_id TEXT,
	user_name TEXT NOT NULL,
	action TEXT NOT NULL,
	counter BIGINT NOT NULL, -- of the terminal: none is given out twice
	code_hash BYTEA NOT NULL,
	valid_from BIGINT NOT NULL,
	valid_until BIGINT NOT NULL,
	state TEXT NOT NULL DEFAULT 'issued' CHECK (state IN ('issued', 'used', 'revoked', 'expired')),
	reason TEXT NOT NULL,
	created BIGINT NOT NULL,
	created_by TEXT NOT NULL REFERENCES people (id),
	used BIGINT, -- as the terminal told when the network returned
	revoked BIGINT,
	revoked_by TEXT REFERENCES people (id),
	version BIGINT NOT NULL DEFAULT 1,
	UNIQUE (terminal_id, counter),
	CHECK (valid_until > valid_from),
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id),
	FOREIGN KEY (medium_id, facility_id) REFERENCES media (id, facility_id)
);
CREATE INDEX offline_codes_of_facility ON offline_codes (facility_id, id);
CREATE INDEX offline_codes_revoked ON offline_codes (terminal_id, valid_until) WHERE state = 'revoked';
