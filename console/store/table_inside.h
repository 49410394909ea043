/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Inside of the tables: table.c composes statements, table_value.c turns values into JSON and back. */
#include "console/store/table.h"

/* NULL: the table has no such column. */
const SkColumn *sk_table_find(const SkTable *table, const char *name);
const SkColumn *sk_table_find_field(const SkTable *table, const char *field);

#define SK_FIELD_SIZE 64
/* The name of a column in JSON. */
void sk_column_field(const SkColumn *column, char ret_field[SK_FIELD_SIZE]);

/*
 * Binds what somebody sent for a column. Return: 0, -EINVAL when it is not of its type. The statement borrows
 * from value, or owns what had to be made.
 */
int sk_column_bind(const SkColumn *column, const json_t *value, SkSql *sql);

/* The same for the text of a filter. */
int sk_column_bind_text(const SkColumn *column, const char *text, SkSql *sql);

/* A new reference; NULL reads as null. Return: 0, -ENOMEM, -EUCLEAN the database has what the type does not
 * allow. */
int sk_column_json(const SkColumn *column, const SkDbRows *rows, size_t index, json_t **ret_value);

static inline const char *sk_table_id(const SkTable *table)
{
	return table->id ? table->id : "id";
}

/* "SELECT ... FROM table WHERE 1 = 1" of the columns that are shown. */
int sk_table_select(SkDb *db, const SkTable *table, bool in_list, SkSql **ret_sql);

/* For reading: a shared row without a facility is seen by everybody. */
void sk_table_scope(const SkTable *table, const SkScope *scope, SkSql *sql);
