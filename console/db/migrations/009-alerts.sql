-- Alerts, and what is sent out about them.

-- Rules that a clinic understands: kind and limits. facility_id NULL: for all that have none of their own.
CREATE TABLE alert_rules (
	id TEXT PRIMARY KEY,
	facility_id TEXT REFERENCES facilities (id),
	kind TEXT NOT NULL,
	limits TEXT NOT NULL DEFAULT '{}',
	enabled BIGINT NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
	receivers TEXT NOT NULL DEFAULT '[]', -- JSON: roles, people, addresses
	changed BIGINT NOT NULL,
	changed_by TEXT REFERENCES people (id),
	version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX alert_rules_of_facility ON alert_rules (facility_id, kind) WHERE facility_id IS NOT NULL;
CREATE UNIQUE INDEX alert_rules_of_all ON alert_rules (kind) WHERE facility_id IS NULL;

-- One open alert for one matter: it counts instead of repeating.
CREATE TABLE alerts (
	id TEXT PRIMARY KEY,
	facility_id TEXT REFERENCES facilities (id), -- NULL: of the console itself
	kind TEXT NOT NULL,
	subject_kind TEXT NOT NULL DEFAULT '',
	subject_id TEXT NOT NULL DEFAULT '',
	severity TEXT NOT NULL CHECK (severity IN ('notice', 'warning', 'critical')),
	code BIGINT NOT NULL,
	details TEXT NOT NULL DEFAULT '{}',
	state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'acknowledged', 'closed')),
	first BIGINT NOT NULL,
	last BIGINT NOT NULL,
	times BIGINT NOT NULL DEFAULT 1,
	acknowledged BIGINT,
	acknowledged_by TEXT REFERENCES people (id),
	closed BIGINT,
	closed_by TEXT REFERENCES people (id),
	note TEXT NOT NULL DEFAULT '',
	version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX alerts_of_subject ON alerts (kind, subject_kind, subject_id) WHERE state <> 'closed';
CREATE INDEX alerts_of_facility ON alerts (facility_id, state, id);

CREATE TABLE webhooks (
	id TEXT PRIMARY KEY,
	facility_id TEXT REFERENCES facilities (id),
	name TEXT NOT NULL,
	url TEXT NOT NULL,
	secret BYTEA, -- wrapped: of the signature over the body
	kinds TEXT NOT NULL DEFAULT '[]',
	state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused')),
	created BIGINT NOT NULL,
	created_by TEXT REFERENCES people (id),
	version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX webhooks_of_facility ON webhooks (facility_id);

-- Written in the transaction that it tells of, sent afterwards, by whoever holds it until held_until.
CREATE TABLE outbox (
	id TEXT PRIMARY KEY,
	facility_id TEXT REFERENCES facilities (id),
	kind TEXT NOT NULL CHECK (kind IN ('mail', 'webhook')),
	target TEXT NOT NULL, -- address, or id of a webhook
	matter TEXT NOT NULL DEFAULT '', -- what it is about: the same matter is not told twice to one target
	subject TEXT NOT NULL DEFAULT '',
	body TEXT NOT NULL,
	language TEXT NOT NULL DEFAULT 'ja',
	state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'given-up')),
	attempts BIGINT NOT NULL DEFAULT 0,
	next_attempt BIGINT NOT NULL,
	held_until BIGINT NOT NULL DEFAULT 0,
	held_by TEXT REFERENCES instances (id),
	error TEXT NOT NULL DEFAULT '',
	created BIGINT NOT NULL,
	sent BIGINT
);
CREATE INDEX outbox_due ON outbox (next_attempt) WHERE state = 'waiting';
CREATE UNIQUE INDEX outbox_matter ON outbox (target, matter) WHERE matter <> '';
CREATE INDEX outbox_old ON outbox (created);
