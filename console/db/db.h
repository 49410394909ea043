/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One interface to the database, with two engines behind it: SQLite for one clinic, PostgreSQL for a group.
 * Statements are written once, in the SQL that both speak, with parameters $1, $2 …; values are always bound,
 * never pasted. A connection belongs to one thread.
 *
 * Types: TEXT (UTF-8), BIGINT (also times, in ms since 1970, and truth as 0 and 1) and BYTEA (bytes). Nothing
 * else crosses this interface.
 *
 * Errors: negative errno, and sk_db_message() tells the engine's words for the journal. The ones that callers
 * act upon:
 * - -EEXIST: a UNIQUE or PRIMARY KEY constraint
 * - -ESTALE: a FOREIGN KEY or CHECK constraint: the row does not fit the others
 * - -EAGAIN: a serialisation failure, a deadlock, a busy or restarting database: the whole transaction may be
 *   run again (sk_db_transact() does so)
 * - -ENOTCONN: the connection is gone and could not be made anew
 * - -ENOSPC, -EROFS: the database cannot write
 * - -ETIMEDOUT: a statement took longer than any should
 * - -EUCLEAN: the file is damaged, or no database of ours
 * - -EBADMSG: the statement is wrong: an error in this program
 *
 * A statement that failed inside a transaction fails the transaction, on both engines: every later one
 * returns the same error, and so does sk_db_transact(). Who wants to know whether a row is there asks with ON
 * CONFLICT DO NOTHING and looks at ret_changed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/own.h"

typedef struct SkDb SkDb;
typedef struct SkDbRows SkDbRows;

typedef enum SkDbEngine { SK_DB_SQLITE, SK_DB_PGSQL } SkDbEngine;

typedef enum SkDbType { SK_DB_NULL, SK_DB_TEXT, SK_DB_INT, SK_DB_BYTES } SkDbType;

/* A bound value; text and bytes are borrowed until the statement has run. */
typedef struct SkDbValue {
	SkDbType type;
	union {
		const char *text;
		int64_t number;
		const void *bytes;
	};
	size_t size; /* of bytes */
} SkDbValue;

/* For argument lists: SK_DB_ARGS(sk_db_text(id), sk_db_int(now)). A NULL pointer binds NULL. */
#define SK_DB_ARGS(...)                                                                                      \
	(const SkDbValue[]){__VA_ARGS__}, sizeof((const SkDbValue[]){__VA_ARGS__}) / sizeof(SkDbValue)
#define SK_DB_NO_ARGS NULL, 0

static inline SkDbValue sk_db_text(const char *text)
{
	return (SkDbValue){.type = text ? SK_DB_TEXT : SK_DB_NULL, .text = text};
}

static inline SkDbValue sk_db_int(int64_t number)
{
	return (SkDbValue){.type = SK_DB_INT, .number = number};
}

static inline SkDbValue sk_db_bytes(const void *bytes, size_t size)
{
	return (SkDbValue){.type = bytes ? SK_DB_BYTES : SK_DB_NULL, .bytes = bytes, .size = size};
}

static inline SkDbValue sk_db_null(void)
{
	return (SkDbValue){.type = SK_DB_NULL};
}

/*
 * where: "sqlite:/PATH" or "postgresql://…" (libpq's words). Opens and configures the connection; makes a
 * missing SQLite file (mode 0600). Does not migrate. To PostgreSQL over TCP sslmode is verify-full and
 * target_session_attrs read-write unless the URL says otherwise.
 * Return: 0, -EINVAL an unknown kind of address, -ENOTCONN, -EACCES and others of the system.
 */
int sk_db_open(const char *where, SkDb **ret_db);

/* What the engine said about the last sk_db_open() of this thread that failed; "" when it said nothing. */
const char *sk_db_open_message(void);

void sk_db_free(SkDb *db);
OWN_DEFINE(SkDb, sk_db_free)
#define own_db own_(sk_db_freep)

SkDbEngine sk_db_engine(const SkDb *db);

/* What the engine said about the last error of db, which may be NULL; "" when it said nothing. */
const char *sk_db_message(const SkDb *db);

