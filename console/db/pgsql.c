/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PostgreSQL: several consoles on one cluster.
 *
 * Transactions are SERIALIZABLE. A weaker level with row locks would be quicker by a few per cent, but each
 * rule ("the requester is not the approver", "one lease at a time") would then have to name the rows it
 * locks, in one order, and the one that is forgotten is found by nobody. What collides is run again by
 * sk_db_transact().
 */
#include "console/db/pgsql_engine.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/str.h"

#define NUMBER_SIZE 24
#define CHANNEL_MAX 63

static SkPgsql *of(SkDb *db)
{
	return (SkPgsql *)db;
}

typedef struct Arguments {
	Oid types[SK_PG_ARGS_MAX];
	const char *values[SK_PG_ARGS_MAX];
	int lengths[SK_PG_ARGS_MAX];
	int formats[SK_PG_ARGS_MAX];
	char numbers[SK_PG_ARGS_MAX][NUMBER_SIZE];
} Arguments;

/* Numbers go as text, so that the server may take them for whatever the place asks for; bytes go as they are.
 */
static int fill_arguments(const SkDbValue *args, size_t n_args, Arguments *ret)
{
	for (size_t i = 0; i < n_args; i++) {
		ret->types[i] = 0;
		ret->values[i] = NULL;
		ret->lengths[i] = 0;
		ret->formats[i] = 0;
		switch (args[i].type) {
		case SK_DB_TEXT:
			ret->types[i] = SK_PG_TEXT;
			ret->values[i] = args[i].text;
			break;
		case SK_DB_INT:
			ret->types[i] = SK_PG_INT8;
			sk_str_format(ret->numbers[i], NUMBER_SIZE, "%" PRId64, args[i].number);
			ret->values[i] = ret->numbers[i];
			break;
		case SK_DB_BYTES:
			if (args[i].size > INT32_MAX)
				return -EMSGSIZE;
			ret->types[i] = SK_PG_BYTEA;
			ret->values[i] = args[i].bytes;
			ret->lengths[i] = (int)args[i].size;
			ret->formats[i] = 1;
			break;
		default: /* the server knows the type of the place */
			break;
		}
	}
	return 0;
}

/* -ENOTCONN before anything was committed: the transaction can run again on a new connection. */
static int in_flight(SkPgsql *pgsql, int r)
{
	return r == -ENOTCONN && pgsql->in_transaction ? -EAGAIN : r;
}

static int fail(SkPgsql *pgsql, const PGresult *result)
{
	int r = sk_pgsql_error(pgsql, result);

	if (r == -ENOTCONN)
		sk_pgsql_disconnect(pgsql);
	return in_flight(pgsql, r);
}

static bool is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* A statement of our own without parameters. */
static int run(SkPgsql *pgsql, const char *sql)
{
	own_result PGresult *result = PQexec(pgsql->connection, sql);

	return is_good(result) ? 0 : fail(pgsql, result);
}

/*
 * The statement's types are those of its first values; a NULL leaves the type to the server. So one text has
 * one set of types, and a caller that changes them is told so (-EBADMSG) by the server.
 */
static int prepare(
	SkPgsql *pgsql, const char *sql, const Arguments *arguments, size_t n_args, SkStatement **ret)
{
	SkStatement *statement = sk_statements_find(&pgsql->statements, sql);
	own_result PGresult *result = NULL;
	char name[32];
	int r;

	if (!statement) {
		statement = sk_statements_add(&pgsql->statements, sql);
		if (!statement)
			return -ENOMEM;
		sk_str_format(name, sizeof(name), "s%lu", statement->number);
		result = PQprepare(pgsql->connection, name, sql, (int)n_args, arguments->types);
		if (!is_good(result)) {
			r = sk_pgsql_error(pgsql, result);
			sk_statements_drop(&pgsql->statements, statement);
			if (r == -ENOTCONN)
				sk_pgsql_disconnect(pgsql);
			return in_flight(pgsql, r);
		}
		statement->prepared = pgsql->connection;
	}
	*ret = statement;
	return 0;
}

