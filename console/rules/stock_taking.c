/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/stock_taking.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "console/rules/ledger.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER

static const SkColumn run_columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, SK_COLUMN_CREATE_ONLY | F, NULL},
	{"name", SK_COLUMN_TEXT, 0, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"began", SK_COLUMN_TIME, R, NULL},
	{"began_by", SK_COLUMN_TEXT, R, NULL},
	{"due", SK_COLUMN_TIME, 0, NULL},
	{"closed", SK_COLUMN_TIME, R, NULL},
	{"closed_by", SK_COLUMN_TEXT, R, NULL},
	{"note", SK_COLUMN_TEXT, 0, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_stock_takings_table = {
	.name = "stock_takings", SK_COLUMNS(run_columns), .facility = "facility_id", .version = "version"};

static const SkColumn sighting_columns[] = {
	{"stock_taking_id", SK_COLUMN_TEXT, R | F, NULL},
	{"medium_id", SK_COLUMN_TEXT, R | F | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R, NULL},
	{"expected_place", SK_COLUMN_TEXT, R, NULL},
	{"result", SK_COLUMN_TEXT, R | F, NULL},
	{"place", SK_COLUMN_TEXT, R, NULL},
	{"at", SK_COLUMN_TIME, R, NULL},
	{"person_id", SK_COLUMN_TEXT, R, NULL},
	{"terminal_id", SK_COLUMN_TEXT, R, NULL},
	{"note", SK_COLUMN_TEXT, R, NULL},
};

const SkTable sk_stock_sightings_table = {.name = "stock_sightings",
	SK_COLUMNS(sighting_columns),
	.id = "medium_id",
	.facility = "facility_id"};

/* Of missing media, in the record of a run; the list itself stays in the database. */
#define NUMBERS_RECORDED 200

/* What has not left the ledger for good, nor is known to be lost. */
#define LISTED                                                                                               \
	"state IN ('prepared', 'in-stock', 'requested', 'approved', 'out', 'returned', 'inspected', "        \
	"'found')"

int sk_stock_taking_begin(const SkActor *actor, json_t *fields, char ret_id[SK_ID_SIZE])
{
	const char *facility = sk_row_text(fields, "facility");
	int64_t listed = 0;
	int r = sk_table_insert(actor->db, &sk_stock_takings_table, actor->scope,
		&(SkWrite){.fields = fields,
			SK_SETS({"state", sk_db_text("open")}, {"began", sk_db_int(actor->now)},
				{"began_by", sk_db_text(actor->person)})},
		ret_id);

	if (r == 0)
		r = sk_db_exec(actor->db,
			"INSERT INTO stock_sightings (stock_taking_id, medium_id, facility_id, "
			"expected_place, result) "
			"SELECT $1, id, facility_id, place, CASE state WHEN 'out' THEN 'out' ELSE 'open' END "
			"FROM media WHERE facility_id = $2 AND " LISTED,
			SK_DB_ARGS(sk_db_text(ret_id), sk_db_text(facility)), &listed);
	if (r < 0)
		return r;
	return sk_actor_record(actor, &(SkFact){"stock-taking.begun", facility, "stock-taking", ret_id,
					      json_pack("{s:I}", "media", (json_int_t)listed)});
}

static int read_open(const SkActor *actor, const char *run, json_t **ret_row)
{
	int r = sk_table_read(actor->db, &sk_stock_takings_table, actor->scope, run, ret_row);

	if (r < 0)
		return r;
	return sk_str_eq(sk_row_text(*ret_row, "state"), "open") ? 0 : SK_STOCK_TAKING_CLOSED;
}

typedef struct Found {
	char medium[SK_ID_SIZE];
	char place[1024];
} Found;

/* A medium that was named by its id or by its number. */
static int find_medium(const SkActor *actor, const char *facility, const char *name, Found *ret_found)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT id, place FROM media WHERE facility_id = $1 AND (id = $2 OR number = $2)",
		SK_DB_ARGS(sk_db_text(facility), sk_db_text(name)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : SK_NOT_FOUND;
	sk_str_copy(ret_found->medium, sizeof(ret_found->medium), sk_db_get_text(rows, 0));
	sk_str_copy(ret_found->place, sizeof(ret_found->place),
		sk_db_get_text(rows, 1) ? sk_db_get_text(rows, 1) : "");
	return 0;
}

/* Expected or not, it is seen now. */
static int write_sighting(
	const SkActor *actor, const SkSighting *sighting, const char *facility, const char *medium)
{
	return sk_db_exec(actor->db,
		"INSERT INTO stock_sightings (stock_taking_id, medium_id, facility_id, result, place, at, "
		"person_id, "
		"terminal_id, note) VALUES ($1, $2, $3, 'seen', $4, $5, $6, $7, $8) "
		"ON CONFLICT (stock_taking_id, medium_id) DO UPDATE SET result = 'seen', place = "
		"excluded.place, "
		"at = excluded.at, person_id = excluded.person_id, terminal_id = excluded.terminal_id, "
		"note = excluded.note",
		SK_DB_ARGS(sk_db_text(sighting->run), sk_db_text(medium), sk_db_text(facility),
			sk_db_text(sighting->place), sk_db_int(actor->now), sk_db_text(actor->person),
			sk_db_text(actor->terminal), sk_db_text(sighting->note)),
		NULL);
}

int sk_stock_taking_see(const SkActor *actor, const SkSighting *sighting)
{
	json_auto_t *run = NULL;
	SkSighting seen = *sighting;
	Found found;
	char by[64];
	const char *facility;
	int r = read_open(actor, sighting->run, &run);

	if (r != 0)
		return r;
	facility = sk_row_text(run, "facility");
	r = find_medium(actor, facility, sighting->medium, &found);
	if (r != 0)
		return r;
	if (!seen.place)
		seen.place = found.place;
	sk_str_format(by, sizeof(by), "stock-taking:%s", sighting->run);
	r = write_sighting(actor, &seen, facility, found.medium);
	if (r == 0)
		r = sk_ledger_see(actor, found.medium, by);
	if (r < 0)
		return r;
	return sk_actor_record(
		actor, &(SkFact){"stock-taking.seen", facility, "medium", found.medium,
			       json_pack("{s:s, s:s}", "stockTaking", sighting->run, "place", seen.place)});
}

int sk_stock_taking_plugged(const SkActor *actor, const char *facility, const char *medium)
{
	const SkScope scope = {.facilities = &facility, .n_facilities = 1};
	SkActor own = *actor;
	char by[64];
	int r = sk_db_exec(actor->db,
		"UPDATE stock_sightings SET result = 'seen', at = $1, terminal_id = $2 WHERE medium_id = $3 "
		"AND "
		"facility_id = $4 AND result IN ('open', 'out') AND stock_taking_id IN "
		"(SELECT id FROM stock_takings WHERE facility_id = $4 AND state = 'open')",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(actor->terminal), sk_db_text(medium),
			sk_db_text(facility)),
		NULL);

	if (r < 0)
		return r;
	own.scope = &scope;
	sk_str_format(by, sizeof(by), "terminal:%s", actor->terminal ? actor->terminal : "");
	return sk_ledger_see(&own, medium, by);
}

