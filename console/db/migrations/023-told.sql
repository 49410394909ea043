-- SPDX-License-Identifier: GPL-2.0-or-later

-- The revision at which what is signed for a terminal changed last: who is at it or above has it, and needs it neither
-- signed nor sent again.
ALTER TABLE terminal_revisions ADD COLUMN grants BIGINT NOT NULL DEFAULT 1;
ALTER TABLE terminal_revisions ADD COLUMN revocations BIGINT NOT NULL DEFAULT 1;
UPDATE terminal_revisions SET grants = revision, revocations = revision;
