-- Keys: what is here is wrapped under leaves of the vault, which is not (console/keys/vault.h). A copy of this database
-- opens nothing once the leaf is cut.

-- Changes of the vault, in the order in which every instance makes them (console/keys/epoch.h). destroyed: every holder
-- confirmed that the key of the epoch before is gone.
CREATE TABLE epochs (
	number BIGINT PRIMARY KEY,
	vault TEXT NOT NULL, -- id of the vault that this database belongs to
	kind TEXT NOT NULL CHECK (kind IN ('start', 'revoke', 'renew', 'drop', 'restore')),
	generation BIGINT, -- of the tree that comes with it, or goes
	created BIGINT NOT NULL,
	created_by TEXT REFERENCES people (id),
	destroyed BIGINT,
	reason TEXT NOT NULL DEFAULT ''
);

-- Instances that hold the vault. box_key: for what is handed over to it; box_mac proves that it holds the vault.
CREATE TABLE vault_holders (
	instance_id TEXT PRIMARY KEY REFERENCES instances (id),
	joined BIGINT NOT NULL,
	ended BIGINT,
	box_key BYTEA,
	box_mac BYTEA
);

-- Each holder says that it no longer has the key of the epoch before.
CREATE TABLE epoch_confirmations (
	epoch BIGINT NOT NULL REFERENCES epochs (number),
	instance_id TEXT NOT NULL REFERENCES vault_holders (instance_id),
	confirmed BIGINT,
	method TEXT NOT NULL DEFAULT '', -- file, pkcs11
	PRIMARY KEY (epoch, instance_id)
);
CREATE INDEX epoch_confirmations_missing ON epoch_confirmations (epoch) WHERE confirmed IS NULL;

-- The tree of a new generation, sealed to a holder; gone when it was taken.
CREATE TABLE epoch_handovers (
	epoch BIGINT NOT NULL REFERENCES epochs (number),
	instance_id TEXT NOT NULL REFERENCES vault_holders (instance_id),
	box BYTEA NOT NULL,
	PRIMARY KEY (epoch, instance_id)
);

-- An instance that asks to hold the vault; somebody compares the fingerprint of its key on both screens.
CREATE TABLE vault_joins (
	instance_id TEXT PRIMARY KEY REFERENCES instances (id),
	box_key BYTEA NOT NULL,
	asked BIGINT NOT NULL,
	admitted BIGINT,
	admitted_by TEXT REFERENCES people (id),
	box BYTEA
);

-- Copies that people hold on paper or token: a receipt of destruction names them, and the console asks for their
-- renewal.
CREATE TABLE epoch_copies (
	id TEXT PRIMARY KEY,
	epoch BIGINT NOT NULL REFERENCES epochs (number),
	kind TEXT NOT NULL, -- paper, token, sealed-file
	holder TEXT NOT NULL,
	place TEXT NOT NULL,
	recovery_key TEXT NOT NULL, -- that it is sealed to
	made BIGINT NOT NULL,
	made_by TEXT REFERENCES people (id),
	destroyed BIGINT,
	destroyed_by TEXT REFERENCES people (id),
	note TEXT,
	version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX epoch_copies_of_epoch ON epoch_copies (epoch);

-- The key of the oblivious function of a medium, wrapped under its leaf. Destroyed rows lose the wrap and stay.
CREATE TABLE medium_keys (
	id TEXT PRIMARY KEY,
	medium_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	generation BIGINT NOT NULL,
	leaf BIGINT NOT NULL,
	algorithm TEXT NOT NULL,
	wrapped BYTEA,
	public_key BYTEA NOT NULL, -- of the verifiable function: what terminals check the answer with
	state TEXT NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'destroyed')),
	created BIGINT NOT NULL,
	rewrapped BIGINT,
	destroyed BIGINT,
	destroyed_epoch BIGINT REFERENCES epochs (number),
	destroyed_by TEXT REFERENCES people (id),
	reason TEXT NOT NULL DEFAULT '',
	CHECK ((state = 'live') = (wrapped IS NOT NULL)),
	UNIQUE (leaf, generation),
	FOREIGN KEY (medium_id, facility_id) REFERENCES media (id, facility_id)
);
-- A renewal walks by generation.
CREATE INDEX medium_keys_of_generation ON medium_keys (generation) WHERE state = 'live';
CREATE UNIQUE INDEX medium_keys_live ON medium_keys (medium_id) WHERE state = 'live';
CREATE INDEX medium_keys_of_medium ON medium_keys (medium_id);

-- Leaves that an epoch cuts.
CREATE TABLE epoch_cuts (
	epoch BIGINT NOT NULL REFERENCES epochs (number),
	medium_key_id TEXT NOT NULL REFERENCES medium_keys (id),
	medium_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	generation BIGINT NOT NULL,
	leaf BIGINT NOT NULL,
	PRIMARY KEY (epoch, medium_key_id)
);
CREATE INDEX epoch_cuts_of_medium ON epoch_cuts (medium_id);