static int execute(
	SkPgsql *pgsql, const char *sql, const SkDbValue *args, size_t n_args, PGresult **ret_result)
{
	Arguments arguments;
	SkStatement *statement = NULL;
	own_result PGresult *result = NULL;
	char name[32];
	int r;

	if (n_args > SK_PG_ARGS_MAX)
		return -EMSGSIZE;
	r = fill_arguments(args, n_args, &arguments);
	if (r == 0)
		r = sk_pgsql_ensure(pgsql);
	if (r == 0)
		r = prepare(pgsql, sql, &arguments, n_args, &statement);
	if (r < 0)
		return r;
	sk_str_format(name, sizeof(name), "s%lu", statement->number);
	result = PQexecPrepared(pgsql->connection, name, (int)n_args, arguments.values, arguments.lengths,
		arguments.formats, 1);
	if (!is_good(result))
		return fail(pgsql, result);
	*ret_result = own_take(result);
	return 0;
}

static int pgsql_exec(SkDb *db, const char *sql, const SkDbValue *args, size_t n_args, int64_t *ret_changed)
{
	own_result PGresult *result = NULL;
	uint64_t changed = 0;
	int r = execute(of(db), sql, args, n_args, &result);

	if (r < 0)
		return r;
	if (PQntuples(result) > 0) {
		sk_db_say(db, "the statement has rows");
		return -EBADMSG;
	}
	if (ret_changed) {
		if (*PQcmdTuples(result) && sk_num_parse(PQcmdTuples(result), 10, INT64_MAX, &changed) < 0)
			return -EIO;
		*ret_changed = (int64_t)changed;
	}
	return 0;
}

static int pgsql_query(SkDb *db, const char *sql, const SkDbValue *args, size_t n_args, SkDbRows **ret_rows)
{
	PGresult *result = NULL;
	int r = execute(of(db), sql, args, n_args, &result);

	return r < 0 ? r : sk_pgsql_rows_new(of(db), result, ret_rows);
}

static int pgsql_script(SkDb *db, const char *sql)
{
	return run(of(db), sql);
}

