/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection to PostgreSQL: made, configured, and made anew after it was lost.
 */
#include <poll.h>
#include <string.h>

#include "console/db/pgsql_engine.h"
#include "lib/base/str.h"

/*
 * What the URL says wins: it stands behind these. sslmode: a password or a patient's name must not go to
 * whoever answers; it says nothing about unix sockets. target_session_attrs: of several hosts the one that
 * takes writes, so that a failover is found by connecting again. The kernel notices a peer that is gone
 * within a quarter of a minute.
 */
static const struct {
	const char *keyword;
	const char *value;
} defaults[] = {
	{"application_name", "sekisho-console"},
	{"target_session_attrs", "read-write"},
	{"sslmode", "verify-full"},
	{"connect_timeout", "5"},
	{"keepalives_idle", "5"},
	{"keepalives_interval", "3"},
	{"keepalives_count", "3"},
	{"tcp_user_timeout", "14000"},
	{"client_encoding", "UTF8"},
};

/*
 * lock_timeout is shorter than statement_timeout, so that who waits for a row is told -EAGAIN and not that
 * the statement is too slow. A transaction that does nothing for a minute belongs to a process that hangs.
 * The server, too, looks soon whether we are there: a console that is cut off leaves locks behind, and its
 * agents are at another one already. A server that was told to acknowledge before it wrote is asked to write:
 * what we acknowledge, agents delete.
 */
static const char session[] = "SET statement_timeout = '30s'; SET lock_timeout = '5s'; SET "
			      "idle_in_transaction_session_timeout = '60s';"
			      "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 3;"
			      "SET tcp_keepalives_count = 3; SET tcp_user_timeout = '14s';"
			      "SET TimeZone = 'UTC'; SET bytea_output = 'hex';"
			      "SELECT set_config('synchronous_commit', 'on', false)"
			      " WHERE current_setting('synchronous_commit') IN ('off', 'local')";

static void ignore_notice(void *userdata, const char *message)
{
}

static int configure(SkPgsql *pgsql)
{
	own_result PGresult *result = PQexec(pgsql->connection, session);
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ? 0 : sk_pgsql_error(pgsql, result);
}

void sk_pgsql_disconnect(SkPgsql *pgsql)
{
	if (pgsql->connection)
		PQfinish(pgsql->connection);
	pgsql->connection = NULL;
	/* What was prepared was the connection's. */
	sk_statements_clear(&pgsql->statements);
}

static int connect_anew(SkPgsql *pgsql)
{
	const char *keywords[SK_ARRAY_SIZE(defaults) + 2] = {NULL};
	const char *values[SK_ARRAY_SIZE(defaults) + 2] = {NULL};
	int r;

	sk_pgsql_disconnect(pgsql);
	for (size_t i = 0; i < SK_ARRAY_SIZE(defaults); i++) {
		keywords[i] = defaults[i].keyword;
		values[i] = defaults[i].value;
	}
	keywords[SK_ARRAY_SIZE(defaults)] = "dbname"; /* of which the URL is taken apart */
	values[SK_ARRAY_SIZE(defaults)] = pgsql->url;
	pgsql->connection = PQconnectdbParams(keywords, values, 1);
	if (!pgsql->connection)
		return -ENOMEM;
	PQsetNoticeProcessor(pgsql->connection, ignore_notice, NULL);
	if (PQstatus(pgsql->connection) != CONNECTION_OK) {
		sk_db_say(&pgsql->db, "%s", PQerrorMessage(pgsql->connection));
		r = -ENOTCONN;
	} else {
		r = configure(pgsql);
	}
	if (r < 0)
		sk_pgsql_disconnect(pgsql);
	return r;
}

/* Has the server gone since we spoke to it last? Asked before it can matter whether a statement was run or
 * not. */