/*
 * Runs fn inside a transaction that may write, and commits when it returned 0; what else it returned rolls
 * back and is returned. On -EAGAIN the whole is run again, at most some seconds long, with growing pauses, so
 * fn has no effects but on the database. On PostgreSQL it is run once more on -EEXIST, too: the row may have
 * been made at the same time. Transactions are serialisable. A lost connection during the commit of
 * PostgreSQL is -ENOTCONN: whether it happened is unknown, so fn writes what a second run recognises (ids
 * made by the caller).
 */
int sk_db_transact(SkDb *db, int (*fn)(SkDb *db, void *userdata), void *userdata);

/*
 * Runs fn inside a transaction that only reads, all from one moment. It holds up no writer and waits for
 * none. Runs fn again on -EAGAIN like sk_db_transact().
 */
int sk_db_snapshot(SkDb *db, int (*fn)(SkDb *db, void *userdata), void *userdata);

/*
 * For the end of the transaction that is open: before_commit (may be NULL) runs as its last part when fn
 * returned 0, and its error rolls back; ended (may be NULL) hears how it went, in any case, once: 0 it is
 * committed, -ENOTCONN nobody knows, other: it is not. Each run of fn adds its hooks anew. At most 8
 * (-ENOBUFS); none outside a transaction (-EBADMSG).
 */
typedef struct SkDbHook {
	int (*before_commit)(SkDb *db, void *userdata);
	void (*ended)(void *userdata, int result);
	void *userdata;
} SkDbHook;

int sk_db_hook(SkDb *db, const SkDbHook *hook);

/* One statement that returns no rows. ret_changed (may be NULL): rows written. */
int sk_db_exec(SkDb *db, const char *sql, const SkDbValue *args, size_t n_args, int64_t *ret_changed);

/* One statement with rows. The rows hold the statement until they are freed. */
int sk_db_query(SkDb *db, const char *sql, const SkDbValue *args, size_t n_args, SkDbRows **ret_rows);

/* The next row. Return: 1 there is one, 0 the end, or an error. */
int sk_db_next(SkDbRows *rows);
void sk_db_rows_free(SkDbRows *rows);
OWN_DEFINE(SkDbRows, sk_db_rows_free)
#define own_rows own_(sk_db_rows_freep)

/*
 * Columns from 0. Pointers live until the next sk_db_next(). NULL reads as NULL, 0 and no bytes, and so does
 * a column of another type than the one that is asked for. What PostgreSQL calculates in other types is cast
 * in the statement: CAST(sum(x) AS BIGINT).
 */
size_t sk_db_columns(const SkDbRows *rows);
const char *sk_db_column_name(const SkDbRows *rows, size_t column);
SkDbType sk_db_type(const SkDbRows *rows, size_t column);
bool sk_db_is_null(const SkDbRows *rows, size_t column);
const char *sk_db_get_text(const SkDbRows *rows, size_t column);
int64_t sk_db_get_int(const SkDbRows *rows, size_t column);
const void *sk_db_get_bytes(const SkDbRows *rows, size_t column, size_t *ret_size);

/* A query for one number. Return: 0, -ENOENT when there is no row, or an error. */
int sk_db_query_int(SkDb *db, const char *sql, const SkDbValue *args, size_t n_args, int64_t *ret_number);

/*
 * Wakes those who listen to the channel (a plain word), with the payload (≤ 7999 bytes) and as part of the
 * transaction: PostgreSQL's NOTIFY, to all processes. On SQLite, which one process serves, those in this
 * process, and without the payload.
 */
int sk_db_notify(SkDb *db, const char *channel, const char *payload);

/* What changed a terminal's revision is told to this channel without a call. */
#define SK_DB_REVISIONS "sekisho_revisions"

/* From now on db listens, and is used for nothing else. The descriptor is readable when something came. */
int sk_db_listen(SkDb *db, const char *channel);
int sk_db_fd(const SkDb *db);
/* Hands out what came since (fn NULL: forgets it). Return: 0 or -ENOTCONN (open again, listen again, and look
 * at everything). */
int sk_db_read_notices(SkDb *db, void (*fn)(void *userdata, const char *payload), void *userdata);
