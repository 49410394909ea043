/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/slip_store.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <time.h>

#include "agent/core/console.h"
#include "agent/core/core.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/log/log.h"

#define COMMIT_USEC 1000000
#define PART_SIZE (384u << 10)

enum {
	NEXT_SERIAL,
	BEGIN_SESSION,
	ADD_BASE,
	ADD_NOTE,
	SET_PHASE,
	END_NOTES,
	END_BASE,
	END_SESSION,
	ADD_OUT,
	FIND_SESSION,
	READ_BASE,
	READ_NOTES,
	FIND_OUT,
	MOVE_OUT,
	DROP_OUT,
	SPEND,
	FIND_SPENT,
	N_STATEMENTS,
};

static const char *const statement_texts[N_STATEMENTS] = {
	[NEXT_SERIAL] = "INSERT INTO serials (id, last) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET last = "
			"max(last + 1, ?1) RETURNING last",
	[BEGIN_SESSION] = "INSERT INTO sessions (boot, volume, head, phase) VALUES (?1, ?2, ?3, 0)",
	[ADD_BASE] = "INSERT INTO base (session, path, file) VALUES (?1, ?2, ?3)",
	[ADD_NOTE] = "INSERT OR REPLACE INTO notes (session, ino, path, file, at, uid, content) VALUES (?1, "
		     "?2, ?3, ?4, "
		     "?5, ?6, ?7)",
	[SET_PHASE] = "UPDATE sessions SET phase = ?2 WHERE id = ?1",
	[END_NOTES] = "DELETE FROM notes WHERE session = ?1",
	[END_BASE] = "DELETE FROM base WHERE session = ?1",
	[END_SESSION] = "DELETE FROM sessions WHERE id = ?1",
	[ADD_OUT] = "INSERT INTO outgoing (serial, slip, content, place) VALUES (?1, ?2, ?3, 0)",
	[FIND_SESSION] =
		"SELECT id, boot, volume, head, phase FROM sessions WHERE id > ?1 ORDER BY id LIMIT 1",
	[READ_BASE] = "SELECT path, file FROM base WHERE session = ?1",
	[READ_NOTES] = "SELECT path, file, at, uid, content FROM notes WHERE session = ?1",
	[FIND_OUT] = "SELECT serial, slip, content, place FROM outgoing ORDER BY serial LIMIT 1",
	[MOVE_OUT] = "UPDATE outgoing SET place = ?2 WHERE serial = ?1",
	[DROP_OUT] = "DELETE FROM outgoing WHERE serial = ?1",
	[SPEND] = "INSERT OR IGNORE INTO spent (grant, at) VALUES (?1, ?2)",
	[FIND_SPENT] = "SELECT 1 FROM spent WHERE grant = ?1",
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS serials (id INTEGER PRIMARY KEY, last INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS sessions (id INTEGER PRIMARY KEY AUTOINCREMENT, boot BLOB NOT NULL, "
	"volume INTEGER NOT "
	"NULL, head BLOB NOT NULL, phase INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS base (session INTEGER NOT NULL, path BLOB NOT NULL, file BLOB NOT NULL);"
	"CREATE INDEX IF NOT EXISTS base_session ON base (session);"
	"CREATE TABLE IF NOT EXISTS notes (session INTEGER NOT NULL, ino INTEGER NOT NULL, path BLOB NOT "
	"NULL, file BLOB NOT "
	"NULL, at INTEGER NOT NULL, uid INTEGER NOT NULL, content BLOB, PRIMARY KEY (session, ino)) WITHOUT "
	"ROWID;"
	"CREATE TABLE IF NOT EXISTS outgoing (serial INTEGER PRIMARY KEY, slip TEXT NOT NULL, content BLOB "
	"NOT NULL, place "
	"INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS spent (grant TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;";

struct SlipStore {
	sqlite3 *db;
	sqlite3_stmt *statements[N_STATEMENTS];
	sd_event_source *commit;
	bool in_transaction;
	uint64_t last_serial, sending;
	int64_t sending_end;
	bool calling;
};

static int commit(SlipStore *store)
{
	if (!store->in_transaction)
		return 0;
	store->in_transaction = false;
	if (sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return -EIO;
}

static int on_commit(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)commit(userdata);
	return 0;
}

static int begin(SlipStore *store)
{
	if (store->in_transaction)
		return 0;
	if (!store->db || sqlite3_exec(store->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return -EIO;
	store->in_transaction = true;
	sd_event_source_set_time_relative(store->commit, COMMIT_USEC);
	return sd_event_source_set_enabled(store->commit, SD_EVENT_ONESHOT) < 0 ? -EIO : 0;
}

static sqlite3_stmt *prepare(SlipStore *store, int which)
{
	sqlite3_stmt *statement = store->statements[which];

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return statement;
}

static int run(sqlite3_stmt *statement)
{
	int r = sqlite3_step(statement);

	sqlite3_reset(statement);
	return r == SQLITE_DONE ? 0 : -EIO;
}

static int open_database(SlipStore *store, const char *path)
{
	if (sqlite3_open_v2(path, &store->db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
		sqlite3_exec(store->db,
			"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = "
			"FULL;",
			NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_exec(store->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		return -EIO;
	for (int i = 0; i < N_STATEMENTS; i++)
		if (sqlite3_prepare_v3(store->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &store->statements[i], NULL) != SQLITE_OK)
			return -EIO;
	return 0;
}

static void close_database(SlipStore *store)
{
	for (int i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(own_take(store->statements[i]));
	sqlite3_close(own_take(store->db));
}

/* One that cannot be used is put aside: what waited in it is missing at the console, and the log says so. */
static int open_somehow(SlipStore *store, const char *path)
{
	char aside[PATH_MAX];

	if (open_database(store, path) == 0)
		return 0;
	sk_log(LOG_ERR, "%s cannot be used (%s); it is kept as %s.damaged and begun anew", path,
		store->db ? sqlite3_errmsg(store->db) : "no memory", path);
	close_database(store);
	if (sk_str_format(aside, sizeof(aside), "%s.damaged", path) && rename(path, aside) == 0 &&
		open_database(store, path) == 0)
		return 0;
	close_database(store);
	return open_database(store, ":memory:");
}

int slip_store_open(Core *core)
{
	SlipStore *store = calloc(1, sizeof(*store));
	char path[PATH_MAX];
	int r;

	if (!store)
		return -ENOMEM;
	core->slip_store = store;
	if (!sk_str_format(path, sizeof(path), "%s/manifests.db", core->settings->agent.state_directory))
		return -ENAMETOOLONG;
	r = sd_event_add_time_relative(
		core->event, &store->commit, CLOCK_MONOTONIC, COMMIT_USEC, 0, on_commit, store);
	if (r < 0)
		return r;
	sd_event_source_set_enabled(store->commit, SD_EVENT_OFF);
	return open_somehow(store, path);
}

void slip_store_close(Core *core)
{
	SlipStore *store = core->slip_store;

	if (!store)
		return;
	(void)commit(store);
	sd_event_source_disable_unref(store->commit);
	close_database(store);
	free(own_take(core->slip_store));
}

uint64_t slip_store_serial(Core *core)
{
	SlipStore *store = core->slip_store;
	sqlite3_stmt *s = prepare(store, NEXT_SERIAL);
	struct timespec now;
	uint64_t serial;

	clock_gettime(CLOCK_REALTIME, &now);
	serial = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)serial);
	if (begin(store) == 0 && sqlite3_step(s) == SQLITE_ROW)
		serial = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	if (serial <= store->last_serial)
		serial = store->last_serial + 1;
	store->last_serial = serial;
	return serial;
}

int64_t slip_store_begin(Core *core, uint64_t volume, const SkSlip *head)
{
	SlipStore *store = core->slip_store;
	sqlite3_stmt *s = prepare(store, BEGIN_SESSION);
	sd_id128_t boot = SD_ID128_NULL;

	sd_id128_get_boot(&boot);
	sqlite3_bind_blob(s, 1, &boot, sizeof(boot), SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)volume);
	sqlite3_bind_blob(s, 3, head, sizeof(*head), SQLITE_TRANSIENT);
	if (begin(store) < 0 || run(s) < 0)
		return -EIO;
	return sqlite3_last_insert_rowid(store->db);
}

int slip_store_base(Core *core, int64_t session, const char *path, const SkFileId *file)
{
	sqlite3_stmt *s = prepare(core->slip_store, ADD_BASE);

	sqlite3_bind_int64(s, 1, session);
	sqlite3_bind_blob(s, 2, path, (int)strlen(path) + 1, SQLITE_TRANSIENT);
	sqlite3_bind_blob(s, 3, file, sizeof(*file), SQLITE_TRANSIENT);
	return begin(core->slip_store) < 0 ? -EIO : run(s);
}

int slip_store_note(
	Core *core, int64_t session, const ManifestWritten *written, const ManifestContent *content)
{
	sqlite3_stmt *s = prepare(core->slip_store, ADD_NOTE);

	sqlite3_bind_int64(s, 1, session);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)written->file.ino);
	sqlite3_bind_blob(s, 3, written->path, (int)strlen(written->path) + 1, SQLITE_TRANSIENT);
	sqlite3_bind_blob(s, 4, &written->file, sizeof(written->file), SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 5, written->at);
	sqlite3_bind_int64(s, 6, written->uid);
	if (content)
		sqlite3_bind_blob(s, 7, content, sizeof(*content), SQLITE_TRANSIENT);
	return begin(core->slip_store) < 0 ? -EIO : run(s);
}

int slip_store_phase(Core *core, int64_t session, int phase)
{
	sqlite3_stmt *s = prepare(core->slip_store, SET_PHASE);

	sqlite3_bind_int64(s, 1, session);
	sqlite3_bind_int(s, 2, phase);
	if (begin(core->slip_store) < 0 || run(s) < 0)
		return -EIO;
	return commit(core->slip_store);
}

int slip_store_end(Core *core, int64_t session, const SlipOut *out)
{
	static const int ends[] = {END_NOTES, END_BASE, END_SESSION};
	SlipStore *store = core->slip_store;
	int r = begin(store);

	for (size_t i = 0; r == 0 && i < SK_ARRAY_SIZE(ends); i++) {
		sqlite3_stmt *s = prepare(store, ends[i]);

		sqlite3_bind_int64(s, 1, session);
		r = run(s);
	}
	if (r == 0 && out) {
		sqlite3_stmt *s = prepare(store, ADD_OUT);

		sqlite3_bind_int64(s, 1, (sqlite3_int64)out->serial);
		sqlite3_bind_text(s, 2, out->envelope, -1, SQLITE_TRANSIENT);
		sqlite3_bind_blob64(s, 3, out->content, out->size, SQLITE_TRANSIENT);
		r = run(s);
	}
	return r < 0 ? r : commit(store);
}

int slip_store_spend(Core *core, const char *grant)
{
	sqlite3_stmt *s = prepare(core->slip_store, SPEND);

	sqlite3_bind_text(s, 1, grant, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 2, record_now_ms());
	return begin(core->slip_store) < 0 ? -EIO : run(s);
}

bool slip_store_is_spent(const Core *core, const char *grant)
{
	sqlite3_stmt *s = prepare(core->slip_store, FIND_SPENT);
	bool spent;

	sqlite3_bind_text(s, 1, grant, -1, SQLITE_TRANSIENT);
	spent = sqlite3_step(s) == SQLITE_ROW;
	sqlite3_reset(s);
	return spent;
}

/* A column that holds exactly this struct. */
static bool read_blob(sqlite3_stmt *s, int column, void *dst, size_t size)
{
	if (sqlite3_column_bytes(s, column) != (int)size)
		return false;
	memcpy(dst, sqlite3_column_blob(s, column), size);
	return true;
}

static const char *read_path(sqlite3_stmt *s, int column)
{
	const char *path = sqlite3_column_blob(s, column);
	int size = sqlite3_column_bytes(s, column);

	return path && size > 0 && path[size - 1] == 0 ? path : "";
}

int slip_store_next(Core *core, int64_t after, SlipSession *ret_session)
{
	sqlite3_stmt *s = prepare(core->slip_store, FIND_SESSION);
	sd_id128_t boot = SD_ID128_NULL, then = SD_ID128_NULL;
	int r;

	sqlite3_bind_int64(s, 1, after);
	r = sqlite3_step(s) == SQLITE_ROW;
	if (r) {
		*ret_session = (SlipSession){.session = sqlite3_column_int64(s, 0),
			.volume = (uint64_t)sqlite3_column_int64(s, 2),
			.phase = sqlite3_column_int(s, 4)};
		sd_id128_get_boot(&boot);
		/* Of another version of this program: what can be said of it is nothing. */
		if (!read_blob(s, 3, &ret_session->head, sizeof(ret_session->head)))
			ret_session->head = (SkSlip){.serial = 0};
		ret_session->this_boot = read_blob(s, 1, &then, sizeof(then)) && sd_id128_equal(boot, then);
	}
	sqlite3_reset(s);
	return r;
}

int slip_store_load(Core *core, int64_t session, Manifest *manifest)
{
	sqlite3_stmt *s = prepare(core->slip_store, READ_BASE);
	ManifestContent content;
	SkFileId file;
	int r = 0;

	sqlite3_bind_int64(s, 1, session);
	while (r == 0 && sqlite3_step(s) == SQLITE_ROW)
		if (read_blob(s, 1, &file, sizeof(file)))
			r = manifest_add_base(manifest, read_path(s, 0), &file);
	sqlite3_reset(s);
	s = prepare(core->slip_store, READ_NOTES);
	sqlite3_bind_int64(s, 1, session);
	while (r == 0 && sqlite3_step(s) == SQLITE_ROW) {
		ManifestWritten written = {.path = read_path(s, 0),
			.at = sqlite3_column_int64(s, 2),
			.uid = (uid_t)sqlite3_column_int64(s, 3)};

		if (!read_blob(s, 1, &written.file, sizeof(written.file)))
			continue;
		uint64_t number = manifest_written(manifest, &written);

		if (number && read_blob(s, 4, &content, sizeof(content)))
			manifest_read(manifest, &written.file, number, &content);
	}
	sqlite3_reset(s);
	return r;
}

static void send_next(Core *core);

static void on_taken(void *userdata, int result, unsigned status, const char *json)
{
	Core *core = userdata;
	SlipStore *store = core->slip_store;
	sqlite3_stmt *s;

	if (!store)
		return;
	store->calling = false;
	/* Away, or its spool is full: asked again when it is there. */
	if (result < 0)
		return;
	s = prepare(store, store->sending_end < 0 ? DROP_OUT : MOVE_OUT);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)store->sending);
	if (store->sending_end >= 0)
		sqlite3_bind_int64(s, 2, store->sending_end);
	if (begin(store) == 0 && run(s) == 0 && commit(store) == 0)
		send_next(core);
}

static json_t *part_json(const char *slip, const char *content, size_t size, int64_t place)
{
	own_free char *text = malloc(SK_BASE64_SIZE(size));
	json_t *envelope = text ? json_loads(slip, JSON_REJECT_DUPLICATES, NULL) : NULL;

	if (!envelope)
		return NULL;
	sk_base64_format((const uint8_t *)content, size, text);
	return json_pack("{s:o, s:I, s:s}", "slip", envelope, "place", (json_int_t)place, "content", text);
}

static void send_next(Core *core)
{
	SlipStore *store = core->slip_store;
	sqlite3_stmt *s = prepare(store, FIND_OUT);
	json_auto_t *body = NULL;
	char key[UPLINK_KEY_SIZE];

	if (sqlite3_step(s) == SQLITE_ROW) {
		int64_t place = sqlite3_column_int64(s, 3), total = sqlite3_column_bytes(s, 2);
		size_t size = (size_t)(total - place) < PART_SIZE ? (size_t)(total - place) : PART_SIZE;
		const char *content = sqlite3_column_blob(s, 2);

		store->sending = (uint64_t)sqlite3_column_int64(s, 0);
		store->sending_end = place + (int64_t)size < total ? place + (int64_t)size : -1;
		body = part_json(
			(const char *)sqlite3_column_text(s, 1), content ? content + place : "", size, place);
	}
	sqlite3_reset(s);
	if (!body)
		return;
	store->calling = true;
	/* Not by the outbox: what waits is here already, and large. The console does it once, by place and
	 * serial. */
	uplink_key_new(key);
	if (!console_enrolled(core) || uplink_hand_over(core,
					       &(UplinkRequest){.operation = "manifest.part",
						       .body = body,
						       .flag = SK_UPLINK_CALL_SPOOL,
						       .done = on_taken,
						       .userdata = core},
					       key) < 0)
		store->calling = false;
}

void slip_store_send(Core *core)
{
	if (core->slip_store && core->slip_store->db && !core->slip_store->calling)
		send_next(core);
}
