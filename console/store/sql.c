/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/store/sql.h"

#include <string.h>

#include "lib/base/str.h"

struct SkSql {
	SkDb *db;
	int error;
	size_t used;
	size_t n_args;
	size_t n_owned;
	SkDbValue args[SK_SQL_ARGS_MAX];
	void *owned[SK_SQL_ARGS_MAX];
	char text[SK_SQL_TEXT_SIZE];
};

const SkScope sk_scope_all = {.all = true};

bool sk_scope_has_facility(const SkScope *scope, const char *facility)
{
	if (scope->all)
		return true;
	for (size_t i = 0; facility && !scope->terminal && i < scope->n_facilities; i++)
		if (sk_str_eq(scope->facilities[i], facility))
			return true;
	return false;
}

int sk_sql_new(SkDb *db, const char *text, SkSql **ret_sql)
{
	SkSql *sql = malloc(sizeof(*sql));

	if (!sql)
		return -ENOMEM;
	sql->db = db;
	sql->error = 0;
	sql->used = sql->n_args = sql->n_owned = 0;
	sql->text[0] = '\0';
	sk_sql_add_text(sql, text);
	*ret_sql = sql;
	return 0;
}

void sk_sql_free(SkSql *sql)
{
	for (size_t i = 0; sql && i < sql->n_owned; i++)
		free(sql->owned[i]);
	free(sql);
}

void sk_sql_fail(SkSql *sql, int error)
{
	if (sql->error == 0)
		sql->error = error;
}

void sk_sql_add_text(SkSql *sql, const char *text)
{
	size_t size = strlen(text);

	if (sql->used + size >= sizeof(sql->text)) {
		sk_sql_fail(sql, -EMSGSIZE);
		return;
	}
	memcpy(sql->text + sql->used, text, size + 1);
	sql->used += size;
}

void sk_sql_name(SkSql *sql, const char *name)
{
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz_.") != strlen(name))
		sk_sql_fail(sql, -EBADMSG);
	else
		sk_sql_add_text(sql, name);
}

void sk_sql_value(SkSql *sql, SkDbValue value)
{
	char name[16];

	if (sql->n_args == SK_SQL_ARGS_MAX) {
		sk_sql_fail(sql, -EMSGSIZE);
		return;
	}
	sql->args[sql->n_args++] = value;
	sk_str_format(name, sizeof(name), "$%zu", sql->n_args);
	sk_sql_add_text(sql, name);
}

void sk_sql_take(SkSql *sql, SkDbValue value)
{
	void *memory = value.type == SK_DB_TEXT	   ? (void *)value.text
		       : value.type == SK_DB_BYTES ? (void *)value.bytes
						   : NULL;

	if (memory && sql->n_owned == SK_SQL_ARGS_MAX) {
		free(memory);
		sk_sql_fail(sql, -EMSGSIZE);
		return;
	}
	if (memory)
		sql->owned[sql->n_owned++] = memory;
	sk_sql_value(sql, value);
}

/*
 * A list as one value, so that the text does not depend on its length: an array of PostgreSQL, a JSON array
 * for SQLite. Ids are letters and digits; what is not would need quoting, and is refused.
 */
static char *list_of(const SkScope *scope, SkDbEngine engine)
{
	const char *quote = engine == SK_DB_SQLITE ? "\"" : "";
	char *list = NULL;
	size_t size;
	FILE *out = open_memstream(&list, &size);
	bool good = out != NULL;

	if (!out)
		return NULL;
	fputc(engine == SK_DB_SQLITE ? '[' : '{', out);
	for (size_t i = 0; i < scope->n_facilities; i++) {
		const char *id = scope->facilities[i];

		good &= strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == strlen(id) && *id;
		fprintf(out, "%s%s%s%s", i > 0 ? "," : "", quote, id, quote);
	}
	fputc(engine == SK_DB_SQLITE ? ']' : '}', out);
	if (fclose(out) != 0 || !good) {
		free(list);
		return NULL;
	}
	return list;
}

static void add_list(SkSql *sql, const SkScope *scope)
{
	SkDbEngine engine = sk_db_engine(sql->db);
	char *list = list_of(scope, engine);

	if (!list) {
		sk_sql_fail(sql, -EINVAL);
		return;
	}
	sk_sql_add_text(sql, engine == SK_DB_SQLITE ? " IN (SELECT value FROM json_each(" : " = ANY (CAST(");
	sk_sql_take(sql, sk_db_text(list));
	sk_sql_add_text(sql, engine == SK_DB_SQLITE ? "))" : " AS TEXT[]))");
}

void sk_sql_scope(SkSql *sql, const SkScope *scope, const char *facility, const char *terminal)
{
	const char *column = scope->terminal ? terminal : facility;

	if (scope->all)
		return;
	/* No column to tell by, or nothing that may be seen: no row. */
	if (!column || (!scope->terminal && scope->n_facilities == 0)) {
		sk_sql_add(sql, " AND 1 = 0");
		return;
	}
	sk_sql_add(sql, " AND ");
	sk_sql_name(sql, column);
	if (!scope->terminal && scope->n_facilities > 1) {
		add_list(sql, scope);
		return;
	}
	sk_sql_add(sql, " = ");
	sk_sql_value(sql, sk_db_text(scope->terminal ? scope->terminal : scope->facilities[0]));
}

int sk_sql_exec(SkSql *sql, int64_t *ret_changed)
{
	return sql->error < 0 ? sql->error
			      : sk_db_exec(sql->db, sql->text, sql->args, sql->n_args, ret_changed);
}

int sk_sql_query(SkSql *sql, SkDbRows **ret_rows)
{
	return sql->error < 0 ? sql->error
			      : sk_db_query(sql->db, sql->text, sql->args, sql->n_args, ret_rows);
}
