/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values of columns as JSON and back. What came from the network has passed the schema of the contract; it is
 * checked again for its type, because the database must not depend on that.
 */
#include <inttypes.h>
#include <string.h>

#include "console/store/table_inside.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/crypt/base64.h"

const SkColumn *sk_table_find(const SkTable *table, const char *name)
{
	for (size_t i = 0; i < table->n_columns; i++)
		if (sk_str_eq(table->columns[i].name, name))
			return &table->columns[i];
	return NULL;
}

void sk_column_field(const SkColumn *column, char ret_field[SK_FIELD_SIZE])
{
	static const char suffix[] = "_id";
	size_t size = strlen(column->name), used = 0;

	if (column->field) {
		sk_str_copy(ret_field, SK_FIELD_SIZE, column->field);
		return;
	}
	if (size > sizeof(suffix) - 1 && sk_str_eq(column->name + size - (sizeof(suffix) - 1), suffix))
		size -= sizeof(suffix) - 1;
	for (size_t i = 0; i < size && used < SK_FIELD_SIZE - 1; i++) {
		char c = column->name[i];

		if (c == '_' && i + 1 < size) {
			c = column->name[++i];
			if (c >= 'a' && c <= 'z')
				c = (char)(c - 'a' + 'A');
		}
		ret_field[used++] = c;
	}
	ret_field[used] = '\0';
}

const SkColumn *sk_table_find_field(const SkTable *table, const char *field)
{
	char name[SK_FIELD_SIZE];

	for (size_t i = 0; i < table->n_columns; i++) {
		sk_column_field(&table->columns[i], name);
		if (sk_str_eq(name, field))
			return &table->columns[i];
	}
	return NULL;
}

static int bind_string(const json_t *value, SkSql *sql)
{
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return -EINVAL; /* a zero inside: PostgreSQL has no such text */
	sk_sql_value(sql, sk_db_text(json_string_value(value)));
	return 0;
}

static int bind_int(const json_t *value, SkSql *sql)
{
	if (!json_is_integer(value))
		return -EINVAL;
	sk_sql_value(sql, sk_db_int(json_integer_value(value)));
	return 0;
}

static int bind_bool(const json_t *value, SkSql *sql)
{
	if (!json_is_boolean(value))
		return -EINVAL;
	sk_sql_value(sql, sk_db_int(json_is_true(value)));
	return 0;
}

static int bind_time(const json_t *value, SkSql *sql)
{
	int64_t time;

	if (!json_is_string(value) || sk_time_parse(json_string_value(value), &time) < 0)
		return -EINVAL;
	sk_sql_value(sql, sk_db_int(time));
	return 0;
}

static int bind_bytes(const json_t *value, SkSql *sql)
{
	size_t length = json_string_length(value), size;
	own_free uint8_t *bytes = NULL;

	if (!json_is_string(value))
		return -EINVAL;
	bytes = malloc(length / 4 * 3 + 1);
	if (!bytes)
		return -ENOMEM;
	if (sk_base64_parse(json_string_value(value), length, bytes, &size) < 0)
		return -EINVAL;
	sk_sql_take(sql, sk_db_bytes(own_take(bytes), size));
	return 0;
}

static int bind_json(const json_t *value, SkSql *sql)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	if (!text)
		return -ENOMEM;
	sk_sql_take(sql, sk_db_text(text));
	return 0;
}

static int (*const binders[])(const json_t *value, SkSql *sql) = {
	[SK_COLUMN_TEXT] = bind_string,
	[SK_COLUMN_INT] = bind_int,
	[SK_COLUMN_BOOL] = bind_bool,
	[SK_COLUMN_TIME] = bind_time,
	[SK_COLUMN_BYTES] = bind_bytes,
	[SK_COLUMN_JSON] = bind_json,
};

int sk_column_bind(const SkColumn *column, const json_t *value, SkSql *sql)
{
	if (json_is_null(value)) {
		sk_sql_value(sql, sk_db_null());
		return 0;
	}
	return binders[column->type](value, sql);
}

static int parse_int(const char *text, int64_t *ret_number)
{
	bool negative = text[0] == '-';
	uint64_t number;

	if (sk_num_parse(text + negative, 10, INT64_MAX, &number) < 0)
		return -EINVAL;
	*ret_number = negative ? -(int64_t)number : (int64_t)number;
	return 0;
}

int sk_column_bind_text(const SkColumn *column, const char *text, SkSql *sql)
{
	int64_t number;

	switch (column->type) {
	case SK_COLUMN_TEXT:
		if (!sk_utf8_check(text, strlen(text)))
			return -EINVAL;
		sk_sql_value(sql, sk_db_text(text));
		return 0;
	case SK_COLUMN_INT:
		if (parse_int(text, &number) < 0)
			return -EINVAL;
		break;
	case SK_COLUMN_TIME:
		if (sk_time_parse(text, &number) < 0)
			return -EINVAL;
		break;
	case SK_COLUMN_BOOL:
		number = sk_str_eq(text, "true");
		if (!number && !sk_str_eq(text, "false"))
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	sk_sql_value(sql, sk_db_int(number));
	return 0;
}

static json_t *time_json(int64_t time)
{
	char text[SK_TIME_SIZE];

	return sk_time_format(text, time) ? json_string(text) : NULL;
}

static json_t *bytes_json(const SkDbRows *rows, size_t index)
{
	size_t size;
	const void *bytes = sk_db_get_bytes(rows, index, &size);
	own_free char *text = malloc(SK_BASE64_SIZE(size));

	if (!text)
		return NULL;
	sk_base64_format(bytes, size, text);
	return json_string(text);
}

/* What each type is in the database. */
static const SkDbType stored[] = {
	[SK_COLUMN_TEXT] = SK_DB_TEXT,
	[SK_COLUMN_INT] = SK_DB_INT,
	[SK_COLUMN_BOOL] = SK_DB_INT,
	[SK_COLUMN_TIME] = SK_DB_INT,
	[SK_COLUMN_BYTES] = SK_DB_BYTES,
	[SK_COLUMN_JSON] = SK_DB_TEXT,
};

int sk_column_json(const SkColumn *column, const SkDbRows *rows, size_t index, json_t **ret_value)
{
	json_t *value = NULL;

	if (sk_db_is_null(rows, index)) {
		*ret_value = json_null();
		return 0;
	}
	if (sk_db_type(rows, index) != stored[column->type])
		return -EUCLEAN;
	switch (column->type) {
	case SK_COLUMN_TEXT:
		value = json_string(sk_db_get_text(rows, index));
		break;
	case SK_COLUMN_INT:
		value = json_integer(sk_db_get_int(rows, index));
		break;
	case SK_COLUMN_BOOL:
		value = json_boolean(sk_db_get_int(rows, index) != 0);
		break;
	case SK_COLUMN_TIME:
		value = time_json(sk_db_get_int(rows, index));
		break;
	case SK_COLUMN_BYTES:
		value = bytes_json(rows, index);
		break;
	case SK_COLUMN_JSON:
		value = json_loads(
			sk_db_get_text(rows, index), JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
		break;
	}
	if (!value)
		return -EUCLEAN;
	*ret_value = value;
	return 0;
}
