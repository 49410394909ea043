/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What both engines share: dispatch, transactions with their hooks, and running them again.
 */
#include "console/db/db_engine.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/crypt/secret.h"

/* A transaction is tried again for so long; a failover of PostgreSQL takes longer, and callers answer 503. */
#define RETRY_NS (INT64_C(8) * 1000000000)
#define PAUSE_FIRST_NS INT64_C(1000000)
#define PAUSE_MAX_NS INT64_C(250000000)

static _Thread_local char open_message[SK_DB_MESSAGE_SIZE];

void sk_db_keep_open_message(const char *message)
{
	sk_str_copy(open_message, sizeof(open_message), message);
}

const char *sk_db_open_message(void)
{
	return open_message;
}

int sk_db_open(const char *where, SkDb **ret_db)
{
	static const char sqlite[] = "sqlite:";

	open_message[0] = '\0';
	if (sk_str_starts(where, sqlite))
		return sk_db_sqlite_open(where + sizeof(sqlite) - 1, ret_db);
	if (sk_str_starts(where, "postgresql://") || sk_str_starts(where, "postgres://"))
		return sk_db_pgsql_open(where, ret_db);
	return -EINVAL;
}

void sk_db_free(SkDb *db)
{
	if (db)
		db->driver->free(db);
}

SkDbEngine sk_db_engine(const SkDb *db)
{
	return db->driver->engine;
}

const char *sk_db_message(const SkDb *db)
{
	return db ? db->message : "";
}

