-- The first schema, in pieces by subject. One text for SQLite and PostgreSQL: types TEXT, BIGINT (also times, in ms
-- since 1970, and truth as 0 and 1) and BYTEA; constraints of the subset that both know. Columns in JSON are TEXT.
--
-- id: 26 characters, made by us (console/store/id.h), never used twice. version: counts the changes of a row that
-- people change; who changes it names the version that they saw. facility_id: whose row it is. A child names its parent
-- together with the facility (FOREIGN KEY (x_id, facility_id)), so that no row can join two clinics. A terminal or a
-- medium does not move between facilities: it is retired in one and registered in the other.
-- Rows that records speak of are not deleted: they get a state. References of a table to itself are DEFERRABLE and
-- tables stand behind those they refer to, so that a backup is restored in this order.

-- Clinics. single_person: somebody said that this clinic has one person only, who may approve what they ask for.
CREATE TABLE facilities (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'closed')),
	single_person BIGINT NOT NULL DEFAULT 0 CHECK (single_person IN (0, 1)),
	time_zone TEXT NOT NULL DEFAULT 'Asia/Tokyo',
	contact TEXT,
	approval_rule TEXT, -- JSON: steps of {group, needed}; none: one step, any approver of the facility
	settings TEXT NOT NULL DEFAULT '{}',
	created BIGINT NOT NULL,
	version BIGINT NOT NULL DEFAULT 1,
	UNIQUE (name)
);

-- Processes of the console. Each has a chain of records (console_records) and confirms the end of epoch keys.
CREATE TABLE instances (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	host TEXT NOT NULL,
	software TEXT NOT NULL,
	started BIGINT NOT NULL,
	last_seen BIGINT NOT NULL,
	state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retired'))
);

-- One person, one id, never reused (ACC-1): rows stay, and login stays taken. login_key: login in the form in which two
-- are the same. locked_until, failed_*: the lock-out. The last sign-in is shown at the next one.
CREATE TABLE people (
	id TEXT PRIMARY KEY,
	login TEXT NOT NULL,
	login_key TEXT NOT NULL UNIQUE,
	name TEXT NOT NULL,
	email TEXT,
	language TEXT NOT NULL DEFAULT 'ja',
	state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
	created BIGINT NOT NULL,
	created_by TEXT REFERENCES people (id) DEFERRABLE,
	disabled BIGINT,
	disabled_by TEXT REFERENCES people (id) DEFERRABLE,
	last_sign_in BIGINT,
	last_sign_in_from TEXT,
	failed_since BIGINT NOT NULL DEFAULT 0, -- refused sign-ins since the last good one
	locked_until BIGINT NOT NULL DEFAULT 0,
	lock_level BIGINT NOT NULL DEFAULT 0, -- each lock-out is longer than the one before
	note TEXT,
	version BIGINT NOT NULL DEFAULT 1
);

-- Who may do what, where; facility_id NULL: in every facility. Removed rows stay for the account audit.
CREATE TABLE person_roles (
	id TEXT PRIMARY KEY,
	person_id TEXT NOT NULL REFERENCES people (id),
	role TEXT NOT NULL CHECK (role IN ('staff', 'approver', 'security-officer', 'auditor', 'administrator')),
	facility_id TEXT REFERENCES facilities (id),
	source TEXT NOT NULL DEFAULT 'console' CHECK (source IN ('console', 'provider')), -- provider: by OpenID Connect
	granted BIGINT NOT NULL,
	granted_by TEXT REFERENCES people (id),
	removed BIGINT,
	removed_by TEXT REFERENCES people (id)
);
-- For every request of a session: the live roles of a person.
CREATE UNIQUE INDEX person_roles_there ON person_roles (person_id, role, facility_id, source)
	WHERE removed IS NULL AND facility_id IS NOT NULL;
CREATE UNIQUE INDEX person_roles_everywhere ON person_roles (person_id, role, source)
	WHERE removed IS NULL AND facility_id IS NULL;
-- Who are the approvers of this facility?
CREATE INDEX person_roles_of_facility ON person_roles (facility_id, role) WHERE removed IS NULL;

-- What a person proves themselves with. password: secret is the Argon2id string. totp: wrapped is the seed, wrapped
-- under a key outside the database; counter is the last step used (none is good twice). passkey: handle, public_key,
-- counter of the authenticator. Removed passwords stay, so that an old one is not taken again.
CREATE TABLE credentials (
	id TEXT PRIMARY KEY,
	person_id TEXT NOT NULL REFERENCES people (id),
	kind TEXT NOT NULL CHECK (kind IN ('password', 'totp', 'passkey', 'recovery')),
	label TEXT NOT NULL DEFAULT '',
	secret TEXT,
	wrapped BYTEA,
	handle BYTEA,
	public_key BYTEA,
	algorithm TEXT,
	counter BIGINT NOT NULL DEFAULT 0,
	confirmed BIGINT NOT NULL DEFAULT 1 CHECK (confirmed IN (0, 1)), -- 0: set up, not proved yet
	must_change BIGINT NOT NULL DEFAULT 0 CHECK (must_change IN (0, 1)),
	expires BIGINT, -- of a one-time password
	created BIGINT NOT NULL,
	created_by TEXT REFERENCES people (id), -- NULL: the person
	identity_check TEXT, -- how the person was recognised when somebody else reset it
	last_used BIGINT,
	removed BIGINT,
	removed_by TEXT REFERENCES people (id)
);
CREATE INDEX credentials_of_person ON credentials (person_id, kind);
CREATE UNIQUE INDEX credentials_password ON credentials (person_id) WHERE kind = 'password' AND removed IS NULL;
CREATE UNIQUE INDEX credentials_handle ON credentials (handle) WHERE handle IS NOT NULL;