/* Ids and numbers of what the run did not see. */
static int list_missing(SkDb *db, const char *run, json_t *missing)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT m.id, m.number FROM stock_sightings s JOIN media m ON m.id = s.medium_id "
		"WHERE s.stock_taking_id = $1 AND s.result = 'missing' ORDER BY m.number",
		SK_DB_ARGS(sk_db_text(run)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = json_array_append_new(missing, json_pack("{s:s, s:s}", "medium", sk_db_get_text(rows, 0),
							   "number", sk_db_get_text(rows, 1))) < 0
			    ? -ENOMEM
			    : 0;
	return r;
}

/* What the record says of them: a line of the chain has no room for all of a large clinic's, but for proving
 * which they were. */
static json_t *describe_missing(const json_t *missing)
{
	own_free char *text = json_dumps(missing, JSON_COMPACT | JSON_SORT_KEYS);
	json_t *numbers = json_array();
	uint8_t digest[SK_SHA256_SIZE];
	char hex[2 * SK_SHA256_SIZE + 1];

	for (size_t i = 0; i < json_array_size(missing) && i < NUMBERS_RECORDED; i++)
		json_array_append(numbers, json_object_get(json_array_get(missing, i), "number"));
	if (!text || !numbers) {
		json_decref(numbers);
		return NULL;
	}
	sk_sha256(digest, text, strlen(text));
	sk_hex_format(hex, digest, sizeof(digest));
	return json_pack("{s:I, s:o, s:s}", "missing", (json_int_t)json_array_size(missing), "numbers",
		numbers, "listSha256", hex);
}

int sk_stock_taking_close(const SkActor *actor, const char *run, json_t **ret_missing)
{
	json_auto_t *row = NULL, *missing = json_array();
	int r = read_open(actor, run, &row);

	if (r != 0 || !missing)
		return r != 0 ? r : -ENOMEM;
	r = sk_db_exec(actor->db,
		"UPDATE stock_sightings SET result = 'missing' WHERE stock_taking_id = $1 AND result = "
		"'open'",
		SK_DB_ARGS(sk_db_text(run)), NULL);
	if (r == 0)
		r = list_missing(actor->db, run, missing);
	if (r == 0)
		r = sk_table_update(actor->db, &sk_stock_takings_table, actor->scope, &(SkRowKey){.id = run},
			&(SkWrite){SK_SETS({"state", sk_db_text("closed")}, {"closed", sk_db_int(actor->now)},
				{"closed_by", sk_db_text(actor->person)})});
	if (r == 0)
		r = sk_actor_record(actor, &(SkFact){"stock-taking.closed", sk_row_text(row, "facility"),
						   "stock-taking", run, describe_missing(missing)});
	if (r == 0)
		*ret_missing = own_take(missing);
	return r;
}
