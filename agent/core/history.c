/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/history.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>

#include "agent/core/core.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

/* Verdicts come by the thousand while a medium is walked: they are committed together. */
#define COMMIT_USEC 1000000
/* The memory of verdicts is bounded: the oldest go first. 1,000,000 rows are some 100 MB. */
#define VERDICTS_MAX "1000000"

enum {
	NOTE_DEVICE,
	OTHER_INTERFACES,
	WAS_ALLOWED,
	WITHDRAW,
	LIST_DEVICES,
	FIND_VERDICT,
	KEEP_VERDICT,
	ALLOW,
	ALLOWED_UNTIL,
	END_ALLOWANCE,
	N_STATEMENTS,
};

static const char *const statement_texts[N_STATEMENTS] = {
	[NOTE_DEVICE] =
		"INSERT INTO devices (hash, vendor_id, product_id, serial, name, interfaces, user, code, "
		"allowed,"
		" first_seen, last_seen, times) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, 1)"
		" ON CONFLICT (hash) DO UPDATE SET user = ?7, code = ?8, allowed = max(allowed, ?9), "
		"last_seen = ?10,"
		" times = times + 1",
	[OTHER_INTERFACES] = "SELECT 1 FROM devices WHERE vendor_id = ?1 AND product_id = ?2 AND serial = ?3"
			     " AND serial != '' AND interfaces != ?4 AND allowed = 1 LIMIT 1",
	[WAS_ALLOWED] = "SELECT 1 FROM devices WHERE hash = ?1 AND allowed = 1",
	[WITHDRAW] = "UPDATE devices SET allowed = 0 WHERE hash = ?1",
	[LIST_DEVICES] =
		"SELECT hash, vendor_id, product_id, serial, name, interfaces, user, code, first_seen,"
		" last_seen, times FROM devices ORDER BY last_seen DESC LIMIT 10000",
	[FIND_VERDICT] = "SELECT verdict, type, finding FROM verdicts WHERE sha256 = ?1 AND"
			 " (definitions = ?2 OR verdict = 2)",
	[KEEP_VERDICT] = "INSERT OR REPLACE INTO verdicts (sha256, definitions, verdict, type, finding, kept)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[ALLOW] = "INSERT OR REPLACE INTO allowances (hash, until, actor) VALUES (?1, ?2, ?3)",
	[ALLOWED_UNTIL] = "SELECT until FROM allowances WHERE hash = ?1 AND until > ?2",
	[END_ALLOWANCE] = "DELETE FROM allowances WHERE hash = ?1",
};
_Static_assert(SK_VERDICT_INFECTED == 2, "FIND_VERDICT names it by number");

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS devices (hash TEXT PRIMARY KEY, vendor_id INTEGER NOT NULL,"
	" product_id INTEGER NOT NULL, serial TEXT NOT NULL, name TEXT NOT NULL, interfaces TEXT NOT NULL,"
	" user TEXT NOT NULL, code TEXT NOT NULL, allowed INTEGER NOT NULL, first_seen INTEGER NOT NULL,"
	" last_seen INTEGER NOT NULL, times INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS devices_serial ON devices (vendor_id, product_id, serial);"
	"CREATE TABLE IF NOT EXISTS verdicts (sha256 BLOB PRIMARY KEY, definitions INTEGER NOT NULL,"
	" verdict INTEGER NOT NULL, type INTEGER NOT NULL, finding TEXT NOT NULL, kept INTEGER NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS verdicts_kept ON verdicts (kept);"
	"CREATE TABLE IF NOT EXISTS allowances (hash TEXT PRIMARY KEY, until INTEGER NOT NULL, actor TEXT "
	"NOT NULL);"
	"DELETE FROM allowances WHERE until < strftime('%s', 'now');"
	"DELETE FROM verdicts WHERE kept < (SELECT kept FROM verdicts ORDER BY kept DESC LIMIT 1 "
	"OFFSET " VERDICTS_MAX ");";

struct History {
	Core *core;
	sqlite3 *db;
	sqlite3_stmt *statements[N_STATEMENTS];
	sd_event_source *commit;
	bool in_transaction;
};

static int on_commit(sd_event_source *source, uint64_t usec, void *userdata)
{
	History *history = userdata;

	history->in_transaction = false;
	if (sqlite3_exec(history->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
	return 0;
}

static int begin(History *history)
{
	if (history->in_transaction)
		return 0;
	if (sqlite3_exec(history->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return -EIO;
	history->in_transaction = true;
	sd_event_source_set_time_relative(history->commit, COMMIT_USEC);
	return sd_event_source_set_enabled(history->commit, SD_EVENT_ONESHOT);
}

static void close_database(History *history)
{
	for (int i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(own_take(history->statements[i]));
	sqlite3_close(own_take(history->db));
}

/* Nobody else opens it: the locks of the file are taken once, not for each question about a device. */
static int open_database(History *history, const char *path)
{
	if (sqlite3_open_v2(path, &history->db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_busy_timeout(history->db, 100);
	if (sqlite3_exec(history->db,
		    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		    "PRAGMA cache_size = -512;",
		    NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_exec(history->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		return -EIO;
	for (int i = 0; i < N_STATEMENTS; i++)
		if (sqlite3_prepare_v3(history->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &history->statements[i], NULL) != SQLITE_OK)
			return -EIO;
	return 0;
}

/* A database that cannot be opened is put aside and begun anew; without a disk it lives in memory until
 * restart. */
static int open_somehow(History *history, const char *path)
{
	char aside[PATH_MAX];
	int r = open_database(history, path);

	if (r == 0)
		return 0;
	if (history->db && sqlite3_errcode(history->db) == SQLITE_BUSY) {
		sk_log(LOG_ERR,
			"%s is held by another program; what is learned until the next start is forgotten",
			path);
		close_database(history);
		return open_database(history, ":memory:");
	}
	sk_log(LOG_WARNING, "%s cannot be used (%s); it is kept as %s.damaged and begun anew", path,
		history->db ? sqlite3_errmsg(history->db) : "no memory", path);
	close_database(history);
	if (sk_str_format(aside, sizeof(aside), "%s.damaged", path) && rename(path, aside) == 0) {
		r = open_database(history, path);
		if (r == 0)
			return 0;
		close_database(history);
	}
	return open_database(history, ":memory:");
}

int history_open(Core *core)
{
	History *history = calloc(1, sizeof(*history));
	char path[PATH_MAX];
	int r;

	if (!history)
		return -ENOMEM;
	core->history = history;
	history->core = core;
	if (!sk_str_format(path, sizeof(path), "%s/history.db", core->settings->agent.state_directory))
		return -ENAMETOOLONG;
	r = sd_event_add_time_relative(
		core->event, &history->commit, CLOCK_MONOTONIC, COMMIT_USEC, 0, on_commit, history);
	if (r < 0)
		return r;
	sd_event_source_set_enabled(history->commit, SD_EVENT_OFF);
	return open_somehow(history, path);
}

void history_close(Core *core)
{
	History *history = core->history;

	if (!history)
		return;
	if (history->in_transaction)
		on_commit(NULL, 0, history);
	sd_event_source_disable_unref(history->commit);
	close_database(history);
	free(history);
	core->history = NULL;
}

/* Runs a statement that returns no row. */
static int run(History *history, int which)
{
	sqlite3_stmt *statement = history->statements[which];
	int r = sqlite3_step(statement);

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return r == SQLITE_DONE || r == SQLITE_ROW ? 0 : -EIO;
}

static bool has_row(History *history, int which)
{
	sqlite3_stmt *statement = history->statements[which];
	bool found = sqlite3_step(statement) == SQLITE_ROW;

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return found;
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

int history_note_device(History *history, const HistoryDevice *device)
{
	sqlite3_stmt *s = history->statements[NOTE_DEVICE];

	if (begin(history) < 0)
		return -EIO;
	bind_text(s, 1, device->hash);
	sqlite3_bind_int(s, 2, device->vendor_id);
	sqlite3_bind_int(s, 3, device->product_id);
	bind_text(s, 4, device->serial);
	bind_text(s, 5, device->name);
	bind_text(s, 6, device->interfaces);
	bind_text(s, 7, device->user);
	bind_text(s, 8, device->code);
	sqlite3_bind_int(s, 9, sk_str_starts(device->code, "SK-10"));
	sqlite3_bind_int64(s, 10, time(NULL));
	return run(history, NOTE_DEVICE);
}

bool history_serial_had_other_interfaces(History *history, const HistoryDevice *device)
{
	sqlite3_stmt *s = history->statements[OTHER_INTERFACES];

	sqlite3_bind_int(s, 1, device->vendor_id);
	sqlite3_bind_int(s, 2, device->product_id);
	bind_text(s, 3, device->serial);
	bind_text(s, 4, device->interfaces);
	return has_row(history, OTHER_INTERFACES);
}

bool history_was_allowed(History *history, const char *hash)
{
	bind_text(history->statements[WAS_ALLOWED], 1, hash);
	return has_row(history, WAS_ALLOWED);
}

void history_withdraw(History *history, const char *hash)
{
	if (begin(history) < 0)
		return;
	bind_text(history->statements[WITHDRAW], 1, hash);
	run(history, WITHDRAW);
}

static const char *column_text(sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return text ? text : "";
}

json_t *history_list_devices(History *history)
{
	sqlite3_stmt *s = history->statements[LIST_DEVICES];
	json_t *list = json_array();

	while (list && sqlite3_step(s) == SQLITE_ROW) {
		char id[10];

		sk_str_format(id, sizeof(id), "%04x:%04x", (unsigned)sqlite3_column_int(s, 1) & 0xFFFF,
			(unsigned)sqlite3_column_int(s, 2) & 0xFFFF);
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "hash",
				      column_text(s, 0), "id", id, "serial", column_text(s, 3), "name",
				      column_text(s, 4), "interfaces", column_text(s, 5), "user",
				      column_text(s, 6), "code", column_text(s, 7), "first_seen",
				      (json_int_t)sqlite3_column_int64(s, 8), "last_seen",
				      (json_int_t)sqlite3_column_int64(s, 9), "times",
				      (json_int_t)sqlite3_column_int64(s, 10)));
	}
	sqlite3_reset(s);
	return list;
}

bool history_find_verdict(
	History *history, const uint8_t sha256[32], uint64_t definitions, HistoryVerdict *ret_verdict)
{
	sqlite3_stmt *s = history->statements[FIND_VERDICT];
	bool found;

	sqlite3_bind_blob(s, 1, sha256, 32, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, (int64_t)definitions);
	found = sqlite3_step(s) == SQLITE_ROW;
	if (found) {
		ret_verdict->verdict = (uint32_t)sqlite3_column_int(s, 0);
		ret_verdict->type = (uint32_t)sqlite3_column_int(s, 1);
		sk_str_copy(ret_verdict->finding, sizeof(ret_verdict->finding), column_text(s, 2));
	}
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return found;
}

void history_keep_verdict(
	History *history, const uint8_t sha256[32], uint64_t definitions, const HistoryVerdict *verdict)
{
	sqlite3_stmt *s = history->statements[KEEP_VERDICT];

	if (begin(history) < 0)
		return;
	sqlite3_bind_blob(s, 1, sha256, 32, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, (int64_t)definitions);
	sqlite3_bind_int(s, 3, (int)verdict->verdict);
	sqlite3_bind_int(s, 4, (int)verdict->type);
	bind_text(s, 5, verdict->finding);
	sqlite3_bind_int64(s, 6, time(NULL));
	run(history, KEEP_VERDICT);
}

int history_allow(History *history, const char *hash, int64_t until, const char *actor)
{
	sqlite3_stmt *s = history->statements[ALLOW];

	bind_text(s, 1, hash);
	sqlite3_bind_int64(s, 2, until);
	bind_text(s, 3, actor);
	return run(history, ALLOW);
}

int64_t history_allowed_until(History *history, const char *hash)
{
	sqlite3_stmt *s = history->statements[ALLOWED_UNTIL];
	int64_t until = 0;

	bind_text(s, 1, hash);
	sqlite3_bind_int64(s, 2, time(NULL));
	if (sqlite3_step(s) == SQLITE_ROW)
		until = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return until;
}

int history_end_allowance(History *history, const char *hash)
{
	bind_text(history->statements[END_ALLOWANCE], 1, hash);
	return run(history, END_ALLOWANCE);
}
