/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/store/table.h"

#include <string.h>

#include "console/store/table_inside.h"
#include "lib/base/str.h"

static bool is_shown(const SkColumn *column, bool in_list)
{
	return !(column->flags & SK_COLUMN_SECRET) && !(in_list && (column->flags & SK_COLUMN_LONG));
}

static void add_columns(const SkTable *table, const char *alias, bool in_list, SkSql *sql)
{
	bool first = true;

	for (size_t i = 0; i < table->n_columns; i++) {
		if (!is_shown(&table->columns[i], in_list))
			continue;
		if (!first)
			sk_sql_add(sql, ", ");
		if (alias) {
			sk_sql_name(sql, alias);
			sk_sql_add(sql, ".");
		}
		sk_sql_name(sql, table->columns[i].name);
		first = false;
	}
}

void sk_table_columns(const SkTable *table, const char *alias, SkSql *sql)
{
	add_columns(table, alias, false, sql);
}

int sk_row_json(const SkTable *table, const SkDbRows *rows, json_t **ret_row)
{
	json_t *row = json_object();
	int r = row ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < sk_db_columns(rows); i++) {
		const SkColumn *column = sk_table_find(table, sk_db_column_name(rows, i));
		char field[SK_FIELD_SIZE];
		json_t *value = NULL;

		if (!column || !is_shown(column, false))
			continue;
		r = sk_column_json(column, rows, i, &value);
		if (r < 0)
			break;
		sk_column_field(column, field);
		if (json_object_set_new(row, field, value) < 0)
			r = -ENOMEM;
	}
	if (r < 0) {
		json_decref(row);
		return r;
	}
	*ret_row = row;
	return 0;
}

void sk_table_scope(const SkTable *table, const SkScope *scope, SkSql *sql)
{
	if (!table->shared || scope->all || scope->terminal || !table->facility) {
		sk_sql_scope(sql, scope, table->facility, table->terminal);
		return;
	}
	sk_sql_add(sql, " AND (");
	sk_sql_name(sql, table->facility);
	sk_sql_add(sql, " IS NULL OR (1 = 1");
	sk_sql_scope(sql, scope, table->facility, NULL);
	sk_sql_add(sql, "))");
}

int sk_table_select(SkDb *db, const SkTable *table, bool in_list, SkSql **ret_sql)
{
	SkSql *sql = NULL;
	int r = sk_sql_new(db, "SELECT ", &sql);

	if (r < 0)
		return r;
	add_columns(table, NULL, in_list, sql);
	sk_sql_add(sql, " FROM ");
	sk_sql_name(sql, table->name);
	sk_sql_add(sql, " WHERE 1 = 1");
	*ret_sql = sql;
	return 0;
}

int sk_table_read(SkDb *db, const SkTable *table, const SkScope *scope, const char *id, json_t **ret_row)
{
	own_sql SkSql *sql = NULL;
	own_rows SkDbRows *rows = NULL;
	int r = sk_table_select(db, table, false, &sql);

	if (r < 0)
		return r;
	sk_sql_add(sql, " AND ");
	sk_sql_name(sql, sk_table_id(table));
	sk_sql_add(sql, " = ");
	sk_sql_value(sql, sk_db_text(id));
	sk_table_scope(table, scope, sql);
	r = sk_sql_query(sql, &rows);
	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return sk_row_json(table, rows, ret_row);
}

/* A column that is written, and where its value comes from. */
typedef struct Writing {
	const SkTable *table;
	const SkWrite *write;
	bool is_new;
} Writing;

static const SkSet *find_set(const SkWrite *write, const char *column)
{
	for (size_t i = 0; i < write->n_sets; i++)
		if (sk_str_eq(write->sets[i].column, column))
			return &write->sets[i];
	return NULL;
}

static const json_t *find_field(const SkWrite *write, const SkColumn *column)
{
	char field[SK_FIELD_SIZE];

	sk_column_field(column, field);
	return json_object_get(write->fields, field);
}

static bool may_be_sent(const Writing *w, const SkColumn *column)
{
	const SkTable *table = w->table;

	if ((column->flags & SK_COLUMN_READ_ONLY) || sk_str_eq(column->name, sk_table_id(table)) ||
		(table->version && sk_str_eq(column->name, table->version)))
		return false;
	if (w->is_new)
		return true;
	return !(column->flags & SK_COLUMN_CREATE_ONLY) &&
	       !(table->facility && sk_str_eq(column->name, table->facility));
}

