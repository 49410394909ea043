/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Inside of the PostgreSQL engine: pgsql.c runs statements and transactions, pgsql_connect.c keeps the
 * connection, pgsql_rows.c reads results.
 */
#include <libpq-fe.h>

#include "console/db/db_engine.h"
#include "console/db/statements.h"

/* Types of PostgreSQL by number (pg_type.dat; they never change). */
enum {
	SK_PG_BOOL = 16,
	SK_PG_BYTEA = 17,
	SK_PG_NAME = 19,
	SK_PG_INT8 = 20,
	SK_PG_INT2 = 21,
	SK_PG_INT4 = 23,
	SK_PG_TEXT = 25,
	SK_PG_UNKNOWN = 705,
	SK_PG_VARCHAR = 1043,
	SK_PG_VOID = 2278,
};

#define SK_PG_ARGS_MAX 100

typedef struct SkPgsql {
	SkDb db;
	char *url;
	PGconn *connection;
	SkStatements statements;
	bool in_transaction; /* the server answered a BEGIN; stays true when the connection is lost after it
			      */
} SkPgsql;

extern const SkDbDriver sk_pgsql_driver;

/* Opens the connection anew, unless it is good. Inside a transaction a lost one is -EAGAIN: nothing is
 * committed. */
int sk_pgsql_ensure(SkPgsql *pgsql);
/* Or has the server gone since we spoke to it last? Asked before it can matter whether a statement was run or
 * not. */
bool sk_pgsql_is_alive(const SkPgsql *pgsql);
void sk_pgsql_disconnect(SkPgsql *pgsql);

/* Keeps the message of a result (NULL: of the connection); negative errno. */
int sk_pgsql_error(SkPgsql *pgsql, const PGresult *result);

static inline void sk_pg_clearp(PGresult **result)
{
	PQclear(*result);
}
#define own_result own_(sk_pg_clearp)

/* Takes the result over. Return: 0, -EBADMSG when a column has a type that is not one of the three. */
int sk_pgsql_rows_new(SkPgsql *pgsql, PGresult *result, SkDbRows **ret_rows);
int sk_pgsql_next(SkDbRows *rows);
void sk_pgsql_rows_free(SkDbRows *rows);
SkDbType sk_pgsql_type(const SkDbRows *rows, size_t column);
const char *sk_pgsql_text(const SkDbRows *rows, size_t column);
int64_t sk_pgsql_number(const SkDbRows *rows, size_t column);
const void *sk_pgsql_bytes(const SkDbRows *rows, size_t column, size_t *ret_size);
const char *sk_pgsql_name(const SkDbRows *rows, size_t column);
