/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a receiver gets next. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "console/rules/forwarding.h"
#include "console/rules/siem.h"
#include "lib/audit/line.h"
#include "lib/base/str.h"

#define SOURCES_MAX 100 /* in a batch */
#define RECORDS_MAX 500 /* of a source in a batch */

void sk_export_target_deinit(SkExportTarget *target)
{
	free(target->authority);
	target->authority = NULL;
}

void sk_export_batch_deinit(SkExportBatch *batch)
{
	free(batch->bytes);
	json_decref(batch->positions);
	*batch = (SkExportBatch){.size = 0};
}

static int read_target(const SkDbRows *rows, SkExportTarget *target)
{
	const char *facility = sk_db_get_text(rows, 1), *authority = sk_db_get_text(rows, 4), *port;
	int form = sk_export_form_parse(sk_db_get_text(rows, 2));

	if (form < 0 ||
		!sk_export_address_split(sk_db_get_text(rows, 3), target->host, sizeof(target->host), &port))
		return -EUCLEAN;
	sk_str_copy(target->port, sizeof(target->port), port);
	sk_str_copy(target->id, sizeof(target->id), sk_db_get_text(rows, 0));
	sk_str_copy(target->facility, sizeof(target->facility), facility ? facility : "");
	target->form = (SkExportForm)form;
	target->failures = sk_db_get_int(rows, 5);
	target->takes_any_end = sk_str_eq(sk_db_get_text(rows, 6), "end-of-connection");
	if (!*authority)
		return 0;
	target->authority = strdup(authority);
	return target->authority ? 0 : -ENOMEM;
}

int sk_export_target_next(SkDb *db, const char *after, int64_t now, SkExportTarget *ret_target)
{
	SkExportTarget target = {.failures = 0};
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT id, facility_id, form, address, authority, failures, confirmation FROM "
		"export_targets WHERE state "
		"= 'active' "
		"AND next_attempt <= $1 AND id > $2 ORDER BY id LIMIT 1",
		SK_DB_ARGS(sk_db_int(now), sk_db_text(after ? after : "")), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = read_target(rows, &target);
	if (r == 0)
		*ret_target = target;
	return r;
}

/* ---- records ---- */

/* A chain of which something is not sent yet. */
typedef struct Source {
	char word[16 + SK_ID_SIZE]; /* "terminal:ID" */
	char id[SK_ID_SIZE];
	char name[300];
	int64_t seq; /* sent */
	bool is_terminal;
} Source;

typedef struct Collecting {
	SkDb *db;
	SkExportForm form;
	FILE *out;
	SkExportBatch *batch;
} Collecting;

static int write_record(FILE *out, SkExportForm form, const Source *source, const char *line)
{
	const SkSiemSource siem = {.host = source->name,
		.program = source->is_terminal ? "sekisho-agent" : "sekisho-console",
		.version = SK_VERSION};
	SkAuditRecord record;
	int r = 0;

	if (form == SK_EXPORT_JSONL) {
		fprintf(out, "%s\n", line);
		return 0;
	}
	if (sk_line_parse(line, strlen(line), &record) < 0)
		return -EUCLEAN;
	if (form == SK_EXPORT_SYSLOG)
		return sk_siem_write_syslog(out, &siem, &record);
	r = sk_siem_write_cef(out, &siem, &record);
	if (r == 0)
		fputc('\n', out);
	return r;
}

