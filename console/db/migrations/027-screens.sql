-- SPDX-License-Identifier: GPL-2.0-or-later

-- What the evidence of the screen lock counts beside locks (console/rules/screens.h).
ALTER TABLE lock_days ADD COLUMN unlocks BIGINT NOT NULL DEFAULT 0;
ALTER TABLE lock_days ADD COLUMN wrong_passwords BIGINT NOT NULL DEFAULT 0;
ALTER TABLE lock_days ADD COLUMN told BIGINT NOT NULL DEFAULT 0; -- when the terminal told it last

-- terminal_status.lock_state is 'unwatched', 'unknown', 'nobody', 'open', 'locked', 'covered' or 'stands-open'; of the
-- last: whose session, and since when by the terminal's clock.
ALTER TABLE terminal_status ADD COLUMN lock_user TEXT NOT NULL DEFAULT '';
ALTER TABLE terminal_status ADD COLUMN lock_since BIGINT;
CREATE INDEX terminal_status_screens ON terminal_status (facility_id) WHERE lock_state IN ('unwatched', 'stands-open');
