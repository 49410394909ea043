/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/tell.h"

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
	if (audience->terminal) {
		sk_sql_add(sql, " WHERE terminal_id = ");
		sk_sql_value(sql, sk_db_text(audience->terminal));
	} else if (audience->group) {
		sk_sql_add(sql,
			" WHERE terminal_id IN (SELECT id FROM terminals WHERE state = 'enrolled' AND "
			"group_id = ");
		sk_sql_value(sql, sk_db_text(audience->group));
		sk_sql_add(sql, ")");
	} else {
		sk_sql_add(sql,
			" WHERE terminal_id IN (SELECT id FROM terminals WHERE state = 'enrolled' AND "
			"facility_id = ");
		sk_sql_value(sql, sk_db_text(audience->facility));
		sk_sql_add(sql, ")");
	}
	return sk_sql_exec(sql, NULL);
}
