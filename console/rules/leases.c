/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/leases.h"

#include <errno.h>

#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"grant_id", SK_COLUMN_TEXT, R | F, NULL},
	{"medium_id", SK_COLUMN_TEXT, R | F, NULL},
	{"terminal_id", SK_COLUMN_TEXT, R | F, NULL},
	{"key_kind", SK_COLUMN_TEXT, R, NULL},
	{"issued", SK_COLUMN_TIME, R, NULL},
	{"valid_until", SK_COLUMN_TIME, R | F, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"wiped", SK_COLUMN_TIME, R, NULL},
};

const SkTable sk_leases_table = {.name = "leases", SK_COLUMNS(columns), .facility = "facility_id"};

/* The grant that a lease may be taken under, as a row; and the terminal's kind of key. */
typedef struct Ground {
	char grant[SK_ID_SIZE], facility[SK_ID_SIZE], key_kind[8];
	int64_t until; /* 0: none is allowed */
	bool sealed;
} Ground;

static int find_ground(const SkActor *actor, const char *medium, Ground *ground)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT g.id, g.facility_id, g.lease_until, t.seal_kind, t.seal_key FROM grants g JOIN "
		"terminals t ON "
		"t.id = $2 AND (g.terminal_id = t.id OR g.group_id = t.group_id) WHERE g.medium_id = $1 AND "
		"g.state = 'live' AND g.mode IN ('read', 'read-write') AND g.valid_from <= $3 AND "
		"g.valid_until > "
		"$3 ORDER BY COALESCE(g.lease_until, 0) DESC, g.id LIMIT 1",
		SK_DB_ARGS(sk_db_text(medium), sk_db_text(actor->terminal), sk_db_int(actor->now)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : SK_GRANT_NONE;
	sk_str_copy(ground->grant, sizeof(ground->grant), sk_db_get_text(rows, 0));
	sk_str_copy(ground->facility, sizeof(ground->facility), sk_db_get_text(rows, 1));
	ground->until = sk_db_is_null(rows, 2) ? 0 : sk_db_get_int(rows, 2);
	sk_str_copy(ground->key_kind, sizeof(ground->key_kind), sk_db_get_text(rows, 3));
	ground->sealed = !sk_db_is_null(rows, 4);
	if (ground->until <= actor->now)
		return SK_LEASE_NOT_GRANTED;
	return ground->sealed ? 0 : SK_TERMINAL_NOT_SEALED;
}

/* The answer to the first question may have been lost. Return: 1 there is one, 0, or an error. */
static int find_lease(const SkActor *actor, const Ground *ground, SkLeaseNote *note)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT id, issued, valid_until FROM leases WHERE grant_id = $1 AND terminal_id = $2 AND "
		"state = 'out'",
		SK_DB_ARGS(sk_db_text(ground->grant), sk_db_text(actor->terminal)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	sk_str_copy(note->id, sizeof(note->id), sk_db_get_text(rows, 0));
	note->from = sk_db_get_int(rows, 1);
	note->until = sk_db_get_int(rows, 2);
	return 1;
}

static int insert(const SkActor *actor, const char *medium, const Ground *ground, SkLeaseNote *note)
{
	sk_id_new(note->id);
	note->from = actor->now;
	note->until = ground->until;
	return sk_db_exec(actor->db,
		"INSERT INTO leases (id, facility_id, grant_id, medium_id, terminal_id, key_kind, issued, "
		"valid_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		SK_DB_ARGS(sk_db_text(note->id), sk_db_text(ground->facility), sk_db_text(ground->grant),
			sk_db_text(medium), sk_db_text(actor->terminal), sk_db_text(ground->key_kind),
			sk_db_int(note->from), sk_db_int(note->until)),
		NULL);
}

int sk_lease_take(const SkActor *actor, const char *medium, SkLeaseNote *ret_note)
{
	Ground ground = {.until = 0};
	SkLeaseNote note = {.from = 0};
	int r = find_ground(actor, medium, &ground);

	if (r != 0)
		return r;
	sk_str_copy(note.grant, sizeof(note.grant), ground.grant);
	r = find_lease(actor, &ground, &note);
	if (r == 1) {
		*ret_note = note;
		return 0;
	}
	if (r == 0)
		r = insert(actor, medium, &ground, &note);
	if (r < 0)
		return r;
	*ret_note = note;
	return sk_actor_record(
		actor, &(SkFact){"lease.taken", ground.facility, "medium", medium,
			       json_pack("{s:s, s:s, s:s, s:I}", "lease", note.id, "grant", note.grant,
				       "keyKind", ground.key_kind, "until", (json_int_t)note.until)});
}

int sk_lease_wiped(const SkActor *actor, const char *lease)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_leases_table, actor->scope, lease, &row);

	if (r == -ENOENT || (r == 0 && !sk_str_eq(sk_row_text(row, "terminal"), actor->terminal)))
		return SK_NOT_FOUND;
	if (r < 0 || !sk_str_eq(sk_row_text(row, "state"), "out"))
		return r;
	r = sk_table_update(actor->db, &sk_leases_table, actor->scope, &(SkRowKey){.id = lease},
		&(SkWrite){SK_SETS({"state", sk_db_text("wiped")}, {"wiped", sk_db_int(actor->now)})});
	return r < 0 ? r
		     : sk_actor_record(actor,
			       &(SkFact){"lease.wiped", sk_row_text(row, "facility"), "medium",
				       sk_row_text(row, "medium"), json_pack("{s:s}", "lease", lease)});
}
