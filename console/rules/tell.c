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

int sk_tell(const SkActor *actor, const SkAudience *audience)
{
	own_sql SkSql *sql = NULL;
	int r = sk_sql_new(
		actor->db, "UPDATE terminal_revisions SET revision = CASE WHEN revision >= ", &sql);

	if (r < 0)
		return r;
	sk_sql_value(sql, sk_db_int(actor->now));
	sk_sql_add(sql, " THEN revision + 1 ELSE ");
	sk_sql_value(sql, sk_db_int(actor->now));
	sk_sql_add(sql, " END, changed = ");
	sk_sql_value(sql, sk_db_int(actor->now));
	add_audience(sql, actor, audience);
	return sk_sql_exec(sql, NULL);
}
