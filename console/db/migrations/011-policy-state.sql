-- What each PC is to have, and what it said to that; what a roll-out needs to go on after a kill.

-- A version is published only after this time's check; warnings: JSON, what the check remarked.
ALTER TABLE policy_versions ADD COLUMN checked BIGINT;
ALTER TABLE policy_versions ADD COLUMN warnings TEXT NOT NULL DEFAULT '[]';

-- The document of a terminal is made of this row. policy_version_id NULL: nothing of the console any more.
CREATE TABLE terminal_policies (
	terminal_id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL,
	policy_version_id TEXT,
	mode TEXT NOT NULL CHECK (mode IN ('learning', 'warning', 'enforcing')),
	serial BIGINT NOT NULL, -- only grows
	rollback BIGINT NOT NULL DEFAULT 0 CHECK (rollback IN (0, 1)), -- older than what was there
	changed BIGINT NOT NULL,
	state TEXT NOT NULL DEFAULT 'sent' CHECK (state IN ('sent', 'applied', 'refused')),
	told BIGINT, -- when the terminal answered
	error TEXT NOT NULL DEFAULT '', -- file:line:column: text
	running_version_id TEXT, -- the last one that it said it applied
	running_mode TEXT,
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id),
	FOREIGN KEY (policy_version_id, facility_id) REFERENCES policy_versions (id, facility_id)
);
CREATE INDEX terminal_policies_of_facility ON terminal_policies (facility_id, state);
CREATE INDEX terminal_policies_of_version ON terminal_policies (policy_version_id);
CREATE INDEX terminal_policies_changed ON terminal_policies (changed);

-- What a group has is part of its row; its terminals have rows of their own now.
ALTER TABLE terminal_groups ADD COLUMN policy_version_id TEXT;
DROP TABLE group_policies;

-- mode NULL: stays as it is. counted: terminals of the roll-out.
ALTER TABLE rollouts ADD COLUMN mode TEXT;
ALTER TABLE rollouts ADD COLUMN stage_since BIGINT;
ALTER TABLE rollouts ADD COLUMN counted BIGINT NOT NULL DEFAULT 0;

-- looked: the last record that was looked at for refusals; refusals: of devices that were allowed before.
ALTER TABLE rollout_terminals ADD COLUMN previous_version_id TEXT;
ALTER TABLE rollout_terminals ADD COLUMN previous_mode TEXT;
ALTER TABLE rollout_terminals ADD COLUMN sent BIGINT;
ALTER TABLE rollout_terminals ADD COLUMN looked BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rollout_terminals ADD COLUMN refusals BIGINT NOT NULL DEFAULT 0;

ALTER TABLE dry_runs ADD COLUMN mode TEXT NOT NULL DEFAULT 'enforcing';
