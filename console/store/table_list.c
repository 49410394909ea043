/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists: filters, order, and pages that go on behind the last row instead of counting rows, so that page 1000
 * costs what page 1 does and rows that come in between shift nothing.
 */
#include <inttypes.h>
#include <string.h>

#include "console/store/table_inside.h"
#include "lib/base/str.h"

#define WORDS_MAX 32
#define WORD_SIZE 64

static int add_words(const SkColumn *column, const char *text, SkSql *sql)
{
	size_t count = 0;

	sk_sql_add(sql, " IN (");
	while (*text) {
		size_t size = strcspn(text, ",");
		char *word;

		if (size == 0 || size >= WORD_SIZE || count == WORDS_MAX || column->type != SK_COLUMN_TEXT)
			return -EINVAL;
		word = sk_str_dup(text, size);
		if (!word)
			return -ENOMEM;
		if (count++ > 0)
			sk_sql_add(sql, ", ");
		sk_sql_take(sql, sk_db_text(word));
		text += size + (text[size] == ',');
	}
	sk_sql_add(sql, ")");
	return count > 0 ? 0 : -EINVAL;
}

static int add_filter(const SkTable *table, const SkFilter *filter, SkSql *sql)
{
	static const char *const operators[] = {
		[SK_FILTER_EQUAL] = " = ",
		[SK_FILTER_OTHER] = " <> ",
		[SK_FILTER_FROM] = " >= ",
		[SK_FILTER_UNTIL] = " < ",
	};
	const SkColumn *column = sk_table_find(table, filter->column);

	if (!column || !(column->flags & SK_COLUMN_FILTER))
		return -EINVAL;
	sk_sql_add(sql, " AND ");
	sk_sql_name(sql, column->name);
	if (filter->op == SK_FILTER_IN)
		return add_words(column, filter->text, sql);
	if (filter->op == SK_FILTER_NULL) {
		if (!sk_str_eq(filter->text, "true") && !sk_str_eq(filter->text, "false"))
			return -EINVAL;
		sk_sql_add_text(sql, filter->text[0] == 't' ? " IS NULL" : " IS NOT NULL");
		return 0;
	}
	sk_sql_add_text(sql, operators[filter->op]);
	return sk_column_bind_text(column, filter->text, sql);
}

static int add_filters(const SkTable *table, const SkList *list, SkSql *sql)
{
	int r = 0;

	for (size_t i = 0; list && r == 0 && i < list->n_filters; i++)
		r = add_filter(table, &list->filters[i], sql);
	return r;
}

typedef struct Order {
	const char *id;
	const SkColumn *sort; /* NULL: by id */
	bool descending;
} Order;

static int find_order(const SkTable *table, const SkList *list, Order *ret_order)
{
	Order order = {.id = sk_table_id(table), .descending = list->descending};

	if (list->sort && !sk_str_eq(list->sort, order.id)) {
		order.sort = sk_table_find(table, list->sort);
		if (!order.sort || !(order.sort->flags & SK_COLUMN_SORT))
			return -EINVAL;
	}
	*ret_order = order;
	return 0;
}

static bool is_number(const SkColumn *column)
{
	return column->type == SK_COLUMN_INT || column->type == SK_COLUMN_TIME ||
	       column->type == SK_COLUMN_BOOL;
}

/* "(sort, id)", or "id" alone. */
static void add_key(const Order *order, SkSql *sql)
{
	if (order->sort) {
		sk_sql_add(sql, "(");
		sk_sql_name(sql, order->sort->name);
		sk_sql_add(sql, ", ");
	}
	sk_sql_name(sql, order->id);
	if (order->sort)
		sk_sql_add(sql, ")");
}

/* The value that a row sorted by a text has now. */
static void add_lookup(const SkTable *table, const Order *order, const char *id, SkSql *sql)
{
	sk_sql_add(sql, "(SELECT ");
	sk_sql_name(sql, order->sort->name);
	sk_sql_add(sql, " FROM ");
	sk_sql_name(sql, table->name);
	sk_sql_add(sql, " WHERE ");
	sk_sql_name(sql, order->id);
	sk_sql_add(sql, " = ");
	sk_sql_take(sql, sk_db_text(strdup(id)));
	sk_sql_add(sql, ")");
}

/*
 * "ID", or "ID.NUMBER" when sorted by a number. Sorted by a text, the text is looked up by the id: it may be
 * longer than a cursor. A row that changed its place since may come twice or not at all; those that stayed
 * come once.
 */
static int add_cursor(const SkTable *table, const Order *order, const char *after, SkSql *sql)
{
	static const SkColumn numeric = {.name = "", .type = SK_COLUMN_INT};
	const char *number = strchr(after, '.');
	char id[SK_ID_SIZE];
	int r = 0;

	if (!sk_str_format(id, sizeof(id), "%.*s", number ? (int)(number - after) : SK_ID_SIZE, after) ||
		!sk_id_check(id) || (number != NULL) != (order->sort && is_number(order->sort)))
		return -EINVAL;
	sk_sql_add(sql, " AND ");
	add_key(order, sql);
	sk_sql_add_text(sql, order->descending ? " < " : " > ");
	if (order->sort) {
		sk_sql_add(sql, "(");
		if (number)
			r = sk_column_bind_text(&numeric, number + 1, sql);
		else
			add_lookup(table, order, id, sql);
		sk_sql_add(sql, ", ");
	}
	sk_sql_take(sql, sk_db_text(strdup(id)));
	if (order->sort)
		sk_sql_add(sql, ")");
	return r;
}

