-- SPDX-License-Identifier: GPL-2.0-or-later

-- Orders to lock screens now (console/rules/lock_orders.h), and what came of them at each PC. Of a facility, or of one
-- group or PC in it; nobody is told of one that is over.
CREATE TABLE lock_orders (
	id TEXT PRIMARY KEY,
	facility_id TEXT NOT NULL REFERENCES facilities (id),
	group_id TEXT,
	terminal_id TEXT,
	reason TEXT NOT NULL,
	created BIGINT NOT NULL,
	created_by TEXT NOT NULL REFERENCES people (id),
	expires BIGINT NOT NULL
);
CREATE INDEX lock_orders_of_facility ON lock_orders (facility_id, id);
CREATE TABLE lock_order_terminals (
	order_id TEXT NOT NULL REFERENCES lock_orders (id),
	terminal_id TEXT NOT NULL,
	facility_id TEXT NOT NULL,
	name TEXT NOT NULL, -- as it was called then
	serial BIGINT NOT NULL, -- of the document: the revision that told it
	expires BIGINT NOT NULL,
	outcome TEXT NOT NULL DEFAULT 'waiting'
		CHECK (outcome IN ('waiting', 'locked', 'covered', 'open', 'nobody', 'unwatched')),
	answered BIGINT,
	took BIGINT, -- ms, from the PC's hearing of it
	PRIMARY KEY (order_id, terminal_id),
	FOREIGN KEY (terminal_id, facility_id) REFERENCES terminals (id, facility_id)
);
CREATE INDEX lock_order_terminals_waiting ON lock_order_terminals (terminal_id, expires) WHERE outcome = 'waiting';
