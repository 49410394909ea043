-- Uses of keys of the last hour, counted every time that figures are asked for.
CREATE INDEX key_uses_by_time ON key_uses (at);