static void add_order(const Order *order, unsigned limit, SkSql *sql)
{
	const char *direction = order->descending ? " DESC" : "";

	sk_sql_add(sql, " ORDER BY ");
	if (order->sort) {
		sk_sql_name(sql, order->sort->name);
		sk_sql_add_text(sql, direction);
		sk_sql_add(sql, ", ");
	}
	sk_sql_name(sql, order->id);
	sk_sql_add_text(sql, direction);
	sk_sql_add(sql, " LIMIT ");
	sk_sql_value(sql, sk_db_int((int64_t)limit + 1));
}

/* What the next page begins behind: the current row. */
static int make_cursor(const SkDbRows *rows, const Order *order, char ret_next[SK_CURSOR_SIZE])
{
	const char *id = NULL;
	int64_t number = 0;

	for (size_t i = 0; i < sk_db_columns(rows); i++) {
		const char *name = sk_db_column_name(rows, i);

		if (sk_str_eq(name, order->id))
			id = sk_db_get_text(rows, i);
		if (order->sort && sk_str_eq(name, order->sort->name))
			number = sk_db_get_int(rows, i);
	}
	if (!id)
		return -EBADMSG;
	if (order->sort && is_number(order->sort))
		return sk_str_format(ret_next, SK_CURSOR_SIZE, "%s.%" PRId64, id, number) ? 0 : -EBADMSG;
	return sk_str_copy(ret_next, SK_CURSOR_SIZE, id) ? 0 : -EBADMSG;
}

/* One row more than asked for tells whether there is a next page. */
static int collect(const SkTable *table, const Order *order, unsigned limit, SkDbRows *rows, SkPage *page)
{
	char next[SK_CURSOR_SIZE] = "";
	json_t *row;
	int r;

	while ((r = sk_db_next(rows)) > 0) {
		if (json_array_size(page->items) == limit) {
			sk_str_copy(page->next, sizeof(page->next), next);
			return 0;
		}
		r = sk_row_json(table, rows, &row);
		if (r < 0)
			return r;
		if (json_array_append_new(page->items, row) < 0)
			return -ENOMEM;
		if (json_array_size(page->items) == limit)
			r = make_cursor(rows, order, next);
		if (r < 0)
			return r;
	}
	return r;
}

static int compose(SkDb *db, const SkTable *table, const SkScope *scope, const SkList *list, SkSql **ret_sql)
{
	own_sql SkSql *sql = NULL;
	Order order;
	int r = find_order(table, list, &order);

	if (r == 0)
		r = sk_table_select(db, table, true, &sql);
	if (r == 0)
		r = add_filters(table, list, sql);
	if (r < 0)
		return r;
	sk_table_scope(table, scope, sql);
	if (list->after)
		r = add_cursor(table, &order, list->after, sql);
	if (r < 0)
		return r;
	add_order(&order, list->limit, sql);
	*ret_sql = own_take(sql);
	return 0;
}

int sk_table_list(SkDb *db, const SkTable *table, const SkScope *scope, const SkList *list, SkPage *ret_page)
{
	own_sql SkSql *sql = NULL;
	own_rows SkDbRows *rows = NULL;
	SkPage page = {NULL, ""};
	Order order;
	int r = list->limit >= 1 && list->limit <= SK_LIST_LIMIT_MAX ? find_order(table, list, &order)
								     : -EINVAL;

	if (r == 0)
		r = compose(db, table, scope, list, &sql);
	if (r == 0)
		r = sk_sql_query(sql, &rows);
	if (r < 0)
		return r;
	page.items = json_array();
	if (!page.items)
		return -ENOMEM;
	r = collect(table, &order, list->limit, rows, &page);
	if (r < 0) {
		json_decref(page.items);
		return r;
	}
	*ret_page = page;
	return 0;
}

int sk_table_count(
	SkDb *db, const SkTable *table, const SkScope *scope, const SkList *list, int64_t *ret_count)
{
	own_sql SkSql *sql = NULL;
	own_rows SkDbRows *rows = NULL;
	int r = sk_sql_new(db, "SELECT count(*) FROM ", &sql);

	if (r < 0)
		return r;
	sk_sql_name(sql, table->name);
	sk_sql_add(sql, " WHERE 1 = 1");
	r = add_filters(table, list, sql);
	if (r < 0)
		return r;
	sk_table_scope(table, scope, sql);
	r = sk_sql_query(sql, &rows);
	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -EIO;
	*ret_count = sk_db_get_int(rows, 0);
	return 0;
}
