/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/ledger_csv.h"

#include <errno.h>
#include <inttypes.h>

#include "console/rules/calendar.h"
#include "console/rules/ledger.h"
#include "console/rules/ledger_fields.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/csv/csv.h"
#include "lib/reason/reason.h"

/* One import under way. */
typedef struct Import {
	const SkActor *actor;
	const SkImport *asked;
	SkCsv *csv;
	const SkLedgerField *columns[SK_CSV_CELLS_MAX]; /* NULL: left out */
	char *headings[SK_CSV_CELLS_MAX];
	size_t n_columns;
	int64_t rows;
	json_t *errors;
} Import;

/* Remembers what is wrong; reading goes on, so that all of it is told at once. */
static int complain(Import *import, size_t row, const char *heading, const char *what)
{
	json_t *error =
		json_pack("{s:I, s:s, s:s}", "row", (json_int_t)row, "heading", heading, "detail", what);

	if (json_array_size(import->errors) >= SK_IMPORT_ERRORS_MAX) {
		json_decref(error);
		return 0;
	}
	return json_array_append_new(import->errors, error) < 0 ? -ENOMEM : 0;
}

static const SkLedgerField *field_by_name(const char *name)
{
	for (size_t i = 0; i < sk_ledger_fields_size; i++)
		if (sk_str_eq(sk_ledger_fields[i].field, name))
			return &sk_ledger_fields[i];
	return NULL;
}

/* What a column means; with `left_out` it means nothing. */
static const SkLedgerField *field_of(const Import *import, const char *heading, bool *ret_left_out)
{
	const char *mapped = json_string_value(json_object_get(import->asked->map, heading));
	const SkLedgerField *field = mapped ? field_by_name(mapped) : sk_ledger_field_find(heading);

	*ret_left_out =
		(mapped && !*mapped) || (!mapped && !*heading) || (field && field->type == SK_CELL_SHOWN);
	return *ret_left_out ? NULL : field;
}

static bool is_taken(const Import *import, const SkLedgerField *field)
{
	for (size_t i = 0; i < import->n_columns; i++)
		if (import->columns[i] == field)
			return true;
	return false;
}

static int read_headings(Import *import)
{
	bool has_number = false;
	SkCsvError error;
	char **cells;
	size_t n;
	int r = sk_csv_next(import->csv, &cells, &n, &error);

	if (r <= 0)
		return complain(import, r < 0 ? error.line : 1, "", r < 0 ? error.what : "the list is empty");
	for (size_t i = 0; i < n && r >= 0; i++) {
		bool left_out;
		const SkLedgerField *field = field_of(import, cells[i], &left_out);

		if (!field && !left_out)
			r = complain(
				import, sk_csv_line(import->csv), cells[i], "a column that is not known");
		else if (field && is_taken(import, field))
			r = complain(import, sk_csv_line(import->csv), cells[i],
				"a second column of this meaning");
		import->headings[i] = strdup(cells[i]);
		import->columns[import->n_columns++] = field;
		has_number |= field && sk_str_eq(field->field, "number");
		if (!import->headings[i])
			return -ENOMEM;
	}
	if (r >= 0 && !has_number)
		r = complain(import, sk_csv_line(import->csv), "",
			"there is no column with the numbers of the media");
	return r < 0 ? r : 0;
}

