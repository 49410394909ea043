/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SQLite: one file, one process that serves, any number of threads with a connection each.
 */
#include "console/db/sqlite_engine.h"

#include <string.h>

#include "lib/base/str.h"

typedef struct SqliteRows {
	SkDbRows rows;
	SkStatement *statement;
	int first; /* the result of the step that the query made already; 0: it was handed out */
	bool holds_gate;
} SqliteRows;

static SkSqlite *of(SkDb *db)
{
	return (SkSqlite *)db;
}

static SqliteRows *rows_of(const SkDbRows *rows)
{
	return (SqliteRows *)rows;
}

static sqlite3_stmt *stmt_of(const SkDbRows *rows)
{
	return rows_of(rows)->statement->prepared;
}

static bool is_full(int number)
{
	/* The limit of a file system, of a quota, of a process: it is full. */
	return number == ENOSPC || number == EDQUOT || number == EFBIG;
}

/* What the system said last about the write-ahead log: SQLite's own memory of it may be that of a later call.
 */
static int log_errno(SkSqlite *sqlite)
{
	sqlite3_file *log = NULL;
	int number = 0;

	if (sqlite3_file_control(sqlite->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK ||
		!log || !log->pMethods)
		return 0;
	log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number);
	return number;
}

static int system_error(SkSqlite *sqlite)
{
	int number = sqlite3_system_errno(sqlite->handle);

	if (is_full(number) || is_full(log_errno(sqlite)))
		return -ENOSPC;
	return number > 0 ? -number : -EIO;
}

int sk_sqlite_error(SkSqlite *sqlite, int code)
{
	sk_db_say(&sqlite->db, "%s", sqlite3_errmsg(sqlite->handle));
	switch (code & 0xff) {
	case SQLITE_CONSTRAINT:
		if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
			code == SQLITE_CONSTRAINT_ROWID)
			return -EEXIST;
		return code == SQLITE_CONSTRAINT_DATATYPE ? -EBADMSG : -ESTALE;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EAGAIN;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return system_error(sqlite);
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_TOOBIG:
		return -EMSGSIZE;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_INTERRUPT:
		return -EINTR;
	case SQLITE_PROTOCOL:
		return -EAGAIN;
	default:
		return -EBADMSG;
	}
}

static int enter_gate(SkSqlite *sqlite)
{
	int r = sqlite->in_gate > 0 ? 0 : sk_sqlite_gate_enter(sqlite->gate);

	if (r < 0)
		sk_db_say(&sqlite->db, "another thread writes for too long");
	else
		sqlite->in_gate++;
	return r;
}

static void leave_gate(SkSqlite *sqlite)
{
	if (--sqlite->in_gate == 0)
		sk_sqlite_gate_leave(sqlite->gate);
}

static void sqlite_free(SkDb *db)
{
	SkSqlite *sqlite = of(db);

	sk_sqlite_free_listener(sqlite);
	sk_statements_clear(&sqlite->statements);
	/* The last connection writes the log back into the file. */
	sqlite3_close(sqlite->handle);
	sk_sqlite_gate_close(sqlite->gate);
	free(sqlite);
}

static int bind_value(sqlite3_stmt *stmt, int index, const SkDbValue *value)
{
	switch (value->type) {
	case SK_DB_TEXT:
		return sqlite3_bind_text(stmt, index, value->text, -1, SQLITE_STATIC);
	case SK_DB_INT:
		return sqlite3_bind_int64(stmt, index, value->number);
	case SK_DB_BYTES:
		return sqlite3_bind_blob64(stmt, index, value->bytes, value->size, SQLITE_STATIC);
	default:
		return sqlite3_bind_null(stmt, index);
	}
}

static int bind_values(SkSqlite *sqlite, sqlite3_stmt *stmt, const SkDbValue *args, size_t n_args)
{
	if ((size_t)sqlite3_bind_parameter_count(stmt) != n_args) {
		sk_db_say(&sqlite->db, "%d parameters in the statement, %zu values",
			sqlite3_bind_parameter_count(stmt), n_args);
		return -EBADMSG;
	}
	for (size_t i = 0; i < n_args; i++) {
		char name[16];
		int index, code;

		sk_str_format(name, sizeof(name), "$%zu", i + 1);
		index = sqlite3_bind_parameter_index(stmt, name);
		if (index == 0) {
			sk_db_say(&sqlite->db, "no parameter %s in the statement", name);
			return -EBADMSG;
		}
		code = bind_value(stmt, index, &args[i]);
		if (code != SQLITE_OK)
			return sk_sqlite_error(sqlite, code);
	}
	return 0;
}

