/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Inside of console/db: what an engine provides, and what db.c keeps for both.
 */
#include "console/db/db.h"
#include "console/db/group.h"

#define SK_DB_MESSAGE_SIZE 512
#define SK_DB_HOOKS_MAX 8

typedef enum SkDbBegin {
	SK_DB_BEGIN_READ,  /* one snapshot, nothing is written */
	SK_DB_BEGIN_WRITE, /* serialisable */
} SkDbBegin;

typedef struct SkDbDriver {
	SkDbEngine engine;
	void (*free)(SkDb *db);
	int (*begin)(SkDb *db, SkDbBegin how);
	int (*commit)(SkDb *db);
	void (*rollback)(SkDb *db); /* cannot fail: what it cannot roll back it disconnects */
	int (*exec)(SkDb *db, const char *sql, const SkDbValue *args, size_t n_args, int64_t *ret_changed);
	int (*query)(SkDb *db, const char *sql, const SkDbValue *args, size_t n_args, SkDbRows **ret_rows);
	int (*script)(
		SkDb *db, const char *sql); /* several statements without parameters, inside a transaction */
	/* Around the migrations, outside of a transaction. */
	int (*begin_change)(SkDb *db);
	int (*end_change)(SkDb *db);
	/* Inside the first one's transaction, before its first change: a check, and a copy (its path, or "").
	 */
	int (*prepare_change)(SkDb *db, int64_t number, char *ret_copy, size_t size);
	int (*check_change)(SkDb *db); /* before each one's commit */
	int (*check)(SkDb *db);
	int (*next)(SkDbRows *rows);
	void (*rows_free)(SkDbRows *rows);
	SkDbType (*type)(const SkDbRows *rows, size_t column);
	const char *(*text)(const SkDbRows *rows, size_t column);
	int64_t (*number)(const SkDbRows *rows, size_t column);
	const void *(*bytes)(const SkDbRows *rows, size_t column, size_t *ret_size);
	const char *(*name)(const SkDbRows *rows, size_t column);
	int (*notify)(SkDb *db, const char *channel, const char *payload);
	int (*listen)(SkDb *db, const char *channel);
	int (*fd)(const SkDb *db);
	int (*read_notices)(SkDb *db, void (*fn)(void *userdata, const char *payload), void *userdata);
} SkDbDriver;

struct SkDb {
	const SkDbDriver *driver;
	bool in_transaction;
	int failed;    /* the first error inside the transaction: everything after it fails too */
	bool in_group; /* of group.h */
	SkDbPart part;
	bool changes; /* something that others wait for was written: told at the commit */
	SkDbHook hooks[SK_DB_HOOKS_MAX];
	size_t n_hooks;
	char message[SK_DB_MESSAGE_SIZE];
};

struct SkDbRows {
	SkDb *db;
	size_t n_columns;
};

int sk_db_sqlite_open(const char *path, SkDb **ret_db);
int sk_db_pgsql_open(const char *url, SkDb **ret_db);

/* db.c: pauses, longer each time, before something is tried again; false: it was tried for long enough. */
typedef struct SkDbRetry {
	int64_t end, pause; /* 0 before the first */
} SkDbRetry;

bool sk_db_pause(SkDbRetry *retry);

/*
 * db.c: is this error of a transaction one that may go when it is run again? Of two transactions at the same
 * time that both looked, found nothing and made the same row, PostgreSQL tells one that it is there already,
 * not that they collided. Run again, it finds the row before it makes one.
 */
bool sk_db_may_be_collision(const SkDb *db, int r);

/* group.c: a transaction as a part of the group that is open. Return: as sk_db_transact(); -ECANCELED the
 * group is over. */
int sk_db_part_run(SkDb *db, int (*fn)(SkDb *db, void *userdata), void *userdata);

/* db.c: the last thing before a commit: NOTIFY for what was written that others wait for. */
int sk_db_tell_changes(SkDb *db);

/* Keeps what the engine said, in one line. */
void sk_db_say(SkDb *db, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For sk_db_open_message(). */
void sk_db_keep_open_message(const char *message);