/* Whatever was sent has a column that takes it; `version` is what the change was made for, which the key
 * says. */
static int check_fields(const Writing *w)
{
	const char *field;
	json_t *value;

	json_object_foreach (w->write->fields, field, value) {
		const SkColumn *column = sk_table_find_field(w->table, field);

		if (column && w->table->version && sk_str_eq(column->name, w->table->version))
			continue;
		if (!column || !may_be_sent(w, column))
			return -EINVAL;
	}
	for (size_t i = 0; i < w->write->n_sets; i++)
		if (!sk_table_find(w->table, w->write->sets[i].column))
			return -EINVAL;
	return 0;
}

static bool is_written(const Writing *w, const SkColumn *column)
{
	return find_set(w->write, column->name) != NULL ||
	       (may_be_sent(w, column) && find_field(w->write, column) != NULL);
}

static int bind(const Writing *w, const SkColumn *column, SkSql *sql)
{
	const SkSet *set = find_set(w->write, column->name);

	if (!set)
		return sk_column_bind(column, find_field(w->write, column), sql);
	sk_sql_value(sql, set->value);
	return 0;
}

/* The facility that a new row is to have; NULL: none. */
static const char *facility_of(const Writing *w, const char *id)
{
	const SkColumn *column = w->table->facility ? sk_table_find(w->table, w->table->facility) : NULL;
	const SkSet *set = column ? find_set(w->write, column->name) : NULL;

	if (!column)
		return NULL;
	if (sk_str_eq(column->name, sk_table_id(w->table)))
		return id;
	if (set)
		return set->value.type == SK_DB_TEXT ? set->value.text : NULL;
	return may_be_sent(w, column) ? json_string_value(find_field(w->write, column)) : NULL;
}

static const char *id_of_new(const Writing *w, char id[SK_ID_SIZE])
{
	const SkSet *set = find_set(w->write, sk_table_id(w->table));

	if (set && set->value.type == SK_DB_TEXT)
		return set->value.text;
	sk_id_new(id);
	return id;
}

static int add_insert(const Writing *w, const char *id, SkSql *sql)
{
	const SkTable *table = w->table;
	int r = 0;

	sk_sql_name(sql, table->name);
	sk_sql_add(sql, " (");
	sk_sql_name(sql, sk_table_id(table));
	for (size_t i = 0; i < table->n_columns; i++)
		if (!sk_str_eq(table->columns[i].name, sk_table_id(table)) &&
			is_written(w, &table->columns[i])) {
			sk_sql_add(sql, ", ");
			sk_sql_name(sql, table->columns[i].name);
		}
	sk_sql_add(sql, ") VALUES (");
	sk_sql_value(sql, sk_db_text(id));
	for (size_t i = 0; r == 0 && i < table->n_columns; i++)
		if (!sk_str_eq(table->columns[i].name, sk_table_id(table)) &&
			is_written(w, &table->columns[i])) {
			sk_sql_add(sql, ", ");
			r = bind(w, &table->columns[i], sql);
		}
	sk_sql_add(sql, ")");
	return r;
}

int sk_table_insert(
	SkDb *db, const SkTable *table, const SkScope *scope, const SkWrite *write, char ret_id[SK_ID_SIZE])
{
	const Writing w = {table, write, true};
	own_sql SkSql *sql = NULL;
	char memory[SK_ID_SIZE];
	const char *id = id_of_new(&w, memory);
	int r = check_fields(&w);

	if (r < 0)
		return r;
	if (!sk_scope_has_facility(scope, facility_of(&w, id)))
		return -EACCES;
	r = sk_sql_new(db, "INSERT INTO ", &sql);
	if (r == 0)
		r = add_insert(&w, id, sql);
	if (r == 0)
		r = sk_sql_exec(sql, NULL);
	if (r == 0 && ret_id)
		sk_str_copy(ret_id, SK_ID_SIZE, id);
	return r;
}