void sk_db_say(SkDb *db, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(db->message, sizeof(db->message), format, args);
	va_end(args);
	for (char *p = db->message; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
}

static int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

bool sk_db_pause(SkDbRetry *retry)
{
	int64_t now = monotonic_ns(), pause;
	struct timespec wait;
	uint32_t random;

	if (retry->end == 0)
		*retry = (SkDbRetry){.end = now + RETRY_NS, .pause = PAUSE_FIRST_NS};
	if (now >= retry->end)
		return false;
	/* Between half of the pause and the whole of it, so that those who collided do not meet again. */
	sk_random_fill(&random, sizeof(random));
	pause = retry->pause / 2 + (int64_t)(random % (uint64_t)(retry->pause / 2));
	wait = (struct timespec){.tv_sec = pause / 1000000000, .tv_nsec = pause % 1000000000};
	nanosleep(&wait, NULL);
	retry->pause = retry->pause * 2 < PAUSE_MAX_NS ? retry->pause * 2 : PAUSE_MAX_NS;
	return true;
}

static void end_hooks(SkDb *db, int result)
{
	size_t n = db->n_hooks;

	db->n_hooks = 0;
	for (size_t i = 0; i < n; i++)
		if (db->hooks[i].ended)
			db->hooks[i].ended(db->hooks[i].userdata, result);
}

static int run_hooks(SkDb *db)
{
	int r = 0;

	for (size_t i = 0; i < db->n_hooks && r == 0; i++)
		if (db->hooks[i].before_commit)
			r = db->hooks[i].before_commit(db, db->hooks[i].userdata);
	return r;
}

/*
 * Agents wait for a change of their revision, whoever makes it: it is told by itself, so that no rule can
 * forget to.
 */
static void note_change(SkDb *db, const char *sql)
{
	static const char *const begins[] = {"UPDATE terminal_revisions ", "INSERT INTO terminal_revisions "};

	for (size_t i = 0; i < SK_ARRAY_SIZE(begins); i++)
		db->changes = db->changes || sk_str_starts(sql, begins[i]);
}

int sk_db_tell_changes(SkDb *db)
{
	if (!db->changes)
		return 0;
	db->changes = false;
	return db->driver->notify(db, SK_DB_REVISIONS, "");
}

/* What follows a begin. */
static int run_once(SkDb *db, int (*fn)(SkDb *db, void *userdata), void *userdata)
{
	int r = 0;

	db->in_transaction = true;
	db->changes = false;
	db->failed = 0;
	r = fn(db, userdata);
	if (r == 0)
		r = run_hooks(db);
	/* What the engine said comes first: fn may have turned -EAGAIN into something of its own. */
	if (db->failed < 0)
		r = db->failed;
	if (r == 0)
		r = sk_db_tell_changes(db);
	if (r == 0)
		r = db->driver->commit(db);
	else
		db->driver->rollback(db);
	db->in_transaction = false;
	db->failed = 0;
	end_hooks(db, r);
	return r;
}

bool sk_db_may_be_collision(const SkDb *db, int r)
{
	return r == -EEXIST && db->driver->engine == SK_DB_PGSQL;
}

static int run_again(SkDb *db, SkDbBegin how, int (*fn)(SkDb *db, void *userdata), void *userdata)
{
	SkDbRetry retry = {.end = 0};
	bool again, looked = false;
	int r;

	if (db->in_group)
		return sk_db_part_run(db, fn, userdata);
	if (db->in_transaction) {
		sk_db_say(db, "a transaction inside a transaction");
		return -EBADMSG;
	}
	do {
		r = db->driver->begin(db, how);
		/* Not connected before anything began: a restart or a failover, which passes. */
		again = r == -ENOTCONN || r == -EAGAIN;
		if (r == 0) {
			r = run_once(db, fn, userdata);
			again = r == -EAGAIN || (!looked && sk_db_may_be_collision(db, r));
			looked = looked || sk_db_may_be_collision(db, r);
		}
	} while (again && sk_db_pause(&retry));
	return r;
}

int sk_db_transact(SkDb *db, int (*fn)(SkDb *db, void *userdata), void *userdata)
{
	return run_again(db, SK_DB_BEGIN_WRITE, fn, userdata);
}

int sk_db_snapshot(SkDb *db, int (*fn)(SkDb *db, void *userdata), void *userdata)
{
	return run_again(db, SK_DB_BEGIN_READ, fn, userdata);
}

/*
 * Remembers the first error of a transaction. Between the parts of a group no savepoint takes it back: to
 * PostgreSQL the whole of the group is over, and says so to whoever comes next.
 */
static int note(SkDb *db, int r)
{
	if (r < 0 && db->in_transaction && db->failed == 0)
		db->failed = r;
	if (r < 0 && db->in_group && !db->in_transaction)
		db->part = SK_DB_PART_OVER;
	return r;
}

int sk_db_hook(SkDb *db, const SkDbHook *hook)
{
	if (!db->in_transaction)
		return -EBADMSG;
	/* The end of a part is not the end of its transaction. */
	if (db->in_group) {
		if (db->part == SK_DB_PART_GOOD)
			db->part = SK_DB_PART_ALONE;
		return note(db, -ENOTSUP);
	}
	if (db->n_hooks == SK_DB_HOOKS_MAX)
		return -ENOBUFS;
	db->hooks[db->n_hooks++] = *hook;
	return 0;
}

/* SQLite would store any bytes as text, and a backup or PostgreSQL would refuse them later. */
static int check_args(SkDb *db, const SkDbValue *args, size_t n_args)
{
	if (db->failed < 0)
		return db->failed;
	for (size_t i = 0; i < n_args; i++)
		if (args[i].type == SK_DB_TEXT && !sk_utf8_check(args[i].text, strlen(args[i].text))) {
			sk_db_say(db, "value %zu is no valid UTF-8", i + 1);
			return note(db, -EBADMSG);
		}
	return 0;
}

int sk_db_exec(SkDb *db, const char *sql, const SkDbValue *args, size_t n_args, int64_t *ret_changed)
{
	int r = check_args(db, args, n_args);

	if (r < 0)
		return r;
	r = note(db, db->driver->exec(db, sql, args, n_args, ret_changed));
	if (r == 0)
		note_change(db, sql);
	return r < 0 || db->in_transaction || db->in_group ? r : sk_db_tell_changes(db);
}

int sk_db_query(SkDb *db, const char *sql, const SkDbValue *args, size_t n_args, SkDbRows **ret_rows)
{
	int r = check_args(db, args, n_args);

	if (r < 0)
		return r;
	return note(db, db->driver->query(db, sql, args, n_args, ret_rows));
}

int sk_db_next(SkDbRows *rows)
{
	return note(rows->db, rows->db->driver->next(rows));
}

void sk_db_rows_free(SkDbRows *rows)
{
	if (rows)
		rows->db->driver->rows_free(rows);
}

size_t sk_db_columns(const SkDbRows *rows)
{
	return rows->n_columns;
}

const char *sk_db_column_name(const SkDbRows *rows, size_t column)
{
	return column < rows->n_columns ? rows->db->driver->name(rows, column) : "";
}

SkDbType sk_db_type(const SkDbRows *rows, size_t column)
{
	return column < rows->n_columns ? rows->db->driver->type(rows, column) : SK_DB_NULL;
}

bool sk_db_is_null(const SkDbRows *rows, size_t column)
{
	return sk_db_type(rows, column) == SK_DB_NULL;
}

const char *sk_db_get_text(const SkDbRows *rows, size_t column)
{
	return sk_db_type(rows, column) == SK_DB_TEXT ? rows->db->driver->text(rows, column) : NULL;
}

int64_t sk_db_get_int(const SkDbRows *rows, size_t column)
{
	return sk_db_type(rows, column) == SK_DB_INT ? rows->db->driver->number(rows, column) : 0;
}

const void *sk_db_get_bytes(const SkDbRows *rows, size_t column, size_t *ret_size)
{
	if (sk_db_type(rows, column) == SK_DB_BYTES)
		return rows->db->driver->bytes(rows, column, ret_size);
	*ret_size = 0;
	return NULL;
}

int sk_db_query_int(SkDb *db, const char *sql, const SkDbValue *args, size_t n_args, int64_t *ret_number)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db, sql, args, n_args, &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r < 0)
		return r;
	if (r == 0)
		return -ENOENT;
	*ret_number = sk_db_get_int(rows, 0);
	return 0;
}

int sk_db_notify(SkDb *db, const char *channel, const char *payload)
{
	if (db->failed < 0)
		return db->failed;
	return note(db, db->driver->notify(db, channel, payload));
}

int sk_db_listen(SkDb *db, const char *channel)
{
	return db->driver->listen(db, channel);
}

int sk_db_fd(const SkDb *db)
{
	return db->driver->fd(db);
}

int sk_db_read_notices(SkDb *db, void (*fn)(void *userdata, const char *payload), void *userdata)
{
	return db->driver->read_notices(db, fn, userdata);
}
