-- Loss and theft (LOSS-1, LOSS-2): incidents, their steps and clocks, the drafts of both reports, the patients.

-- What has to be done: facility_id NULL is the one we deliver. steps: JSON, [{title, text, hours, role}].
CREATE TABLE incident_templates (
	id TEXT PRIMARY KEY,
	facility_id TEXT REFERENCES facilities (id),
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	steps TEXT NOT NULL,
	state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retired')),
	changed BIGINT NOT NULL,
	changed_by TEXT REFERENCES people (id),
	version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX incident_templates_of_facility ON incident_templates (facility_id, kind);

-- The clocks run from `known`. duty: whether a report is due, with `exempt_because` when 高度な暗号化 says it is not.
-- evidence: JSON, the proof as it was when the medium was revoked.
CREATE TABLE incidents (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	number TEXT NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('loss', 'theft', 'leak', 'malware', 'device', 'break-glass', 'other')),
	state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'contained', 'reported', 'closed')),
	title TEXT NOT NULL,
	description TEXT NOT NULL DEFAULT '',
	happened BIGINT,
	known BIGINT NOT NULL,
	reported_by TEXT REFERENCES people (id),
	reported_from TEXT, -- terminal
	place TEXT NOT NULL DEFAULT '',
	persons BIGINT, -- whose data it is
	items TEXT NOT NULL DEFAULT '', -- of personal data
	improper_intent BIGINT NOT NULL DEFAULT 0 CHECK (improper_intent IN (0, 1)), -- 60 days instead of 30
	duty TEXT NOT NULL DEFAULT 'open' CHECK (duty IN ('open', 'due', 'exempt')),
	exempt_because TEXT NOT NULL DEFAULT '',
	preliminary_due BIGINT,
	preliminary_sent BIGINT,
	final_due BIGINT,
	final_sent BIGINT,
	evidence TEXT NOT NULL DEFAULT '{}',
	owner_id TEXT REFERENCES people (id),
	closed BIGINT,
	closed_by TEXT REFERENCES people (id),
	conclusion TEXT,
	created BIGINT NOT NULL,
	version BIGINT NOT NULL DEFAULT 1,
	FOREIGN KEY (reported_from, facility_id) REFERENCES terminals (id, facility_id),
	UNIQUE (facility_id, number),
	UNIQUE (id, facility_id)
);
CREATE INDEX incidents_by_state ON incidents (facility_id, state, id);
CREATE INDEX incidents_preliminary ON incidents (preliminary_due) WHERE preliminary_sent IS NULL AND state <> 'closed';
CREATE INDEX incidents_final ON incidents (final_due) WHERE final_sent IS NULL AND state <> 'closed';

CREATE TABLE incident_media (
	incident_id TEXT NOT NULL,
	medium_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	manifest_id TEXT,
	revocation_id TEXT REFERENCES revocations (id),
	PRIMARY KEY (incident_id, medium_id),
	FOREIGN KEY (incident_id, facility_id) REFERENCES incidents (id, facility_id),
	FOREIGN KEY (medium_id, facility_id) REFERENCES media (id, facility_id)
);
CREATE INDEX incident_media_of_medium ON incident_media (medium_id);

CREATE TABLE incident_steps (
	id TEXT PRIMARY KEY,
	incident_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	position BIGINT NOT NULL,
	title TEXT NOT NULL,
	text TEXT NOT NULL DEFAULT '',
	owner_id TEXT REFERENCES people (id),
	role TEXT,
	due BIGINT,
	state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'skipped')),
	done BIGINT,
	done_by TEXT REFERENCES people (id),
	note TEXT NOT NULL DEFAULT '',
	version BIGINT NOT NULL DEFAULT 1,
	UNIQUE (incident_id, position),
	FOREIGN KEY (incident_id, facility_id) REFERENCES incidents (id, facility_id)
);
CREATE INDEX incident_steps_due ON incident_steps (due) WHERE state = 'open';
CREATE INDEX incident_steps_of_owner ON incident_steps (owner_id) WHERE state = 'open';

-- The nine items of the report as JSON; each saved draft is a row, so that what was sent stays as it was.
CREATE TABLE incident_reports (
	id TEXT PRIMARY KEY,
	incident_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('preliminary', 'final')),
	draft BIGINT NOT NULL,
	items TEXT NOT NULL,
	created BIGINT NOT NULL,
	created_by TEXT REFERENCES people (id),
	sent BIGINT,
	sent_by TEXT REFERENCES people (id),
	sent_to TEXT NOT NULL DEFAULT '',
	receipt TEXT NOT NULL DEFAULT '',
	UNIQUE (incident_id, kind, draft),
	FOREIGN KEY (incident_id, facility_id) REFERENCES incidents (id, facility_id)
);

-- Who has to be told. No more than is needed for it.
CREATE TABLE incident_persons (
	id TEXT PRIMARY KEY,
	incident_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	reference TEXT NOT NULL, -- the clinic's number of the patient
	name TEXT NOT NULL DEFAULT '',
	contact TEXT NOT NULL DEFAULT '',
	state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'told', 'unreachable', 'not-needed')),
	told BIGINT,
	told_by TEXT REFERENCES people (id),
	method TEXT NOT NULL DEFAULT '',
	note TEXT NOT NULL DEFAULT '',
	version BIGINT NOT NULL DEFAULT 1,
	UNIQUE (incident_id, reference),
	FOREIGN KEY (incident_id, facility_id) REFERENCES incidents (id, facility_id)
);
