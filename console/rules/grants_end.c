/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of grants. What is over is told in the same transaction; a lease under it is wiped by its terminal
 * when that hears of it, and says so.
 */
#include <errno.h>

#include "console/rules/grants.h"
#include "console/rules/tell.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

static int tell_of(const SkActor *actor, const json_t *grant)
{
	const char *terminal = sk_row_text(grant, "terminal"), *group = sk_row_text(grant, "group");

	return sk_tell(actor, &(SkAudience){.terminal = *terminal ? terminal : NULL, .group = group});
}

static int end(const SkActor *actor, const json_t *grant, const char *state, const char *reason)
{
	int r = sk_table_update(actor->db, &sk_grants_table, actor->scope,
		&(SkRowKey){.id = sk_row_text(grant, "id")},
		&(SkWrite){SK_SETS({"state", sk_db_text(state)}, {"ended", sk_db_int(actor->now)},
			{"ended_by", sk_db_text(actor->person)}, {"reason", sk_db_text(reason)})});

	if (r == 0)
		r = tell_of(actor, grant);
	if (r < 0)
		return r;
	return sk_actor_record(
		actor, &(SkFact){sk_str_eq(state, "revoked") ? "grant.revoked" : "grant.ended",
			       sk_row_text(grant, "facility"), "medium", sk_row_text(grant, "medium"),
			       json_pack("{s:s, s:s}", "grant", sk_row_text(grant, "id"), "reason", reason)});
}

int sk_grant_end(const SkActor *actor, const char *grant, const char *state, const char *reason)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_grants_table, actor->scope, grant, &row);

	if (r < 0)
		return r;
	return sk_str_eq(sk_row_text(row, "state"), "live") ? end(actor, row, state, reason) : SK_GRANT_ENDED;
}

int sk_grant_revoke(const SkActor *actor, const SkRowKey *key, const char *reason)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_grants_table, actor->scope, key->id, &row);

	if (r < 0)
		return r;
	if (key->version != json_integer_value(json_object_get(row, "version")))
		return -ECANCELED;
	if (!sk_str_eq(sk_row_text(row, "state"), "live"))
		return SK_GRANT_ENDED;
	return reason && *reason ? end(actor, row, "revoked", reason) : SK_MEDIUM_REASON_NEEDED;
}

/* The living grants of a medium or a visit, by the name of the column. */
static int live_of(const SkActor *actor, const char *column, const char *id, json_t **ret_grants)
{
	own_sql SkSql *sql = NULL;
	int r = sk_sql_new(actor->db, "SELECT ", &sql);

	if (r < 0)
		return r;
	sk_table_columns(&sk_grants_table, NULL, sql);
	sk_sql_add(sql, " FROM grants WHERE state = 'live' AND ");
	sk_sql_name(sql, column);
	sk_sql_add(sql, " = ");
	sk_sql_value(sql, sk_db_text(id));
	return sk_rows_json(&sk_grants_table, sql, ret_grants);
}

int sk_grants_end_visit(const SkActor *actor, const char *visit)
{
	json_auto_t *grants = NULL;
	const json_t *grant;
	size_t i;
	int r = live_of(actor, "visit_id", visit, &grants);

	json_array_foreach (grants, i, grant) {
		if (r == 0)
			r = end(actor, grant, "ended", "visit");
	}
	return r;
}

int sk_grants_follow(const SkActor *actor, const json_t *medium, SkMediumState to, const char *reason)
{
	int from = sk_medium_state_parse(sk_row_text(medium, "state"));
	json_auto_t *grants = NULL;
	const json_t *grant;
	size_t i;
	int r;

	if (sk_medium_state_is_usable(to))
		return 0;
	r = live_of(actor, "medium_id", sk_row_text(medium, "id"), &grants);
	json_array_foreach (grants, i, grant) {
		if (r == 0)
			r = end(actor, grant, sk_medium_state_is_refused(to) ? "revoked" : "ended",
				reason && *reason ? reason : sk_medium_state_name(to));
	}
	if (r == 0 && (sk_medium_state_is_refused(to) ||
			      (from >= 0 && sk_medium_state_is_refused((SkMediumState)from))))
		r = sk_tell(actor,
			&(SkAudience){.facility = sk_row_text(medium, "facility"), .same = SK_SAME_GRANTS});
	return r;
}