static int collect_source(Collecting *collecting, const Source *source)
{
	static const char *const queries[] = {"SELECT seq, line FROM console_records WHERE instance_id = $1 "
					      "AND seq > $2 ORDER BY seq LIMIT $3",
		"SELECT seq, line FROM records WHERE terminal_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"};
	own_rows SkDbRows *rows = NULL;
	int64_t last = source->seq;
	int r = sk_db_query(collecting->db, queries[source->is_terminal],
		SK_DB_ARGS(sk_db_text(source->id), sk_db_int(source->seq), sk_db_int(RECORDS_MAX)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		r = write_record(collecting->out, collecting->form, source, sk_db_get_text(rows, 1));
		/* A record of an agent need not be one that CEF can say: it stays in the chain, which goes
		 * on. */
		if (r == -EUCLEAN || r == -EBADMSG)
			r = 0;
		last = sk_db_get_int(rows, 0);
		collecting->batch->records++;
	}
	if (r < 0 || last == source->seq)
		return r;
	return json_object_set_new(collecting->batch->positions, source->word, json_integer(last)) < 0
		       ? -ENOMEM
		       : 0;
}

static void read_source(const SkDbRows *rows, bool is_terminal, Source *source)
{
	source->is_terminal = is_terminal;
	sk_str_copy(source->id, sizeof(source->id), sk_db_get_text(rows, 0));
	sk_str_copy(source->name, sizeof(source->name), sk_db_get_text(rows, 1));
	source->seq = sk_db_get_int(rows, 2);
	sk_str_format(source->word, sizeof(source->word), "%s:%s", is_terminal ? "terminal" : "instance",
		source->id);
}

/* Those that have more than the receiver. */
static int find_sources(SkDb *db, const SkExportTarget *target, Source sources[SOURCES_MAX], size_t *ret_n)
{
	static const char terminals[] =
		"SELECT h.terminal_id, t.name, COALESCE(p.seq, 0) FROM chain_heads h JOIN terminals t ON "
		"t.id = "
		"h.terminal_id LEFT JOIN export_positions p ON p.target_id = $1 AND p.source = 'terminal:' "
		"|| "
		"h.terminal_id WHERE h.seq > COALESCE(p.seq, 0) AND ($2 = '' OR h.facility_id = $2) ORDER BY "
		"h.terminal_id LIMIT $3";
	static const char instances[] =
		"SELECT i.id, i.name, COALESCE(p.seq, 0) FROM instances i LEFT JOIN export_positions p ON "
		"p.target_id = "
		"$1 AND p.source = 'instance:' || i.id WHERE $2 = '' AND EXISTS (SELECT 1 FROM "
		"console_records c WHERE "
		"c.instance_id = i.id AND c.seq > COALESCE(p.seq, 0)) ORDER BY i.id LIMIT $3";
	size_t n = 0;
	int r = 0;

	for (int is_terminal = 0; r == 0 && is_terminal < 2; is_terminal++) {
		own_rows SkDbRows *rows = NULL;

		r = sk_db_query(db, is_terminal ? terminals : instances,
			SK_DB_ARGS(sk_db_text(target->id), sk_db_text(target->facility),
				sk_db_int((int64_t)(SOURCES_MAX - n))),
			&rows);
		while (r == 0 && (r = sk_db_next(rows)) == 1) {
			read_source(rows, is_terminal, &sources[n++]);
			r = 0;
		}
	}
	*ret_n = n;
	return r;
}

int sk_export_collect(SkDb *db, const SkExportTarget *target, SkExportBatch *ret_batch)
{
	own_export_batch SkExportBatch batch = {.positions = json_object()};
	own_free Source *sources = calloc(SOURCES_MAX, sizeof(*sources));
	Collecting collecting = {.db = db, .form = target->form, .batch = &batch};
	size_t n = 0;
	int r = sources && batch.positions ? find_sources(db, target, sources, &n) : -ENOMEM;

	if (r < 0)
		return r;
	collecting.out = open_memstream(&batch.bytes, &batch.size);
	if (!collecting.out)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = collect_source(&collecting, &sources[i]);
		if (fflush(collecting.out) != 0)
			r = -ENOMEM;
		if (batch.size >= SK_EXPORT_BYTES)
			break;
	}
	if (fclose(collecting.out) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	*ret_batch = batch;
	batch = (SkExportBatch){.size = 0};
	return 0;
}

int sk_export_chain(SkDb *db, const SkScope *scope, const SkExportChain *chain, FILE *out)
{
	Source source = {.is_terminal = true};
	own_rows SkDbRows *rows = NULL;
	own_sql SkSql *sql = NULL;
	int r = sk_sql_new(db,
		"SELECT r.line, t.name FROM records r JOIN terminals t ON t.id = r.terminal_id WHERE "
		"r.terminal_id = ",
		&sql);

	if (r < 0)
		return r;
	sk_sql_value(sql, sk_db_text(chain->terminal));
	sk_sql_add(sql, " AND r.seq >= ");
	sk_sql_value(sql, sk_db_int(chain->from_seq));
	sk_sql_scope(sql, scope, "r.facility_id", NULL);
	sk_sql_add(sql, " ORDER BY r.seq LIMIT ");
	sk_sql_value(sql, sk_db_int(chain->limit));
	r = sk_sql_query(sql, &rows);
	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		sk_str_copy(source.name, sizeof(source.name), sk_db_get_text(rows, 1));
		r = write_record(out, chain->form, &source, sk_db_get_text(rows, 0));
		r = r == -EUCLEAN || r == -EBADMSG ? 0 : r;
	}
	return r;
}