/* A login becomes the id of the person; also of one who has left: old ledgers name them. */
static int resolve_person(Import *import, const char *login, json_t **ret_id)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(import->actor->db, "SELECT id FROM people WHERE login = $1",
		SK_DB_ARGS(sk_db_text(login)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret_id = json_string(sk_db_get_text(rows, 0));
	return *ret_id ? 0 : -ENOMEM;
}

static int read_cell(Import *import, size_t column, const char *cell, json_t *fields)
{
	const SkLedgerField *field = import->columns[column];
	const char *what = "";
	json_t *value = NULL;
	int r;

	if (!field || !*cell)
		return 0;
	if (field->type == SK_CELL_PERSON) {
		what = "nobody has this sign-in name";
		r = resolve_person(import, cell, &value);
	} else {
		r = sk_ledger_cell_parse(field, cell, &value, &what);
	}
	if (r == -EINVAL || r == -ENOENT)
		return complain(import, sk_csv_line(import->csv), import->headings[column], what);
	if (r < 0)
		return r;
	return json_object_set_new(fields, field->field, value) < 0 ? -ENOMEM : 0;
}

/* The row as what a person would send to register the medium. */
static int read_row(Import *import, char **cells, size_t n, json_t **ret_fields)
{
	json_auto_t *fields = json_pack("{s:s, s:s}", "facility", import->asked->facility, "kind", "other");
	int r = fields ? 0 : -ENOMEM;

	if (n > import->n_columns)
		return complain(import, sk_csv_line(import->csv), "", "more cells than the list has columns");
	for (size_t i = 0; i < n && r == 0; i++)
		r = read_cell(import, i, cells[i], fields);
	if (r == 0 && !json_object_get(fields, "number"))
		return complain(import, sk_csv_line(import->csv), "", "the number of the medium is missing");
	/* A list without names has numbers. */
	if (r == 0 && !json_object_get(fields, "label"))
		r = json_object_set(fields, "label", json_object_get(fields, "number")) < 0 ? -ENOMEM : 0;
	if (r == 0)
		*ret_fields = own_take(fields);
	return r;
}

static int take_row(Import *import, char **cells, size_t n)
{
	json_auto_t *fields = NULL;
	char id[SK_ID_SIZE];
	int r;

	if (++import->rows > SK_IMPORT_ROWS_MAX)
		return complain(import, sk_csv_line(import->csv), "", "more than 20000 rows");
	r = read_row(import, cells, n, &fields);
	/* With an error the list is refused anyway: rows are only looked at from then on. */
	if (r < 0 || !fields || json_array_size(import->errors) > 0)
		return r;
	r = sk_ledger_register(import->actor, fields, id);
	if (r == SK_ALREADY_THERE)
		return complain(import, sk_csv_line(import->csv), "number",
			"this number is in the ledger already, or twice in the list");
	return r;
}

static int read_rows(Import *import)
{
	SkCsvError error;
	char **cells;
	size_t n;
	int r;

	while ((r = sk_csv_next(import->csv, &cells, &n, &error)) == 1 &&
		import->rows <= SK_IMPORT_ROWS_MAX) {
		r = take_row(import, cells, n);
		if (r != 0)
			return r;
	}
	return r < 0 ? complain(import, error.line, "", error.what) : 0;
}

static int add_import_row(Import *import, const char *encoding)
{
	uint8_t digest[SK_SHA256_SIZE];
	char id[SK_ID_SIZE];
	int r;

	sk_sha256(digest, import->asked->data, import->asked->size);
	sk_id_new(id);
	r = sk_db_exec(import->actor->db,
		"INSERT INTO imports (id, facility_id, kind, file_name, digest, encoding, row_count, at, "
		"person_id) "
		"VALUES ($1, $2, 'ledger', $3, $4, $5, $6, $7, $8)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(import->asked->facility),
			sk_db_text(import->asked->file_name), sk_db_bytes(digest, sizeof(digest)),
			sk_db_text(encoding), sk_db_int(import->rows), sk_db_int(import->actor->now),
			sk_db_text(import->actor->person)),
		NULL);
	if (r < 0)
		return r;
	return sk_actor_record(
		import->actor, &(SkFact){"ledger.imported", import->asked->facility, "import", id,
				       json_pack("{s:s, s:I}", "file", import->asked->file_name, "rows",
					       (json_int_t)import->rows)});
}

static int run(Import *import, json_t **ret_report)
{
	const char *encoding = sk_csv_encoding(import->csv) == SK_CSV_SHIFT_JIS ? "shift_jis" : "utf-8";
	int r = read_headings(import);

	if (r == 0 && json_array_size(import->errors) == 0)
		r = read_rows(import);
	if (r != 0)
		return r;
	if (json_array_size(import->errors) > 0) {
		*ret_report = json_pack("{s:O}", "errors", import->errors);
		return *ret_report ? SK_IMPORT_HAS_ERRORS : -ENOMEM;
	}
	*ret_report = json_pack("{s:I, s:s}", "rows", (json_int_t)import->rows, "encoding", encoding);
	return *ret_report ? add_import_row(import, encoding) : -ENOMEM;
}

