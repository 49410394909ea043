/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening a file: ours alone to read, checked to be ours, and configured so that what is committed survives a
 * power cut.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "console/db/sqlite_engine.h"
#include "lib/base/str.h"

#define OPEN_TRIES 250 /* of 20 ms: a busy machine, and several that begin at once */

/*
 * SQLite itself would make the file readable by everybody's group. The file gets its mode before it gets its
 * name: and it is never opened and closed by us under that name, because closing any descriptor of a file
 * drops all the locks that this process holds on it, those of its other connections too.
 */
static int create_file(const char *path)
{
	char name[PATH_MAX];
	own_fd int fd = -1;
	int r;

	if (!sk_str_format(name, sizeof(name), "%s.new-XXXXXX", path))
		return -ENAMETOOLONG;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = link(name, path) < 0 ? -errno : 0;
	unlink(name);
	return r == -EEXIST ? 0 : r;
}

static int prepare_file(const char *path)
{
	struct stat file;

	if (lstat(path, &file) < 0)
		return errno == ENOENT ? create_file(path) : -errno;
	if (!S_ISREG(file.st_mode))
		return -EACCES;
	if ((file.st_mode & 077) && chmod(path, 0600) < 0)
		return -errno;
	return 0;
}

typedef struct Pragma {
	const char *sql;
	const char *wanted; /* what it must answer, or NULL */
} Pragma;

static const Pragma pragmas[] = {
	/* Readers do not wait for the writer, nor it for them. */
	{"PRAGMA journal_mode = WAL", "wal"},
	/* An fsync for each commit. NORMAL, the usual choice with WAL, may lose the last commits at a power
	   cut; what an agent was told is received it deletes on its side, so here it must be on the disk. */
	{"PRAGMA synchronous = FULL", NULL},
	{"PRAGMA foreign_keys = ON", NULL},
	/* A damaged file is noticed where it is read, and not followed into memory. */
	{"PRAGMA cell_size_check = ON", NULL},
	{"PRAGMA mmap_size = 0", NULL},
	/* What stands in the schema of a file that somebody exchanged runs no functions with effects. */
	{"PRAGMA trusted_schema = OFF", NULL},
	/* Deleted rows do not linger in pages that are written anyway. That destroyed keys stay dead does not
	   hang on it: they are wrapped under a key that is not here. */
	{"PRAGMA secure_delete = FAST", NULL},
	/* PostgreSQL's LIKE knows upper and lower case: both engines find the same. */
	{"PRAGMA case_sensitive_like = ON", NULL},
	{"PRAGMA temp_store = MEMORY", NULL},
	{"PRAGMA cache_size = -8192", NULL},
	/* The write-ahead log shrinks again after a long reader let it grow. */
	{"PRAGMA journal_size_limit = 67108864", NULL},
};

/* Runs a statement and compares the first column of its first row. */
static int run_pragma(SkSqlite *sqlite, const Pragma *pragma)
{
	sqlite3_stmt *statement = NULL;
	const char *answer;
	int code = sqlite3_prepare_v2(sqlite->handle, pragma->sql, -1, &statement, NULL);
	int r = 0;

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE) {
		r = sk_sqlite_error(sqlite, code);
	} else if (pragma->wanted) {
		answer = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : "";
		if (!answer || !sk_str_eq(answer, pragma->wanted)) {
			sk_db_say(&sqlite->db, "%s: the answer is %s", pragma->sql, answer ? answer : "none");
			r = -ENOTSUP;
		}
	}
	sqlite3_finalize(statement);
	return r;
}

static int read_number(SkSqlite *sqlite, const char *sql, int64_t *ret_number)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(sqlite->handle, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	*ret_number = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? 0 : sk_sqlite_error(sqlite, code);
}

