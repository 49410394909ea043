/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A statement that is put together: texts of this program, and values that are bound. There is no way to put
 * a value into the text.
 *
 *	own_sql SkSql *sql = NULL;
 *	r = sk_sql_new(db, "SELECT id FROM media WHERE state = ", &sql);
 *	sk_sql_value(sql, sk_db_text(state));
 *	sk_sql_scope(sql, scope, "facility_id", NULL);
 *	r = sk_sql_query(sql, &rows);
 *
 * What does not fit is remembered and returned when the statement is to run (-EMSGSIZE).
 */
#include <stdbool.h>
#include <stddef.h>

#include "console/db/db.h"

#define SK_SQL_TEXT_SIZE 8192
#define SK_SQL_ARGS_MAX 96

/*
 * Who may see what. all: everything; else the facilities, borrowed (none: nothing), or, with terminal, the
 * rows of one terminal. A table without a facility is within `all` only.
 */
typedef struct SkScope {
	bool all;
	const char *const *facilities;
	size_t n_facilities;
	const char *terminal;
} SkScope;

extern const SkScope sk_scope_all;
#define SK_SCOPE_ALL (&sk_scope_all)

bool sk_scope_has_facility(const SkScope *scope, const char *facility);

typedef struct SkSql SkSql;

/* text: a constant of this program. Return: 0 or -ENOMEM. */
int sk_sql_new(SkDb *db, const char *text, SkSql **ret_sql);
void sk_sql_free(SkSql *sql);
OWN_DEFINE(SkSql, sk_sql_free)
#define own_sql own_(sk_sql_freep)

/* Only literals: `"" text` does not compile with anything else. */
#define sk_sql_add(sql, text) sk_sql_add_text(sql, "" text)
void sk_sql_add_text(SkSql *sql, const char *text);

/* The name of a table or a column from a constant table: [a-z_.]. */
void sk_sql_name(SkSql *sql, const char *name);

/* Appends "$n" and binds the value, whose text or bytes are borrowed until the statement has run. */
void sk_sql_value(SkSql *sql, SkDbValue value);

/* The same with text (or bytes) that the statement takes over and frees. */
void sk_sql_take(SkSql *sql, SkDbValue value);

/*
 * Appends " AND ..." so that only rows of the scope remain. facility, terminal: names of columns, NULL for a
 * table that has none.
 */
void sk_sql_scope(SkSql *sql, const SkScope *scope, const char *facility, const char *terminal);

/* Remembers an error for the run: the first one stays. */
void sk_sql_fail(SkSql *sql, int error);

int sk_sql_exec(SkSql *sql, int64_t *ret_changed);
int sk_sql_query(SkSql *sql, SkDbRows **ret_rows);