bool sk_pgsql_is_alive(const SkPgsql *pgsql)
{
	struct pollfd socket = {.events = POLLRDHUP};

	if (!pgsql->connection || PQstatus(pgsql->connection) != CONNECTION_OK)
		return false;
	socket.fd = PQsocket(pgsql->connection);
	return poll(&socket, 1, 0) == 0;
}

int sk_pgsql_ensure(SkPgsql *pgsql)
{
	if (pgsql->in_transaction)
		return pgsql->connection ? 0 : -EAGAIN;
	return sk_pgsql_is_alive(pgsql) ? 0 : connect_anew(pgsql);
}

typedef struct StateError {
	char state[6]; /* SQLSTATE, or the class in its first two letters */
	int error;
} StateError;

/* Whole states before their classes. */
static const StateError errors[] = {
	{"23505", -EEXIST},			/* unique_violation */
	{"40001", -EAGAIN},			/* serialization_failure */
	{"40P01", -EAGAIN},			/* deadlock_detected */
	{"55P03", -EAGAIN},			/* lock_not_available */
	{"57014", -ETIMEDOUT},			/* query_canceled: statement_timeout */
	{"25006", -EROFS},			/* read_only_sql_transaction */
	{"25P03", -EAGAIN},			/* idle_in_transaction_session_timeout */
	{"53100", -ENOSPC},			/* disk_full */
	{"53200", -ENOMEM}, {"53300", -EAGAIN}, /* too_many_connections */
	{"54000", -EMSGSIZE}, /* program_limit_exceeded, such as a row too long for its index */
	{"42501", -EACCES},   /* insufficient_privilege */
	{"XX001", -EUCLEAN},  /* data_corrupted */
	{"XX002", -EUCLEAN},  /* index_corrupted */
	{"08P01", -EBADMSG},  /* protocol_violation: not as many values as parameters */
	{"23", -ESTALE},      /* the other constraints */
	{"08", -ENOTCONN}, {"57P", -ENOTCONN}, /* shutting down, crashed, not up yet */
	{"58", -EIO},			       /* system_error */
};

static int error_of_state(const char *state)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(errors); i++)
		if (sk_str_starts(state, errors[i].state))
			return errors[i].error;
	return -EBADMSG;
}

int sk_pgsql_error(SkPgsql *pgsql, const PGresult *result)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	/* Without its details, which quote the values of rows: this goes to the journal. */
	const char *words = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	int error;

	sk_db_say(&pgsql->db, "%s%s%s", state ? state : "", state ? " " : "",
		words ? words : PQerrorMessage(pgsql->connection));
	if (!state)
		error = PQstatus(pgsql->connection) == CONNECTION_OK ? -EIO : -ENOTCONN;
	else
		error = error_of_state(state);
	/* The server that we had a write refused by is a standby now: the primary is elsewhere. */
	if (error == -EROFS)
		error = -ENOTCONN;
	return error;
}

static void free_prepared(void *userdata, SkStatement *statement)
{
	SkPgsql *pgsql = userdata;
	char sql[64];

	if (!statement->prepared || !pgsql->connection || PQstatus(pgsql->connection) != CONNECTION_OK ||
		PQtransactionStatus(pgsql->connection) == PQTRANS_INERROR)
		return;
	sk_str_format(sql, sizeof(sql), "DEALLOCATE s%lu", statement->number);
	PQclear(PQexec(pgsql->connection, sql));
}

int sk_db_pgsql_open(const char *url, SkDb **ret_db)
{
	SkPgsql *pgsql = calloc(1, sizeof(*pgsql));
	int r;

	if (!pgsql)
		return -ENOMEM;
	pgsql->db.driver = &sk_pgsql_driver;
	pgsql->statements.free_prepared = free_prepared;
	pgsql->statements.userdata = pgsql;
	pgsql->url = strdup(url);
	r = pgsql->url ? connect_anew(pgsql) : -ENOMEM;
	if (r < 0) {
		sk_db_keep_open_message(pgsql->db.message);
		sk_db_free(&pgsql->db);
		return r;
	}
	*ret_db = &pgsql->db;
	return 0;
}
