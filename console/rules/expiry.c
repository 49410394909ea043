/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/expiry.h"

#include <errno.h>

#include "console/rules/grants.h"
#include "console/rules/requests.h"
#include "lib/base/str.h"

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)

int sk_expire_request(const SkActor *actor, const char *id)
{
	return sk_request_act(actor, id, SK_REQUEST_EXPIRE, NULL);
}

static int find_ended_grants(const SkActor *actor, json_t *ids)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT id FROM grants WHERE state = 'live' AND valid_until <= $1 ORDER BY valid_until LIMIT "
		"$2",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_int(SK_EXPIRY_ROWS)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = json_array_append_new(ids, json_string(sk_db_get_text(rows, 0))) < 0 ? -ENOMEM : 0;
	return r;
}

int sk_expire_grants(const SkActor *actor, int64_t *ret_count)
{
	json_auto_t *ids = json_array();
	const json_t *id;
	size_t i;
	int r = ids ? find_ended_grants(actor, ids) : -ENOMEM;

	json_array_foreach (ids, i, id) {
		if (r != 0)
			break;
		r = sk_grant_end(actor, json_string_value(id), "ended", "");
	}
	/* A lease that nobody has confirmed as wiped by now cannot be opened any more: its key has an end. */
	if (r == 0)
		r = sk_db_exec(actor->db,
			"UPDATE leases SET state = 'expired' WHERE state = 'out' AND valid_until <= $1",
			SK_DB_ARGS(sk_db_int(actor->now)), NULL);
	*ret_count = (int64_t)json_array_size(ids);
	return r > 0 ? -EPROTO : r;
}

int sk_expire_codes(const SkActor *actor, int64_t *ret_count)
{
	int64_t offline = 0, glass = 0;
	int r = sk_db_exec(actor->db,
		"UPDATE offline_codes SET state = 'expired', version = version + 1 WHERE state = 'issued' "
		"AND valid_until <= $1",
		SK_DB_ARGS(sk_db_int(actor->now)), &offline);

	if (r == 0)
		r = sk_db_exec(actor->db,
			"UPDATE break_glass_codes SET state = 'expired', version = version + 1 WHERE state = "
			"'sealed' AND "
			"expires <= $1",
			SK_DB_ARGS(sk_db_int(actor->now)), &glass);
	if (r < 0 || offline + glass == 0)
		return r;
	*ret_count = 0;
	return sk_actor_record(actor, &(SkFact){"codes.ended", NULL, "console", "time",
					      json_pack("{s:I, s:I}", "offline", (json_int_t)offline,
						      "breakGlass", (json_int_t)glass)});
}

/* Traces and how long they are kept after their end. No record tells of them: they are no evidence. */
static const struct {
	const char *sql;
	int64_t keep_ms;
} traces[] = {
	{"UPDATE sessions SET ended = idle_until, end_reason = 'idle' WHERE ended IS NULL AND (idle_until < "
	 "$1 "
	 "OR valid_until < $1)",
		0},
	{"DELETE FROM sessions WHERE valid_until < $1", 30 * DAY},
	{"DELETE FROM ceremonies WHERE expires < $1", HOUR},
	{"DELETE FROM sign_in_attempts WHERE at < $1", 90 * DAY},
	{"DELETE FROM rate_counters WHERE window_start < $1", 2 * DAY},
	{"DELETE FROM idempotency_keys WHERE created < $1", DAY},
	{"DELETE FROM outbox WHERE state <> 'waiting' AND created < $1", 400 * DAY},
};

int sk_expire_traces(const SkActor *actor, int64_t *ret_count)
{
	int64_t count = 0, changed;
	int r = 0;

	for (size_t i = 0; r == 0 && i < SK_ARRAY_SIZE(traces); i++) {
		r = sk_db_exec(actor->db, traces[i].sql,
			SK_DB_ARGS(sk_db_int(actor->now - traces[i].keep_ms)), &changed);
		if (r == 0)
			count += changed;
	}
	if (r == 0)
		*ret_count = count;
	return r;
}
