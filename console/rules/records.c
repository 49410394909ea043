/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/records.h"

#include <errno.h>
#include <string.h>

#include "lib/audit/line.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER
#define HASH_SIZE 32

static const SkColumn record_columns[] = {
	{"terminal_id", SK_COLUMN_TEXT, R | F, NULL},
	{"seq", SK_COLUMN_INT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"at", SK_COLUMN_TIME, R | F | SK_COLUMN_SORT, NULL},
	{"received", SK_COLUMN_TIME, R, NULL},
	{"kind", SK_COLUMN_TEXT, R | F, NULL},
	{"actor", SK_COLUMN_TEXT, R, NULL},
	{"line", SK_COLUMN_TEXT, R, NULL},
};

const SkTable sk_records_table = {.name = "records",
	SK_COLUMNS(record_columns),
	.id = "seq",
	.facility = "facility_id",
	.terminal = "terminal_id"};

static const SkColumn alarm_columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"terminal_id", SK_COLUMN_TEXT, R | F, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"kind", SK_COLUMN_TEXT, R | F, NULL},
	{"seq", SK_COLUMN_INT, R, NULL},
	{"line", SK_COLUMN_TEXT, R | SK_COLUMN_LONG, NULL},
	{"at", SK_COLUMN_TIME, R, NULL},
	{"resolved", SK_COLUMN_TIME, R | F, NULL},
	{"resolved_by", SK_COLUMN_TEXT, R, NULL},
	{"note", SK_COLUMN_TEXT, 0, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_chain_alarms_table = {.name = "chain_alarms",
	SK_COLUMNS(alarm_columns),
	.facility = "facility_id",
	.terminal = "terminal_id",
	.version = "version"};

const char *sk_records_outcome_name(SkRecordsOutcome outcome)
{
	static const char *const names[] = {"taken", "gap", "refused"};

	return names[outcome];
}

/* The chain of one terminal while lines are added. */
typedef struct Chain {
	const SkActor *actor;
	char facility[SK_ID_SIZE];
	int64_t seq;
	uint8_t hash[HASH_SIZE];
	int64_t stored;
	bool has_gap; /* an alarm about one is open */
} Chain;

typedef struct Alarm {
	const char *kind;
	int64_t seq;
	const uint8_t *expected, *found; /* NULL: not known */
	const char *line;
	size_t size;
} Alarm;

static int open_chain(const SkActor *actor, Chain *chain)
{
	own_rows SkDbRows *rows = NULL;
	const char *state;
	const void *hash;
	size_t size;
	int r = sk_db_query(actor->db,
		"SELECT t.facility_id, h.seq, h.hash, h.state FROM terminals t LEFT JOIN chain_heads h ON "
		"h.terminal_id = t.id "
		"WHERE t.id = $1",
		SK_DB_ARGS(sk_db_text(actor->terminal)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*chain = (Chain){.actor = actor, .seq = sk_db_get_int(rows, 1)};
	sk_str_copy(chain->facility, sizeof(chain->facility), sk_db_get_text(rows, 0));
	state = sk_db_get_text(rows, 3);
	/* Before the first record there may be an alarm and no head yet. */
	chain->has_gap = !state || sk_str_eq(state, "gap");
	hash = sk_db_get_bytes(rows, 2, &size);
	if (size == HASH_SIZE)
		memcpy(chain->hash, hash, HASH_SIZE);
	return 0;
}

/* One row for what is wrong at a place, however often it is sent. */
static int raise_alarm(const Chain *chain, const Alarm *alarm)
{
	const SkActor *actor = chain->actor;
	bool is_gap = sk_str_eq(alarm->kind, "gap");
	char id[SK_ID_SIZE], line[1024] = "";
	int64_t open = 0;
	int r = sk_db_query_int(actor->db,
		"SELECT count(*) FROM chain_alarms WHERE terminal_id = $1 AND kind = $2 AND seq = $3 AND "
		"resolved IS "
		"NULL",
		SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_text(alarm->kind), sk_db_int(alarm->seq)),
		&open);

	if (r < 0 || open > 0)
		return r;
	sk_id_new(id);
	if (alarm->line)
		sk_utf8_escape(line, sizeof(line), alarm->line, alarm->size);
	r = sk_db_exec(actor->db,
		"INSERT INTO chain_alarms (id, terminal_id, facility_id, kind, seq, expected, found, line, "
		"at) VALUES "
		"($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(actor->terminal), sk_db_text(chain->facility),
			sk_db_text(alarm->kind), sk_db_int(alarm->seq),
			sk_db_bytes(alarm->expected, HASH_SIZE), sk_db_bytes(alarm->found, HASH_SIZE),
			alarm->found ? sk_db_text(line) : sk_db_null(), sk_db_int(actor->now)),
		NULL);
	if (r == 0)
		r = sk_db_exec(actor->db, "UPDATE chain_heads SET state = $2 WHERE terminal_id = $1",
			SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_text(is_gap ? "gap" : "fork")), NULL);
	if (r < 0)
		return r;
	return sk_actor_record(
		actor, &(SkFact){is_gap ? "terminal.records-gap" : "terminal.records-refused",
			       chain->facility, "terminal", actor->terminal,
			       json_pack("{s:s, s:I}", "kind", alarm->kind, "seq", (json_int_t)alarm->seq)});
}

