/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/actor.h"

#include <errno.h>

#include "console/rules/calendar.h"
#include "lib/base/str.h"

int sk_actor_record(const SkActor *actor, const SkFact *fact)
{
	char who[16 + SK_ID_SIZE] = "console", subject[32 + SK_ID_SIZE];
	json_auto_t *body = fact->body;

	if (!body)
		return -ENOMEM;
	if (actor->person)
		sk_str_format(who, sizeof(who), "person:%s", actor->person);
	else if (actor->terminal)
		sk_str_format(who, sizeof(who), "terminal:%s", actor->terminal);
	sk_str_format(subject, sizeof(subject), "%s:%s", fact->subject_kind, fact->subject);
	return sk_chain_append(actor->chain, actor->db,
		&(SkChainEntry){.kind = fact->kind,
			.actor = who,
			.body = body,
			.facility = fact->facility,
			.subject = subject});
}

int sk_actor_number(const SkActor *actor, const char *table, const char *prefix, const char *facility,
	char ret_number[SK_NUMBER_SIZE])
{
	int year = sk_date_of(sk_day_of(actor->now)).year, r;
	own_rows SkDbRows *rows = NULL;
	own_sql SkSql *sql = NULL;
	char pattern[SK_NUMBER_SIZE];

	sk_str_format(pattern, sizeof(pattern), "%s%04d-%%", prefix, year);
	/* Two that count at the same time would take the same number: the second one waits, and counts again.
	 */
	r = sk_db_exec(actor->db, "UPDATE facilities SET state = state WHERE id = $1",
		SK_DB_ARGS(sk_db_text(facility)), NULL);
	if (r == 0)
		r = sk_sql_new(actor->db, "SELECT count(*) FROM ", &sql);
	if (r < 0)
		return r;
	sk_sql_name(sql, table);
	sk_sql_add(sql, " WHERE facility_id = ");
	sk_sql_value(sql, sk_db_text(facility));
	sk_sql_add(sql, " AND number LIKE ");
	sk_sql_value(sql, sk_db_text(pattern));
	r = sk_sql_query(sql, &rows);
	if (r == 0)
		r = sk_db_next(rows);
	if (r < 0)
		return r;
	return sk_str_format(ret_number, SK_NUMBER_SIZE, "%s%04d-%04lld", prefix, year,
		       (long long)sk_db_get_int(rows, 0) + 1)
		       ? 0
		       : -ERANGE;
}
