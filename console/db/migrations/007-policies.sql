-- Policy and definitions: versions, roll-outs by stages, dry runs, the mirror.

CREATE TABLE policies (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	name TEXT NOT NULL,
	state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retired')),
	created BIGINT NOT NULL,
	version BIGINT NOT NULL DEFAULT 1,
	UNIQUE (facility_id, name),
	UNIQUE (id, facility_id)
);

-- A text that was checked; once published it does not change. envelope: the signed bundle.
CREATE TABLE policy_versions (
	id TEXT PRIMARY KEY,
	policy_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	number BIGINT NOT NULL,
	files TEXT NOT NULL, -- JSON: name -> text
	digest BYTEA NOT NULL,
	state TEXT NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'published', 'withdrawn')),
	note TEXT NOT NULL DEFAULT '',
	created BIGINT NOT NULL,
	created_by TEXT NOT NULL REFERENCES people (id),
	published BIGINT,
	published_by TEXT REFERENCES people (id),
	envelope BYTEA,
	version BIGINT NOT NULL DEFAULT 1,
	UNIQUE (policy_id, number),
	FOREIGN KEY (policy_id, facility_id) REFERENCES policies (id, facility_id),
	UNIQUE (id, facility_id)
);

-- What a group is to have now: read at every poll.
CREATE TABLE group_policies (
	group_id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL,
	policy_version_id TEXT NOT NULL,
	changed BIGINT NOT NULL,
	FOREIGN KEY (group_id, facility_id) REFERENCES terminal_groups (id, facility_id),
	FOREIGN KEY (policy_version_id, facility_id) REFERENCES policy_versions (id, facility_id)
);
CREATE INDEX group_policies_of_version ON group_policies (policy_version_id);

-- stages: JSON, [{share, hours}]; stop_at: JSON, refusals and failures per terminal that end it.
CREATE TABLE rollouts (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	policy_version_id TEXT NOT NULL,
	previous_version_id TEXT,
	groups TEXT NOT NULL, -- JSON: ids
	stages TEXT NOT NULL,
	stop_at TEXT NOT NULL DEFAULT '{}',
	stage BIGINT NOT NULL DEFAULT 0,
	stage_until BIGINT,
	state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'stopped', 'done', 'rolled-back')),
	reason TEXT NOT NULL DEFAULT '',
	created BIGINT NOT NULL,
	created_by TEXT NOT NULL REFERENCES people (id),
	ended BIGINT,
	version BIGINT NOT NULL DEFAULT 1,
	FOREIGN KEY (policy_version_id, facility_id) REFERENCES policy_versions (id, facility_id),
	FOREIGN KEY (previous_version_id, facility_id) REFERENCES policy_versions (id, facility_id),
	UNIQUE (id, facility_id)
);
CREATE INDEX rollouts_of_facility ON rollouts (facility_id, id);
CREATE INDEX rollouts_running ON rollouts (stage_until) WHERE state = 'running';

CREATE TABLE rollout_terminals (
	rollout_id TEXT NOT NULL,
	terminal_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	stage BIGINT NOT NULL,
	state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'applied', 'failed')),
	changed BIGINT NOT NULL,
	error TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (rollout_id, terminal_id),
	FOREIGN KEY (rollout_id, facility_id) REFERENCES rollouts (id, facility_id),
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id)
);
CREATE INDEX rollout_terminals_of_terminal ON rollout_terminals (terminal_id);
CREATE INDEX rollout_terminals_by_state ON rollout_terminals (rollout_id, state);

-- What a version would have done with the records of the last days.
CREATE TABLE dry_runs (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	policy_version_id TEXT NOT NULL,
	valid_from BIGINT NOT NULL,
	valid_until BIGINT NOT NULL,
	state TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed')),
	result TEXT NOT NULL DEFAULT '{}',
	created BIGINT NOT NULL,
	created_by TEXT NOT NULL REFERENCES people (id),
	FOREIGN KEY (policy_version_id, facility_id) REFERENCES policy_versions (id, facility_id)
);
CREATE INDEX dry_runs_of_version ON dry_runs (policy_version_id);

-- The mirror's files; the content is in a directory by its digest. checked: their signature was good when.
CREATE TABLE definition_files (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL, -- main.cvd, daily-27000.cdiff
	kind TEXT NOT NULL CHECK (kind IN ('cvd', 'cld', 'cdiff')),
	number BIGINT NOT NULL, -- version of the definitions
	built BIGINT NOT NULL,
	size BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	source TEXT NOT NULL CHECK (source IN ('mirror', 'bundle')),
	came BIGINT NOT NULL,
	checked BIGINT NOT NULL,
	person_id TEXT REFERENCES people (id), -- who imported the bundle
	state TEXT NOT NULL DEFAULT 'served' CHECK (state IN ('served', 'replaced')),
	UNIQUE (name, number)
);
CREATE INDEX definition_files_served ON definition_files (name) WHERE state = 'served';