static void hash_line(uint8_t ret_hash[HASH_SIZE], const char *line, size_t size)
{
	sk_sha256(ret_hash, line, size);
}

/* A line that is here already is the same, byte for byte, or it is an alarm. Return: 1 the same, 0 another,
 * or error. */
static int compare(const Chain *chain, int64_t seq, const uint8_t hash[HASH_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	const void *stored;
	size_t size;
	int r = sk_db_query(chain->actor->db, "SELECT hash FROM records WHERE terminal_id = $1 AND seq = $2",
		SK_DB_ARGS(sk_db_text(chain->actor->terminal), sk_db_int(seq)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -EUCLEAN;
	stored = sk_db_get_bytes(rows, 0, &size);
	return size == HASH_SIZE && memcmp(stored, hash, HASH_SIZE) == 0;
}

static int store(Chain *chain, const SkAuditRecord *record, const uint8_t hash[HASH_SIZE])
{
	own_free char *line = sk_str_dup(record->line.text, record->line.size);
	own_free char *actor = sk_str_dup(record->actor.text, record->actor.size);
	char kind[SK_AUDIT_KIND_MAX];
	int r;

	if (!line || !actor)
		return -ENOMEM;
	sk_str_format(kind, sizeof(kind), "%.*s", (int)record->kind.size, record->kind.text);
	r = sk_db_exec(chain->actor->db,
		"INSERT INTO records (terminal_id, seq, facility_id, hash, at, received, kind, actor, line) "
		"VALUES "
		"($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		SK_DB_ARGS(sk_db_text(chain->actor->terminal), sk_db_int((int64_t)record->seq),
			sk_db_text(chain->facility), sk_db_bytes(hash, HASH_SIZE),
			sk_db_int(record->wall / 1000), sk_db_int(chain->actor->now), sk_db_text(kind),
			sk_db_text(actor), sk_db_text(line)),
		NULL);
	if (r < 0)
		return r;
	chain->seq = (int64_t)record->seq;
	memcpy(chain->hash, hash, HASH_SIZE);
	chain->stored++;
	return 0;
}

/* Return: an SkRecordsOutcome, or a negative errno. */
static int take_line(Chain *chain, const char *line, size_t size)
{
	uint8_t hash[HASH_SIZE], prev[HASH_SIZE];
	char prev_text[2 * HASH_SIZE + 1];
	SkAuditRecord record;
	int r;

	if (size > SK_AUDIT_LINE_MAX || sk_line_parse(line, size, &record) < 0 || record.seq == 0 ||
		record.seq > INT64_MAX) {
		r = raise_alarm(chain, &(Alarm){.kind = "bad-line", .seq = chain->seq + 1});
		return r < 0 ? r : SK_RECORDS_REFUSED;
	}
	hash_line(hash, line, size);
	/* The agent hears where to go on. What it does not have any more stays an alarm. */
	if ((int64_t)record.seq > chain->seq + 1) {
		r = raise_alarm(chain, &(Alarm){.kind = "gap", .seq = chain->seq + 1});
		return r < 0 ? r : SK_RECORDS_GAP;
	}
	sk_str_format(prev_text, sizeof(prev_text), "%.*s", (int)record.prev.size, record.prev.text);
	if (sk_hex_parse(prev, sizeof(prev), prev_text) < 0)
		return -EBADMSG;
	if ((int64_t)record.seq == chain->seq + 1)
		r = memcmp(prev, chain->hash, HASH_SIZE) == 0;
	else
		r = compare(chain, (int64_t)record.seq, hash);
	if (r == 0)
		r = raise_alarm(chain, &(Alarm){"fork", (int64_t)record.seq, chain->hash, hash, line, size});
	else if (r == 1)
		return (int64_t)record.seq <= chain->seq ? 0 : store(chain, &record, hash);
	return r < 0 ? r : SK_RECORDS_REFUSED;
}

/* Alarms that are not explained keep the chain marked. */
static int unmark(SkDb *db, const char *terminal)
{
	return sk_db_exec(db,
		"UPDATE chain_heads SET state = 'good' WHERE terminal_id = $1 AND NOT EXISTS (SELECT 1 FROM "
		"chain_alarms a "
		"WHERE a.terminal_id = $1 AND a.resolved IS NULL)",
		SK_DB_ARGS(sk_db_text(terminal)), NULL);
}

/* What was missing has come. */
static int end_gap(const Chain *chain)
{
	const SkActor *actor = chain->actor;
	int r = sk_db_exec(actor->db,
		"UPDATE chain_alarms SET resolved = $1, note = 'it came later' WHERE terminal_id = $2 AND "
		"kind = 'gap' AND "
		"resolved IS NULL AND seq <= $3",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(actor->terminal), sk_db_int(chain->seq)), NULL);

	return r < 0 ? r : unmark(actor->db, actor->terminal);
}

static int store_head(const Chain *chain)
{
	if (chain->stored == 0)
		return 0;
	return sk_db_exec(chain->actor->db,
		"INSERT INTO chain_heads (terminal_id, facility_id, seq, hash, received) VALUES ($1, $2, $3, "
		"$4, $5) "
		"ON CONFLICT (terminal_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, received "
		"= "
		"excluded.received",
		SK_DB_ARGS(sk_db_text(chain->actor->terminal), sk_db_text(chain->facility),
			sk_db_int(chain->seq), sk_db_bytes(chain->hash, HASH_SIZE),
			sk_db_int(chain->actor->now)),
		NULL);
}

int sk_records_receive(const SkActor *actor, const char *lines, size_t size, SkRecordsReceived *ret_received)
{
	const char *end = lines + size;
	Chain chain;
	int outcome = SK_RECORDS_TAKEN, r = open_chain(actor, &chain);

	if (r < 0)
		return r;
	while (outcome == SK_RECORDS_TAKEN && lines < end) {
		const char *stop = memchr(lines, '\n', (size_t)(end - lines));

		/* Without its line break it was cut on the way: what came before it counts. */
		if (!stop)
			break;
		outcome = take_line(&chain, lines, (size_t)(stop - lines));
		lines = stop + 1;
	}
	if (outcome < 0)
		return outcome;
	r = store_head(&chain);
	if (r == 0 && chain.has_gap && chain.stored > 0)
		r = end_gap(&chain);
	if (r < 0)
		return r;
	*ret_received = (SkRecordsReceived){
		.outcome = (SkRecordsOutcome)outcome, .seq = chain.seq, .stored = chain.stored};
	sk_hex_format(ret_received->hash, chain.hash, sizeof(chain.hash));
	return 0;
}

int sk_chain_alarm_resolve(const SkActor *actor, const SkRowKey *key, const char *note)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_chain_alarms_table, actor->scope, key->id, &row);

	if (r < 0)
		return r;
	if (*sk_row_text(row, "resolved"))
		return SK_ALERT_CLOSED;
	r = sk_table_update(actor->db, &sk_chain_alarms_table, actor->scope, key,
		&(SkWrite){SK_SETS({"resolved", sk_db_int(actor->now)},
			{"resolved_by", sk_db_text(actor->person)}, {"note", sk_db_text(note)})});
	if (r == 0)
		r = unmark(actor->db, sk_row_text(row, "terminal"));
	if (r < 0)
		return r;
	return sk_actor_record(actor, &(SkFact){"terminal.records-explained", sk_row_text(row, "facility"),
					      "terminal", sk_row_text(row, "terminal"),
					      json_pack("{s:s, s:s}", "alarm", key->id, "note", note)});
}
