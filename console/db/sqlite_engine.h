/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Inside of the SQLite engine: sqlite.c runs statements, sqlite_open.c opens and configures, sqlite_gate.c
 * queues writers.
 */
#include <sqlite3.h>

#include "console/db/db_engine.h"
#include "console/db/statements.h"

#define SK_SQLITE_APPLICATION_ID 0x53656b69 /* "Seki" */
#define SK_SQLITE_BUSY_MS 5000

/*
 * The writers of one file in this process. SQLite lets one write at a time and makes the others sleep and
 * look again, up to 100 ms apart; a mutex wakes the next at once. Other processes are still met by the busy
 * handler.
 */
typedef struct SkSqliteGate SkSqliteGate;

int sk_sqlite_gate_open(const char *path, SkSqliteGate **ret_gate);
void sk_sqlite_gate_close(SkSqliteGate *gate);
/* Return: 0, -EAGAIN after SK_SQLITE_BUSY_MS. */
int sk_sqlite_gate_enter(SkSqliteGate *gate);
void sk_sqlite_gate_leave(SkSqliteGate *gate);

/*
 * Who listens, in this process: an eventfd each. A connection that waits hears of what others committed, and
 * of what it committed itself.
 */
#define SK_SQLITE_CHANNEL_SIZE 64

typedef struct SkSqliteListener {
	struct SkSqliteListener *next;
	char channel[SK_SQLITE_CHANNEL_SIZE];
	int fd;
} SkSqliteListener;

void sk_sqlite_gate_add_listener(SkSqliteGate *gate, SkSqliteListener *listener);
void sk_sqlite_gate_remove_listener(SkSqliteGate *gate, SkSqliteListener *listener);
void sk_sqlite_gate_tell(SkSqliteGate *gate, const char *channel);

#define SK_SQLITE_TOLD_MAX 4 /* channels in a transaction */

typedef struct SkSqlite {
	SkDb db;
	sqlite3 *handle;
	SkStatements statements;
	SkSqliteGate *gate;
	SkSqliteListener *listener;
	char told[SK_SQLITE_TOLD_MAX][SK_SQLITE_CHANNEL_SIZE]; /* by the open transaction */
	size_t n_told;
	unsigned in_gate; /* how often: a transaction, or rows of a statement that writes */
} SkSqlite;

extern const SkDbDriver sk_sqlite_driver;

/* sqlite_notice.c: the driver's part of notify and listen. */
int sk_sqlite_notify(SkDb *db, const char *channel, const char *payload);
int sk_sqlite_listen(SkDb *db, const char *channel);
int sk_sqlite_fd(const SkDb *db);
int sk_sqlite_read_notices(SkDb *db, void (*fn)(void *userdata, const char *payload), void *userdata);
/* The transaction ended: what it told goes out, or is forgotten. */
void sk_sqlite_end_notices(SkSqlite *sqlite, bool committed);
void sk_sqlite_free_listener(SkSqlite *sqlite);

/* Keeps the message; negative errno of the last error. */
int sk_sqlite_error(SkSqlite *sqlite, int code);

/* sqlite_copy.c: what a migration needs besides. */
int sk_sqlite_begin_change(SkDb *db);
int sk_sqlite_end_change(SkDb *db);
int sk_sqlite_prepare_change(SkDb *db, int64_t number, char *ret_copy, size_t size);
int sk_sqlite_check_references(SkDb *db);
int sk_sqlite_check(SkDb *db);