/* A file of somebody else is not touched; an empty one becomes ours. */
static int check_identity(SkSqlite *sqlite)
{
	const Pragma mark = {"PRAGMA application_id = 1399155561", NULL};
	int64_t id, objects = 0;
	int r = read_number(sqlite, "PRAGMA application_id", &id);

	_Static_assert(SK_SQLITE_APPLICATION_ID == 1399155561, "the same number in the statement");
	if (r == 0 && id != SK_SQLITE_APPLICATION_ID)
		r = read_number(sqlite, "SELECT count(*) FROM sqlite_schema", &objects);
	/* Another process may have made it ours and begun to fill it since; the mark comes before any table.
	 */
	if (r == 0 && id != SK_SQLITE_APPLICATION_ID && objects != 0)
		r = read_number(sqlite, "PRAGMA application_id", &id);
	if (r < 0 || id == SK_SQLITE_APPLICATION_ID)
		return r;
	if (id != 0 || objects != 0) {
		sk_db_say(&sqlite->db, "the file is no database of Sekisho");
		return -EUCLEAN;
	}
	return run_pragma(sqlite, &mark);
}

static int configure(SkSqlite *sqlite)
{
	static const struct {
		int option;
		int value;
	} options[] = {
		{SQLITE_DBCONFIG_DEFENSIVE, 1}, /* no writing to the tables of SQLite itself */
		{SQLITE_DBCONFIG_DQS_DML, 0},	/* "word" is a column or an error, as in PostgreSQL */
		{SQLITE_DBCONFIG_DQS_DDL, 0},
		{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, /* we have none: what is there is not ours */
		{SQLITE_DBCONFIG_ENABLE_VIEW, 0},
	};
	int r = 0;

	sqlite3_extended_result_codes(sqlite->handle, 1);
	sqlite3_busy_timeout(sqlite->handle, SK_SQLITE_BUSY_MS);
	sqlite3_limit(sqlite->handle, SQLITE_LIMIT_ATTACHED, 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(options); i++)
		sqlite3_db_config(sqlite->handle, options[i].option, options[i].value, (int *)NULL);
	r = check_identity(sqlite);
	for (size_t i = 0; i < SK_ARRAY_SIZE(pragmas) && r == 0; i++)
		r = run_pragma(sqlite, &pragmas[i]);
	return r;
}

static int open_handle(SkSqlite *sqlite, const char *path)
{
	int code = sqlite3_open_v2(path, &sqlite->handle,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	int r;

	if (code != SQLITE_OK)
		return sqlite->handle ? sk_sqlite_error(sqlite, code) : -ENOMEM;
	/* Two that make a new file at once would meet in the change to WAL, where no busy handler is asked.
	 */
	r = sk_sqlite_gate_enter(sqlite->gate);
	if (r < 0)
		return r;
	r = configure(sqlite);
	/* And two processes: the other one is through in a moment. */
	for (int i = 0; i < OPEN_TRIES && r == -EAGAIN; i++) {
		usleep(20000);
		r = configure(sqlite);
	}
	sk_sqlite_gate_leave(sqlite->gate);
	return r;
}

static void free_prepared(void *userdata, SkStatement *statement)
{
	sqlite3_finalize(statement->prepared);
}

int sk_db_sqlite_open(const char *path, SkDb **ret_db)
{
	SkSqlite *sqlite;
	int r = path[0] == '/' ? prepare_file(path) : -EINVAL;

	if (r < 0)
		return r;
	sqlite = calloc(1, sizeof(*sqlite));
	if (!sqlite)
		return -ENOMEM;
	sqlite->db.driver = &sk_sqlite_driver;
	sqlite->statements.free_prepared = free_prepared;
	r = sk_sqlite_gate_open(path, &sqlite->gate);
	if (r == 0)
		r = open_handle(sqlite, path);
	if (r < 0) {
		sk_db_keep_open_message(sqlite->db.message);
		sk_db_free(&sqlite->db);
		return r;
	}
	*ret_db = &sqlite->db;
	return 0;
}
