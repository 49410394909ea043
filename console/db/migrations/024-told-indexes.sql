-- SPDX-License-Identifier: GPL-2.0-or-later

-- What each PC is told of is found without looking through everybody's.
CREATE INDEX grants_revoked_of_terminal ON grants (terminal_id, valid_until) WHERE state = 'revoked';
CREATE INDEX grants_revoked_of_group ON grants (group_id, valid_until) WHERE state = 'revoked';
CREATE INDEX break_glass_codes_of_terminal ON break_glass_codes (terminal_id) WHERE state = 'sealed';
CREATE INDEX break_glass_codes_of_group ON break_glass_codes (group_id) WHERE state = 'sealed';
