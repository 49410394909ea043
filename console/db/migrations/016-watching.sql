-- What is looked at every few minutes: refusals of the last hour, among very many records; and uses of keys.
CREATE INDEX records_refused ON records (facility_id, at)
	WHERE line LIKE '%"code":"SK-11%' OR line LIKE '%"code":"SK-12%';
CREATE INDEX key_uses_by_time ON key_uses (at);
