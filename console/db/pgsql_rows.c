/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Results in PostgreSQL's binary form: numbers in network order, text and bytes as they are. The whole result
 * is in memory, so that other statements can run while it is read; who reads much asks for pages.
 */
#include <string.h>

#include "console/db/pgsql_engine.h"

typedef struct PgsqlRows {
	SkDbRows rows;
	PGresult *result;
	int row;
} PgsqlRows;

static const PgsqlRows *of(const SkDbRows *rows)
{
	return (const PgsqlRows *)rows;
}

static SkDbType type_of(Oid oid)
{
	switch (oid) {
	case SK_PG_BOOL:
	case SK_PG_INT2:
	case SK_PG_INT4:
	case SK_PG_INT8:
		return SK_DB_INT;
	case SK_PG_TEXT:
	case SK_PG_VARCHAR:
	case SK_PG_NAME:
	case SK_PG_UNKNOWN:
		return SK_DB_TEXT;
	case SK_PG_BYTEA:
		return SK_DB_BYTES;
	default:
		return SK_DB_NULL;
	}
}

int sk_pgsql_rows_new(SkPgsql *pgsql, PGresult *result, SkDbRows **ret_rows)
{
	PgsqlRows *rows;
	int columns = PQnfields(result);

	for (int i = 0; i < columns; i++)
		if (type_of(PQftype(result, i)) == SK_DB_NULL && PQftype(result, i) != SK_PG_VOID) {
			sk_db_say(&pgsql->db, "column %s has type %u: cast it to TEXT, BIGINT or BYTEA",
				PQfname(result, i), PQftype(result, i));
			PQclear(result);
			return -EBADMSG;
		}
	rows = calloc(1, sizeof(*rows));
	if (!rows) {
		PQclear(result);
		return -ENOMEM;
	}
	*rows = (PgsqlRows){.rows = {&pgsql->db, (size_t)columns}, .result = result, .row = -1};
	*ret_rows = &rows->rows;
	return 0;
}

int sk_pgsql_next(SkDbRows *rows)
{
	PgsqlRows *r = (PgsqlRows *)rows;

	if (r->row + 1 >= PQntuples(r->result)) {
		r->row = PQntuples(r->result);
		return 0;
	}
	r->row++;
	return 1;
}

void sk_pgsql_rows_free(SkDbRows *rows)
{
	PQclear(of(rows)->result);
	free(rows);
}

static bool has_value(const PgsqlRows *r, size_t column)
{
	return r->row >= 0 && r->row < PQntuples(r->result) && !PQgetisnull(r->result, r->row, (int)column);
}

SkDbType sk_pgsql_type(const SkDbRows *rows, size_t column)
{
	return has_value(of(rows), column) ? type_of(PQftype(of(rows)->result, (int)column)) : SK_DB_NULL;
}

const char *sk_pgsql_text(const SkDbRows *rows, size_t column)
{
	return PQgetvalue(of(rows)->result, of(rows)->row, (int)column);
}

int64_t sk_pgsql_number(const SkDbRows *rows, size_t column)
{
	const uint8_t *bytes = (const uint8_t *)PQgetvalue(of(rows)->result, of(rows)->row, (int)column);
	int size = PQgetlength(of(rows)->result, of(rows)->row, (int)column);
	uint64_t number = size > 0 && (bytes[0] & 0x80) && size > 1 ? UINT64_MAX : 0;

	for (int i = 0; i < size; i++)
		number = number << 8 | bytes[i];
	return (int64_t)number;
}

const void *sk_pgsql_bytes(const SkDbRows *rows, size_t column, size_t *ret_size)
{
	*ret_size = (size_t)PQgetlength(of(rows)->result, of(rows)->row, (int)column);
	return PQgetvalue(of(rows)->result, of(rows)->row, (int)column);
}

const char *sk_pgsql_name(const SkDbRows *rows, size_t column)
{
	return PQfname(of(rows)->result, (int)column);
}