static int prepare(SkSqlite *sqlite, const char *sql, SkStatement **ret_statement)
{
	SkStatement *statement = sk_statements_find(&sqlite->statements, sql);
	sqlite3_stmt *stmt = NULL;
	const char *rest;
	int code;

	if (statement) {
		*ret_statement = statement;
		return 0;
	}
	code = sqlite3_prepare_v3(sqlite->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, &rest);
	if (code != SQLITE_OK)
		return sk_sqlite_error(sqlite, code);
	if (!stmt || *rest) {
		sqlite3_finalize(stmt);
		sk_db_say(&sqlite->db, "not one statement");
		return -EBADMSG;
	}
	statement = sk_statements_add(&sqlite->statements, sql);
	if (!statement) {
		sqlite3_finalize(stmt);
		return -ENOMEM;
	}
	statement->prepared = stmt;
	*ret_statement = statement;
	return 0;
}

static void end_statement(SkSqlite *sqlite, SkStatement *statement)
{
	sqlite3_reset(statement->prepared);
	sqlite3_clear_bindings(statement->prepared); /* the values are only borrowed */
	sk_statements_release(&sqlite->statements, statement);
}

/* Prepares, binds and makes the first step, with the gate entered when it writes. */
static int start(
	SkSqlite *sqlite, const char *sql, const SkDbValue *args, size_t n_args, SqliteRows *ret_rows)
{
	SkStatement *statement = NULL;
	bool writes;
	int code, r;

	r = prepare(sqlite, sql, &statement);
	if (r < 0)
		return r;
	statement->busy = true;
	writes = !sqlite3_stmt_readonly(statement->prepared);
	r = bind_values(sqlite, statement->prepared, args, n_args);
	if (r == 0 && writes)
		r = enter_gate(sqlite);
	if (r < 0) {
		end_statement(sqlite, statement);
		return r;
	}
	code = sqlite3_step(statement->prepared);
	if (code != SQLITE_ROW && code != SQLITE_DONE) {
		r = sk_sqlite_error(sqlite, code);
		end_statement(sqlite, statement);
		if (writes)
			leave_gate(sqlite);
		return r;
	}
	*ret_rows = (SqliteRows){.rows = {&sqlite->db, (size_t)sqlite3_column_count(statement->prepared)},
		.statement = statement,
		.first = code,
		.holds_gate = writes};
	return 0;
}

static void finish(SqliteRows *rows)
{
	SkSqlite *sqlite = of(rows->rows.db);

	end_statement(sqlite, rows->statement);
	if (rows->holds_gate)
		leave_gate(sqlite);
}

static int sqlite_exec(SkDb *db, const char *sql, const SkDbValue *args, size_t n_args, int64_t *ret_changed)
{
	SkSqlite *sqlite = of(db);
	int64_t before = sqlite3_total_changes64(sqlite->handle);
	SqliteRows rows;
	int r = start(sqlite, sql, args, n_args, &rows);

	if (r < 0)
		return r;
	if (rows.first == SQLITE_ROW) {
		sk_db_say(db, "the statement has rows");
		r = -EBADMSG;
	}
	/* sqlite3_changes() alone keeps the figure of an earlier statement when this one changes nothing. */
	if (r == 0 && ret_changed)
		*ret_changed = sqlite3_total_changes64(sqlite->handle) == before
				       ? 0
				       : sqlite3_changes64(sqlite->handle);
	finish(&rows);
	return r;
}

static int sqlite_query(SkDb *db, const char *sql, const SkDbValue *args, size_t n_args, SkDbRows **ret_rows)
{
	SqliteRows *rows = calloc(1, sizeof(*rows));
	int r;

	if (!rows)
		return -ENOMEM;
	r = start(of(db), sql, args, n_args, rows);
	if (r < 0) {
		free(rows);
		return r;
	}
	*ret_rows = &rows->rows;
	return 0;
}