static int begin_once(SkPgsql *pgsql, SkDbBegin how)
{
	own_result PGresult *result = NULL;
	int r = sk_pgsql_ensure(pgsql);

	if (r < 0)
		return r;
	result = PQexec(pgsql->connection, how == SK_DB_BEGIN_WRITE
						   ? "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"
						   : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	if (!is_good(result))
		return fail(pgsql, result);
	pgsql->in_transaction = true;
	return 0;
}

static int pgsql_begin(SkDb *db, SkDbBegin how)
{
	int r = begin_once(of(db), how);

	/* The server was restarted, or another one is the primary now, since we spoke to it last. */
	if (r == -ENOTCONN)
		r = begin_once(of(db), how);
	return r;
}

static void pgsql_rollback(SkDb *db)
{
	SkPgsql *pgsql = of(db);
	own_result PGresult *result = NULL;

	pgsql->in_transaction = false;
	if (!pgsql->connection)
		return;
	result = PQexec(pgsql->connection, "ROLLBACK");
	if (!is_good(result))
		sk_pgsql_disconnect(pgsql);
}

static int pgsql_commit(SkDb *db)
{
	SkPgsql *pgsql = of(db);
	own_result PGresult *result = NULL;
	int r;

	pgsql->in_transaction = false;
	if (!pgsql->connection)
		return -EAGAIN;
	result = PQexec(pgsql->connection, "COMMIT");
	if (!is_good(result)) {
		r = sk_pgsql_error(pgsql, result);
		if (r == -ENOTCONN)
			sk_pgsql_disconnect(pgsql);
		return r;
	}
	/* A transaction in which something failed answers a COMMIT with ROLLBACK, politely. */
	if (!sk_str_eq(PQcmdStatus(result), "COMMIT")) {
		sk_db_say(db, "COMMIT was answered with %s", PQcmdStatus(result));
		return -EBADMSG;
	}
	return 0;
}

/* One at a time among all processes; the lock goes with the connection, so a kill leaves none. */
#define CHANGE_LOCK "1399155561"
#define CHANGE_WAITS 3000

static int pgsql_begin_change(SkDb *db)
{
	int64_t locked = 0;
	int r = 0;

	for (int i = 0; i < CHANGE_WAITS && r == 0 && !locked; i++) {
		if (i > 0)
			usleep(100000);
		r = sk_db_query_int(
			db, "SELECT pg_try_advisory_lock(" CHANGE_LOCK ")", SK_DB_NO_ARGS, &locked);
	}
	if (r == 0 && !locked) {
		sk_db_say(db, "another process changes the schema for five minutes");
		r = -EAGAIN;
	}
	/* An index over millions of rows takes its time. */
	return r < 0 ? r
		     : run(of(db), "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0");
}

static int pgsql_end_change(SkDb *db)
{
	/* The connection has settings and a lock that it should not keep, and prepared statements of an older
	 * schema. */
	sk_pgsql_disconnect(of(db));
	return sk_pgsql_ensure(of(db));
}

static int pgsql_prepare_change(SkDb *db, int64_t number, char *ret_copy, size_t size)
{
	ret_copy[0] = '\0';
	return 0;
}

static int pgsql_check(SkDb *db)
{
	return 0;
}

static int pgsql_notify(SkDb *db, const char *channel, const char *payload)
{
	own_result PGresult *result = NULL;
	int r = execute(of(db), "SELECT pg_notify($1, $2)",
		SK_DB_ARGS(sk_db_text(channel), sk_db_text(payload)), &result);

	return r;
}

static int pgsql_listen(SkDb *db, const char *channel)
{
	char sql[CHANNEL_MAX + 16];
	int r;

	/* A name cannot be a parameter: only a plain word becomes part of a statement. */
	if (strspn(channel, "abcdefghijklmnopqrstuvwxyz_") != strlen(channel) ||
		strlen(channel) > CHANNEL_MAX || !sk_str_format(sql, sizeof(sql), "LISTEN %s", channel))
		return -EINVAL;
	r = sk_pgsql_ensure(of(db));
	return r < 0 ? r : run(of(db), sql);
}

static int pgsql_fd(const SkDb *db)
{
	const SkPgsql *pgsql = (const SkPgsql *)db;

	return pgsql->connection ? PQsocket(pgsql->connection) : -1;
}

static int pgsql_read_notices(SkDb *db, void (*fn)(void *userdata, const char *payload), void *userdata)
{
	SkPgsql *pgsql = of(db);
	PGnotify *notice;
	bool lost = !sk_pgsql_is_alive(pgsql);

	/* What came before the end is told too. */
	if (pgsql->connection && !PQconsumeInput(pgsql->connection))
		lost = true;
	while (pgsql->connection && (notice = PQnotifies(pgsql->connection))) {
		if (fn)
			fn(userdata, notice->extra);
		PQfreemem(notice);
	}
	if (!lost)
		return 0;
	if (pgsql->connection)
		sk_db_say(db, "%s", PQerrorMessage(pgsql->connection));
	sk_pgsql_disconnect(pgsql);
	return -ENOTCONN;
}

static void pgsql_free(SkDb *db)
{
	SkPgsql *pgsql = of(db);

	sk_pgsql_disconnect(pgsql);
	free(pgsql->url);
	free(pgsql);
}

const SkDbDriver sk_pgsql_driver = {
	.engine = SK_DB_PGSQL,
	.free = pgsql_free,
	.begin = pgsql_begin,
	.commit = pgsql_commit,
	.rollback = pgsql_rollback,
	.exec = pgsql_exec,
	.query = pgsql_query,
	.script = pgsql_script,
	.begin_change = pgsql_begin_change,
	.end_change = pgsql_end_change,
	.prepare_change = pgsql_prepare_change,
	.check_change = pgsql_check,
	.check = pgsql_check,
	.next = sk_pgsql_next,
	.rows_free = sk_pgsql_rows_free,
	.type = sk_pgsql_type,
	.text = sk_pgsql_text,
	.number = sk_pgsql_number,
	.bytes = sk_pgsql_bytes,
	.name = sk_pgsql_name,
	.notify = pgsql_notify,
	.listen = pgsql_listen,
	.fd = pgsql_fd,
	.read_notices = pgsql_read_notices,
};