int sk_ledger_import(const SkActor *actor, const SkImport *asked, json_t **ret_report)
{
	json_auto_t *errors = json_array();
	own_csv SkCsv *csv = NULL;
	Import import = {.actor = actor, .asked = asked, .errors = errors};
	SkCsvError error;
	int r = sk_csv_new(asked->data, asked->size, &csv, &error);

	if (!errors)
		return -ENOMEM;
	if (r == -EILSEQ) {
		*ret_report = json_pack("{s:[{s:I, s:s, s:s}]}", "errors", "row", (json_int_t)error.line,
			"heading", "", "detail", error.what);
		return *ret_report ? SK_IMPORT_HAS_ERRORS : -ENOMEM;
	}
	if (r < 0)
		return r;
	import.csv = csv;
	r = run(&import, ret_report);
	for (size_t i = 0; i < import.n_columns; i++)
		free(import.headings[i]);
	return r;
}

/* The cell of an export: as people write it, and so that our import reads it again. */
static int export_cell(const json_t *row, const SkLedgerField *field, char *text, size_t size)
{
	const json_t *value = json_object_get(row, field->field);
	const char *string = json_string_value(value);
	int64_t time;

	text[0] = 0;
	if (json_is_integer(value))
		return sk_str_format(text, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value))
			       ? 0
			       : -EMSGSIZE;
	if (!string)
		return 0;
	if (field->type == SK_CELL_DAY && sk_time_parse(string, &time) == 0) {
		SkDate d = sk_date_of(sk_day_of(time));

		return sk_str_format(text, size, "%04d-%02d-%02d", d.year, d.month, d.day) ? 0 : -EMSGSIZE;
	}
	return sk_str_copy(text, size, string) ? 0 : -EMSGSIZE;
}

/* The custodian goes out as the login that comes in again. */
static int export_row(const SkDbRows *rows, FILE *out)
{
	json_auto_t *row = NULL;
	char text[SK_CSV_CELL_MAX];
	int r = sk_row_json(&sk_media_table, rows, &row);

	for (size_t i = 0; i < sk_ledger_fields_size && r == 0; i++) {
		const SkLedgerField *field = &sk_ledger_fields[i];

		if (field->type == SK_CELL_PERSON) {
			const char *login = sk_db_get_text(rows, sk_db_columns(rows) - 1);

			sk_str_copy(text, sizeof(text), login ? login : "");
		} else {
			r = export_cell(row, field, text, sizeof(text));
		}
		sk_csv_write_cell(out, text, i == 0);
	}
	sk_csv_write_end(out);
	return r;
}

int sk_ledger_export(SkDb *db, const SkScope *scope, const char *language, FILE *out)
{
	own_rows SkDbRows *rows = NULL;
	own_sql SkSql *sql = NULL;
	int r = sk_sql_new(db, "SELECT ", &sql);

	if (r < 0)
		return r;
	/* Excel takes a file for UTF-8 only by its mark. */
	fputs("\ufeff", out);
	for (size_t i = 0; i < sk_ledger_fields_size; i++)
		sk_csv_write_cell(out,
			sk_str_eq(language, "ja") ? sk_ledger_fields[i].ja : sk_ledger_fields[i].en, i == 0);
	sk_csv_write_end(out);
	sk_table_columns(&sk_media_table, "m", sql);
	sk_sql_add(sql, ", p.login FROM media m LEFT JOIN people p ON p.id = m.custodian_id WHERE 1 = 1");
	sk_sql_scope(sql, scope, "m.facility_id", NULL);
	sk_sql_add(sql, " ORDER BY m.facility_id, m.number");
	r = sk_sql_query(sql, &rows);
	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = export_row(rows, out);
	return r;
}
