/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Tables as data. What is the same for each resource (read, list by pages, insert, change with a version) is
 * done here from a constant SkTable; what has rules of its own writes its statement by hand and makes JSON of
 * the rows with sk_row_json(). Every text of SQL is composed of constant tables only; values are bound.
 *
 * Every function that reads or changes takes a scope and puts it into the statement: a row outside of it does
 * not exist (-ENOENT).
 *
 * Errors: those of console/db/db.h, and
 *	-ENOENT     no such row in the scope
 *	-ECANCELED  the row has another version by now: somebody else was faster
 *	-EACCES     a new row would be outside of the scope
 *	-EINVAL     a column, a filter, a cursor or a value that the table does not know or take
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console/db/db.h"
#include "console/store/id.h"
#include "console/store/sql.h"

typedef enum SkColumnType {
	SK_COLUMN_TEXT,
	SK_COLUMN_INT,
	SK_COLUMN_BOOL,	 /* 0 and 1 <-> true and false */
	SK_COLUMN_TIME,	 /* ms <-> RFC 3339 */
	SK_COLUMN_BYTES, /* <-> base64 */
	SK_COLUMN_JSON,	 /* text <-> any JSON */
} SkColumnType;

enum {
	SK_COLUMN_READ_ONLY = 1 << 0,	/* only this program sets it (SkSet), never what somebody sent */
	SK_COLUMN_CREATE_ONLY = 1 << 1, /* sent with a new row, never changed */
	SK_COLUMN_SECRET = 1 << 2,	/* never in JSON */
	SK_COLUMN_LONG = 1 << 3,	/* not in lists */
	SK_COLUMN_FILTER = 1 << 4,	/* lists may be filtered by it */
	SK_COLUMN_SORT = 1 << 5,	/* lists may be sorted by it; NOT NULL in the schema */
};

typedef struct SkColumn {
	const char *name;
	SkColumnType type;
	unsigned flags;
	const char *field; /* its name in JSON; NULL: name in camelCase without "_id": medium_id -> medium */
} SkColumn;

typedef struct SkTable {
	const char *name;
	const SkColumn *columns;
	size_t n_columns;
	/* Names of columns. id: "id" when NULL. NULL: the table has none of that kind. */
	const char *id;
	const char *facility; /* "id" in the table of facilities */
	const char *terminal;
	const char *version;
	bool shared; /* a row without facility is everybody's to read, and only that of scope `all` to write
		      */
} SkTable;

#define SK_COLUMNS(array) .columns = (array), .n_columns = sizeof(array) / sizeof((array)[0])

typedef enum SkFilterOp {
	SK_FILTER_EQUAL,
	SK_FILTER_OTHER,
	SK_FILTER_FROM,	 /* >= */
	SK_FILTER_UNTIL, /* < */
	SK_FILTER_IN,	 /* one of several words, separated by commas; at most 32 */
	SK_FILTER_NULL,	 /* text "true": is NULL, "false": is not */
} SkFilterOp;

/* text is as it came: a time in RFC 3339, "true", a number. */
typedef struct SkFilter {
	const char *column;
	SkFilterOp op;
	const char *text;
} SkFilter;

#define SK_LIST_LIMIT_MAX 500

typedef struct SkList {
	const SkFilter *filters; /* all hold */
	size_t n_filters;
	const char *sort; /* a column; NULL: the id */
	bool descending;
	const char *after; /* what an earlier call gave as next; NULL: from the start */
	unsigned limit;	   /* 1 to SK_LIST_LIMIT_MAX */
} SkList;

#define SK_CURSOR_SIZE 64

typedef struct SkPage {
	json_t *items;		   /* an array of rows, a reference of the caller's */
	char next[SK_CURSOR_SIZE]; /* "" at the end */
} SkPage;

int sk_table_list(SkDb *db, const SkTable *table, const SkScope *scope, const SkList *list, SkPage *ret_page);
int sk_table_count(
	SkDb *db, const SkTable *table, const SkScope *scope, const SkList *list, int64_t *ret_count);
int sk_table_read(SkDb *db, const SkTable *table, const SkScope *scope, const char *id, json_t **ret_row);

/* A value that this program gives a column, whatever its flags. */
typedef struct SkSet {
	const char *column;
	SkDbValue value;
} SkSet;

/* What is written: an object that somebody sent (NULL: none) and what this program adds; sets win. */
typedef struct SkWrite {
	json_t *fields;
	const SkSet *sets;
	size_t n_sets;
} SkWrite;

#define SK_SETS(...)                                                                                         \
	.sets = (const SkSet[]){__VA_ARGS__}, .n_sets = sizeof((const SkSet[]){__VA_ARGS__}) / sizeof(SkSet)

/*
 * A new row with version 1. Its id is a new one unless the sets have one. Its facility is in the fields or
 * sets and within the scope.
 */
int sk_table_insert(
	SkDb *db, const SkTable *table, const SkScope *scope, const SkWrite *write, char ret_id[SK_ID_SIZE]);

typedef struct SkRowKey {
	const char *id;
	int64_t version; /* that the change was made for; 0: whatever it is (our own changes) */
} SkRowKey;

/* Changes the columns that write names, and counts the version up. An id, a facility and a version never
 * change. */
int sk_table_update(
	SkDb *db, const SkTable *table, const SkScope *scope, const SkRowKey *key, const SkWrite *write);

int sk_table_delete(SkDb *db, const SkTable *table, const SkScope *scope, const SkRowKey *key);

/*
 * The current row of any query as a JSON object: columns that the table knows by their field, without the
 * secret ones; others are left out.
 */
int sk_row_json(const SkTable *table, const SkDbRows *rows, json_t **ret_row);

/* Runs the statement; all its rows as a JSON array of sk_row_json(). The caller owns it. */
int sk_rows_json(const SkTable *table, SkSql *sql, json_t **ret_rows);

/* A text of a row, or of what somebody sent; "" for what is missing, null or no text. */
const char *sk_row_text(const json_t *row, const char *field);

/* Appends "a.id, a.name, ...", the columns that are shown, for statements of one's own; alias may be NULL. */
void sk_table_columns(const SkTable *table, const char *alias, SkSql *sql);
