/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/db/statements.h"

#include <stdlib.h>
#include <string.h>

SkStatement *sk_statements_find(SkStatements *statements, const char *sql)
{
	SkStatement *found;

	HASH_FIND_STR(statements->by_sql, sql, found);
	if (!found || found->busy)
		return NULL;
	/* uthash keeps the order of adding: the first is the least recently used. */
	HASH_DEL(statements->by_sql, found);
	HASH_ADD_KEYPTR(hh, statements->by_sql, found->sql, strlen(found->sql), found);
	return found;
}

static bool make_room(SkStatements *statements)
{
	SkStatement *statement, *next;

	if (HASH_COUNT(statements->by_sql) < SK_STATEMENTS_MAX)
		return true;
	HASH_ITER (hh, statements->by_sql, statement, next) {
		if (!statement->busy) {
			sk_statements_drop(statements, statement);
			return true;
		}
	}
	return false;
}

SkStatement *sk_statements_add(SkStatements *statements, const char *sql)
{
	SkStatement *statement = calloc(1, sizeof(*statement));
	SkStatement *same;

	if (!statement)
		return NULL;
	statement->sql = strdup(sql);
	if (!statement->sql) {
		free(statement);
		return NULL;
	}
	statement->number = ++statements->last_number;
	HASH_FIND_STR(statements->by_sql, sql, same);
	if (!same && make_room(statements))
		HASH_ADD_KEYPTR(hh, statements->by_sql, statement->sql, strlen(statement->sql), statement);
	return statement;
}

static bool is_cached(SkStatements *statements, const SkStatement *statement)
{
	SkStatement *found;

	HASH_FIND_STR(statements->by_sql, statement->sql, found);
	return found == statement;
}

void sk_statements_release(SkStatements *statements, SkStatement *statement)
{
	statement->busy = false;
	if (!is_cached(statements, statement))
		sk_statements_drop(statements, statement);
}

void sk_statements_drop(SkStatements *statements, SkStatement *statement)
{
	if (is_cached(statements, statement))
		HASH_DEL(statements->by_sql, statement);
	statements->free_prepared(statements->userdata, statement);
	free(statement->sql);
	free(statement);
}

void sk_statements_clear(SkStatements *statements)
{
	SkStatement *statement, *next;

	HASH_ITER (hh, statements->by_sql, statement, next)
		sk_statements_drop(statements, statement);
}