-- The second slot's key, sealed by the terminal to the offline recovery key, and wrapped under the leaf of the medium's
-- key.
CREATE TABLE escrows (
	id TEXT PRIMARY KEY,
	medium_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	key_id TEXT NOT NULL REFERENCES medium_keys (id),
	generation BIGINT NOT NULL,
	recovery_key TEXT NOT NULL,
	algorithm TEXT NOT NULL,
	wrapped BYTEA,
	state TEXT NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'opened', 'replaced', 'destroyed')),
	tested BIGINT, -- it was opened once when it was made
	created BIGINT NOT NULL,
	rewrapped BIGINT,
	ended BIGINT,
	version BIGINT NOT NULL DEFAULT 1,
	CHECK ((state = 'destroyed') = (wrapped IS NULL)),
	FOREIGN KEY (medium_id, facility_id) REFERENCES media (id, facility_id),
	UNIQUE (id, facility_id)
);
CREATE UNIQUE INDEX escrows_live ON escrows (medium_id) WHERE state = 'live';
CREATE INDEX escrows_of_key ON escrows (key_id);
CREATE INDEX escrows_of_generation ON escrows (generation) WHERE wrapped IS NOT NULL;

-- Opening an escrow takes two people.
CREATE TABLE escrow_openings (
	id TEXT PRIMARY KEY,
	escrow_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	reason TEXT NOT NULL,
	state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'approved', 'opened', 'refused', 'expired')),
	first_person_id TEXT NOT NULL REFERENCES people (id),
	asked BIGINT NOT NULL,
	second_person_id TEXT REFERENCES people (id),
	decided BIGINT,
	opened BIGINT,
	expires BIGINT NOT NULL,
	version BIGINT NOT NULL DEFAULT 1,
	CHECK (second_person_id IS NULL OR second_person_id <> first_person_id),
	FOREIGN KEY (escrow_id, facility_id) REFERENCES escrows (id, facility_id)
);
CREATE INDEX escrow_openings_of_escrow ON escrow_openings (escrow_id);

-- Every evaluation, allowed or not: who asked for which medium from where.
CREATE TABLE key_uses (
	id TEXT PRIMARY KEY,
	medium_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	terminal_id TEXT,
	grant_id TEXT,
	user_name TEXT NOT NULL DEFAULT '',
	outcome TEXT NOT NULL, -- evaluated, or why not
	at BIGINT NOT NULL,
	FOREIGN KEY (medium_id, facility_id) REFERENCES media (id, facility_id)
);
CREATE INDEX key_uses_of_medium ON key_uses (medium_id, at);
CREATE INDEX key_uses_of_facility ON key_uses (facility_id, at);

-- Evaluations in a window, counted per medium, terminal and person.
CREATE TABLE key_counters (
	subject_kind TEXT NOT NULL CHECK (subject_kind IN ('medium', 'terminal', 'person')),
	subject_id TEXT NOT NULL,
	window_size BIGINT NOT NULL, -- in ms: an hour, a day
	window_start BIGINT NOT NULL,
	count BIGINT NOT NULL,
	PRIMARY KEY (subject_kind, subject_id, window_size, window_start)
);
CREATE INDEX key_counters_old ON key_counters (window_start);

-- A limit of one medium, terminal or person that differs from the facility's.
CREATE TABLE key_limits (
	subject_kind TEXT NOT NULL CHECK (subject_kind IN ('medium', 'terminal', 'person')),
	subject_id TEXT NOT NULL,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	per_hour BIGINT NOT NULL,
	per_day BIGINT NOT NULL,
	version BIGINT NOT NULL DEFAULT 1,
	PRIMARY KEY (subject_kind, subject_id)
);

-- Destruction of a medium's keys: what was destroyed where and when, which leases are still out and until when, which
-- copies of the old epoch key people hold. receipt: signed.
CREATE TABLE revocations (
	id TEXT PRIMARY KEY,
	medium_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	incident_id TEXT,
	old_epoch BIGINT NOT NULL REFERENCES epochs (number),
	new_epoch BIGINT REFERENCES epochs (number),
	state TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done')),
	asked BIGINT NOT NULL,
	asked_by TEXT NOT NULL REFERENCES people (id),
	finished BIGINT,
	unreadable_from BIGINT, -- the last lease ends
	details TEXT NOT NULL DEFAULT '{}',
	receipt BYTEA,
	FOREIGN KEY (medium_id, facility_id) REFERENCES media (id, facility_id)
);
CREATE INDEX revocations_of_medium ON revocations (medium_id);
CREATE INDEX revocations_running ON revocations (old_epoch) WHERE state = 'running';

-- Public halves of our keys: signing, certificate authority, recovery. Old ones stay, to verify what they signed.
CREATE TABLE public_keys (
	id TEXT PRIMARY KEY,
	purpose TEXT NOT NULL,
	algorithm TEXT NOT NULL,
	public_key BYTEA NOT NULL,
	certificate BYTEA,
	created BIGINT NOT NULL,
	valid_from BIGINT NOT NULL,
	retired BIGINT
);
CREATE INDEX public_keys_of_purpose ON public_keys (purpose, valid_from);
