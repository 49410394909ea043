/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/tell.h"

static void add_audience(SkSql *sql, const SkActor *actor, const SkAudience *audience)
{
	sk_sql_add(sql, " WHERE terminal_id ");
	if (audience->terminal) {
		sk_sql_add(sql, "= ");
		sk_sql_value(sql, sk_db_text(audience->terminal));
	} else if (audience->given) {
		sk_sql_add(sql, "IN (SELECT terminal_id FROM terminal_policies WHERE state = 'sent' AND "
				"changed = ");
		sk_sql_value(sql, sk_db_int(actor->now));
		sk_sql_add(sql, ")");
	} else {
		sk_sql_add(sql, "IN (SELECT id FROM terminals WHERE state = 'enrolled'");
		if (audience->group) {
			sk_sql_add(sql, " AND group_id = ");
			sk_sql_value(sql, sk_db_text(audience->group));
		} else if (!audience->all) {
			sk_sql_add(sql, " AND facility_id = ");
			sk_sql_value(sql, sk_db_text(audience->facility));
		}
		sk_sql_add(sql, ")");
	}
}

/* The engines see the old revision in each of these. */
static void add_raised(SkSql *sql, const SkActor *actor, const char *column)
{
	sk_sql_name(sql, column);
	sk_sql_add(sql, " = CASE WHEN revision >= ");
	sk_sql_value(sql, sk_db_int(actor->now));
	sk_sql_add(sql, " THEN revision + 1 ELSE ");
	sk_sql_value(sql, sk_db_int(actor->now));
	sk_sql_add(sql, " END, ");
}

int sk_tell(const SkActor *actor, const SkAudience *audience)
{
	own_sql SkSql *sql = NULL;
	int r = sk_sql_new(actor->db, "UPDATE terminal_revisions SET ", &sql);

	if (r < 0)
		return r;
	add_raised(sql, actor, "revision");
	if (!(audience->same & SK_SAME_GRANTS))
		add_raised(sql, actor, "grants");
	if (!(audience->same & SK_SAME_REVOCATIONS))
		add_raised(sql, actor, "revocations");
	sk_sql_add(sql, "changed = ");
	sk_sql_value(sql, sk_db_int(actor->now));
	add_audience(sql, actor, audience);
	return sk_sql_exec(sql, NULL);
}