static void add_row_key(const SkTable *table, const SkScope *scope, const SkRowKey *key, SkSql *sql)
{
	sk_sql_add(sql, " WHERE ");
	sk_sql_name(sql, sk_table_id(table));
	sk_sql_add(sql, " = ");
	sk_sql_value(sql, sk_db_text(key->id));
	if (table->version && key->version > 0) {
		sk_sql_add(sql, " AND ");
		sk_sql_name(sql, table->version);
		sk_sql_add(sql, " = ");
		sk_sql_value(sql, sk_db_int(key->version));
	}
	/* For writing, a shared row is that of scope `all` only: no exception here. */
	sk_sql_scope(sql, scope, table->facility, table->terminal);
}

/* Nothing was changed: is the row there at all, for this scope? */
static int explain(SkDb *db, const SkTable *table, const SkScope *scope, const SkRowKey *key)
{
	const SkRowKey any = {key->id, 0};
	own_sql SkSql *sql = NULL;
	own_rows SkDbRows *rows = NULL;
	int r = sk_sql_new(db, "SELECT 1 FROM ", &sql);

	if (r < 0)
		return r;
	sk_sql_name(sql, table->name);
	add_row_key(table, scope, &any, sql);
	r = sk_sql_query(sql, &rows);
	if (r == 0)
		r = sk_db_next(rows);
	return r < 0 ? r : r > 0 ? -ECANCELED : -ENOENT;
}

static int run_change(SkSql *sql, SkDb *db, const SkTable *table, const SkScope *scope, const SkRowKey *key)
{
	int64_t changed = 0;
	int r = sk_sql_exec(sql, &changed);

	if (r < 0)
		return r;
	return changed > 0 ? 0 : explain(db, table, scope, key);
}

static int add_changes(const Writing *w, SkSql *sql)
{
	const SkTable *table = w->table;
	bool first = true;
	int r = 0;

	for (size_t i = 0; r == 0 && i < table->n_columns; i++) {
		const SkColumn *column = &table->columns[i];

		if (sk_str_eq(column->name, sk_table_id(table)) || !is_written(w, column) ||
			(table->version && sk_str_eq(column->name, table->version)))
			continue;
		if (!first)
			sk_sql_add(sql, ", ");
		sk_sql_name(sql, column->name);
		sk_sql_add(sql, " = ");
		r = bind(w, column, sql);
		first = false;
	}
	if (table->version) {
		sk_sql_add_text(sql, first ? "" : ", ");
		sk_sql_name(sql, table->version);
		sk_sql_add(sql, " = ");
		sk_sql_name(sql, table->version);
		sk_sql_add(sql, " + 1");
	} else if (first) {
		return -EINVAL;
	}
	return r;
}

int sk_table_update(
	SkDb *db, const SkTable *table, const SkScope *scope, const SkRowKey *key, const SkWrite *write)
{
	const Writing w = {table, write, false};
	own_sql SkSql *sql = NULL;
	int r = check_fields(&w);

	if (r == 0 && table->facility && find_set(write, table->facility))
		r = -EINVAL;
	if (r == 0)
		r = sk_sql_new(db, "UPDATE ", &sql);
	if (r < 0)
		return r;
	sk_sql_name(sql, table->name);
	sk_sql_add(sql, " SET ");
	r = add_changes(&w, sql);
	if (r < 0)
		return r;
	add_row_key(table, scope, key, sql);
	return run_change(sql, db, table, scope, key);
}

int sk_table_delete(SkDb *db, const SkTable *table, const SkScope *scope, const SkRowKey *key)
{
	own_sql SkSql *sql = NULL;
	int r = sk_sql_new(db, "DELETE FROM ", &sql);

	if (r < 0)
		return r;
	sk_sql_name(sql, table->name);
	add_row_key(table, scope, key, sql);
	return run_change(sql, db, table, scope, key);
}

int sk_rows_json(const SkTable *table, SkSql *sql, json_t **ret_rows)
{
	own_rows SkDbRows *rows = NULL;
	json_auto_t *array = json_array();
	int r = array ? sk_sql_query(sql, &rows) : -ENOMEM;

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		json_t *row = NULL;

		r = sk_row_json(table, rows, &row);
		if (r == 0 && json_array_append_new(array, row) < 0)
			r = -ENOMEM;
	}
	if (r == 0)
		*ret_rows = own_take(array);
	return r;
}

const char *sk_row_text(const json_t *row, const char *field)
{
	const char *text = json_string_value(json_object_get(row, field));

	return text ? text : "";
}