-- People as an OpenID Connect provider names them, and what its groups mean here.
CREATE TABLE provider_people (
	issuer TEXT NOT NULL,
	subject TEXT NOT NULL,
	person_id TEXT NOT NULL REFERENCES people (id),
	created BIGINT NOT NULL,
	PRIMARY KEY (issuer, subject)
);
CREATE INDEX provider_people_of_person ON provider_people (person_id);

CREATE TABLE provider_groups (
	id TEXT PRIMARY KEY,
	issuer TEXT NOT NULL,
	group_name TEXT NOT NULL,
	role TEXT NOT NULL CHECK (role IN ('staff', 'approver', 'security-officer', 'auditor', 'administrator')),
	facility_id TEXT REFERENCES facilities (id),
	created BIGINT NOT NULL,
	version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX provider_groups_of_issuer ON provider_groups (issuer, group_name);

-- token_hash: SHA-256 of the cookie; who reads the database cannot sign in with it. state: what is missing before
-- everything can be used.
CREATE TABLE sessions (
	id TEXT PRIMARY KEY,
	token_hash BYTEA NOT NULL UNIQUE,
	csrf TEXT NOT NULL,
	person_id TEXT NOT NULL REFERENCES people (id),
	state TEXT NOT NULL CHECK (state IN ('signed-in', 'second-factor', 'password-change')),
	method TEXT NOT NULL, -- password, password+totp, passkey, provider
	second_factor BIGINT NOT NULL DEFAULT 0 CHECK (second_factor IN (0, 1)),
	created BIGINT NOT NULL,
	last_used BIGINT NOT NULL,
	idle_until BIGINT NOT NULL,
	valid_until BIGINT NOT NULL,
	fresh_until BIGINT NOT NULL DEFAULT 0, -- the person proved themselves anew
	address TEXT NOT NULL,
	program TEXT NOT NULL DEFAULT '', -- User-Agent
	ended BIGINT,
	end_reason TEXT
);
CREATE INDEX sessions_of_person ON sessions (person_id) WHERE ended IS NULL;
CREATE INDEX sessions_old ON sessions (valid_until);

-- Something begun at one console and finished at another: a challenge of a passkey, a sign-in at a provider.
CREATE TABLE ceremonies (
	id_hash BYTEA PRIMARY KEY,
	kind TEXT NOT NULL,
	person_id TEXT REFERENCES people (id),
	data TEXT NOT NULL,
	expires BIGINT NOT NULL
);
CREATE INDEX ceremonies_old ON ceremonies (expires);

-- Every attempt to sign in, good or not, also of names that nobody has (login_key is then somebody's typing error,
-- perhaps a password: it is hashed).
CREATE TABLE sign_in_attempts (
	id TEXT PRIMARY KEY,
	person_id TEXT REFERENCES people (id),
	login_hash BYTEA NOT NULL,
	address TEXT NOT NULL,
	method TEXT NOT NULL,
	outcome TEXT NOT NULL,
	at BIGINT NOT NULL
);
CREATE INDEX sign_in_attempts_of_person ON sign_in_attempts (person_id, at);
-- Is this name locked out? Asked for names that nobody has, too.
CREATE INDEX sign_in_attempts_of_login ON sign_in_attempts (login_hash, at);
CREATE INDEX sign_in_attempts_from ON sign_in_attempts (address, at);
CREATE INDEX sign_in_attempts_old ON sign_in_attempts (at);

-- Counters of rate limits that all processes share: so many of a subject in a window.
CREATE TABLE rate_counters (
	subject TEXT NOT NULL,
	window_start BIGINT NOT NULL,
	count BIGINT NOT NULL,
	PRIMARY KEY (subject, window_start)
);
CREATE INDEX rate_counters_old ON rate_counters (window_start);

-- A changing request that is sent again after its answer was lost gets the same answer. owner: "person:ID" or
-- "terminal:ID".
CREATE TABLE idempotency_keys (
	owner TEXT NOT NULL,
	name TEXT NOT NULL,
	request_hash BYTEA NOT NULL,
	status BIGINT NOT NULL,
	answer TEXT NOT NULL,
	created BIGINT NOT NULL,
	PRIMARY KEY (owner, name)
);
CREATE INDEX idempotency_keys_old ON idempotency_keys (created);

-- Settings of the whole console that people change while it runs.
CREATE TABLE settings (
	name TEXT PRIMARY KEY,
	value TEXT NOT NULL,
	changed BIGINT NOT NULL,
	changed_by TEXT REFERENCES people (id),
	version BIGINT NOT NULL DEFAULT 1
);

-- Work that one process does for all, in turn: who holds the lock until when.
CREATE TABLE duties (
	name TEXT PRIMARY KEY,
	instance_id TEXT NOT NULL REFERENCES instances (id),
	held_until BIGINT NOT NULL,
	last_done BIGINT NOT NULL DEFAULT 0
);