static int sqlite_next(SkDbRows *rows)
{
	SqliteRows *r = rows_of(rows);
	int code = r->first;

	if (code == SQLITE_DONE)
		return 0;
	r->first = 0;
	if (code == 0)
		code = sqlite3_step(stmt_of(rows));
	if (code == SQLITE_ROW)
		return 1;
	r->first = SQLITE_DONE; /* another step would begin anew */
	return code == SQLITE_DONE ? 0 : sk_sqlite_error(of(rows->db), code);
}

static void sqlite_rows_free(SkDbRows *rows)
{
	finish(rows_of(rows));
	free(rows_of(rows));
}

static SkDbType sqlite_type(const SkDbRows *rows, size_t column)
{
	switch (sqlite3_column_type(stmt_of(rows), (int)column)) {
	case SQLITE_INTEGER:
		return SK_DB_INT;
	case SQLITE_TEXT:
		return SK_DB_TEXT;
	case SQLITE_BLOB:
		return SK_DB_BYTES;
	default:
		return SK_DB_NULL;
	}
}

static const char *sqlite_text(const SkDbRows *rows, size_t column)
{
	return (const char *)sqlite3_column_text(stmt_of(rows), (int)column);
}

static int64_t sqlite_number(const SkDbRows *rows, size_t column)
{
	return sqlite3_column_int64(stmt_of(rows), (int)column);
}

static const void *sqlite_bytes(const SkDbRows *rows, size_t column, size_t *ret_size)
{
	const void *bytes = sqlite3_column_blob(stmt_of(rows), (int)column);

	*ret_size = (size_t)sqlite3_column_bytes(stmt_of(rows), (int)column);
	return bytes ? bytes : ""; /* empty, which is not NULL */
}

static const char *sqlite_name(const SkDbRows *rows, size_t column)
{
	return sqlite3_column_name(stmt_of(rows), (int)column);
}

static int run(SkSqlite *sqlite, const char *sql)
{
	int code = sqlite3_exec(sqlite->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : sk_sqlite_error(sqlite, code);
}

static int sqlite_begin(SkDb *db, SkDbBegin how)
{
	SkSqlite *sqlite = of(db);
	int r;

	if (how == SK_DB_BEGIN_READ)
		return run(sqlite, "BEGIN");
	r = enter_gate(sqlite);
	if (r < 0)
		return r;
	/* Immediate: the lock is taken before the first read, so nothing that was read can be outdated when
	   it is written upon, and no transaction fails in its middle for another's sake. */
	r = run(sqlite, "BEGIN IMMEDIATE");
	if (r < 0)
		leave_gate(sqlite);
	return r;
}

static void sqlite_rollback(SkDb *db)
{
	SkSqlite *sqlite = of(db);

	/* Some errors (a full disk) have rolled back already. */
	if (!sqlite3_get_autocommit(sqlite->handle))
		sqlite3_exec(sqlite->handle, "ROLLBACK", NULL, NULL, NULL);
	sk_sqlite_end_notices(sqlite, false);
	if (sqlite->in_gate > 0)
		leave_gate(sqlite);
}

static int sqlite_commit(SkDb *db)
{
	int r = run(of(db), "COMMIT");

	if (r < 0) {
		sqlite_rollback(db);
		return r;
	}
	if (of(db)->in_gate > 0)
		leave_gate(of(db));
	sk_sqlite_end_notices(of(db), true);
	return 0;
}

static int sqlite_script(SkDb *db, const char *sql)
{
	return run(of(db), sql);
}

const SkDbDriver sk_sqlite_driver = {
	.engine = SK_DB_SQLITE,
	.free = sqlite_free,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.exec = sqlite_exec,
	.query = sqlite_query,
	.script = sqlite_script,
	.begin_change = sk_sqlite_begin_change,
	.end_change = sk_sqlite_end_change,
	.prepare_change = sk_sqlite_prepare_change,
	.check_change = sk_sqlite_check_references,
	.check = sk_sqlite_check,
	.next = sqlite_next,
	.rows_free = sqlite_rows_free,
	.type = sqlite_type,
	.text = sqlite_text,
	.number = sqlite_number,
	.bytes = sqlite_bytes,
	.name = sqlite_name,
	.notify = sk_sqlite_notify,
	.listen = sk_sqlite_listen,
	.fd = sk_sqlite_fd,
	.read_notices = sk_sqlite_read_notices,
};
