/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/sighting.h"

#include <errno.h>
#include <string.h>

#include "console/rules/alerts.h"
#include "console/rules/grants.h"
#include "console/rules/medium_life.h"
#include "console/rules/stock_taking.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

/* What a terminal was away at most, and still tells of. */
#define OLDEST_MS (INT64_C(90) * 86400000)

static const char *const names[] = {
	[SK_STANDING_OTHERS] = "others",
	[SK_STANDING_UNKNOWN] = "unknown",
	[SK_STANDING_NOT_THE_ONE] = "not-the-one",
	[SK_STANDING_KNOWN] = "known",
	[SK_STANDING_GRANTED] = "granted",
	[SK_STANDING_ELSEWHERE] = "elsewhere",
	[SK_STANDING_TAKEN_BACK] = "taken-back",
	[SK_STANDING_LOST] = "lost",
	[SK_STANDING_RETIRED] = "retired",
};

const char *sk_standing_name(SkStanding standing)
{
	return names[standing];
}

typedef struct Row {
	char facility[SK_ID_SIZE], group[SK_ID_SIZE]; /* of the terminal */
	bool found;
	char uuid[64], number[256];
	int state;
	int64_t last_seen;
	bool readable; /* without an approval */
} Row;

static int read_row(const SkActor *actor, const char *medium, Row *row)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT t.facility_id, t.group_id, m.state, m.luks_uuid, m.number, m.last_seen, "
		"f.read_without_approval FROM terminals t JOIN facilities f ON f.id = t.facility_id "
		"LEFT JOIN media m ON m.facility_id = t.facility_id AND m.id = $2 WHERE t.id = $1",
		SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_text(medium)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : SK_TERMINAL_UNKNOWN;
	sk_str_copy(row->facility, sizeof(row->facility), sk_db_get_text(rows, 0));
	sk_str_copy(row->group, sizeof(row->group), sk_db_get_text(rows, 1));
	row->readable = sk_db_get_int(rows, 6) == 1;
	row->found = !sk_db_is_null(rows, 2);
	if (!row->found)
		return 0;
	row->state = sk_medium_state_parse(sk_db_get_text(rows, 2));
	sk_str_copy(row->uuid, sizeof(row->uuid), sk_db_is_null(rows, 3) ? "" : sk_db_get_text(rows, 3));
	sk_str_copy(row->number, sizeof(row->number), sk_db_get_text(rows, 4));
	row->last_seen = sk_db_is_null(rows, 5) ? 0 : sk_db_get_int(rows, 5);
	return row->state < 0 ? row->state : 0;
}

/* How its approvals stand for this terminal: what is nearest to opening it. */
static int look_at_grants(const SkActor *actor, const char *medium, const Row *row, SkMediumStands *stands)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT state, CASE WHEN terminal_id = $3 OR group_id = $4 THEN 1 ELSE 0 END FROM grants "
		"WHERE medium_id = $1 AND valid_until > $2 AND mode IN ('read', 'read-write')",
		SK_DB_ARGS(sk_db_text(medium), sk_db_int(actor->now), sk_db_text(actor->terminal),
			sk_db_text(row->group)),
		&rows);
	bool here = false, elsewhere = false, taken_back = false;

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		bool is_live = sk_str_eq(sk_db_get_text(rows, 0), "live");
		bool is_ours = sk_db_get_int(rows, 1) == 1;

		r = 0;
		here |= is_live && is_ours;
		elsewhere |= is_live && !is_ours;
		taken_back |= !is_live && is_ours;
	}
	stands->standing = here		? SK_STANDING_GRANTED
			   : elsewhere	? SK_STANDING_ELSEWHERE
			   : taken_back ? SK_STANDING_TAKEN_BACK
					: SK_STANDING_KNOWN;
	return r;
}

/* When it was lost, and who wants it back. */
static int look_at_loss(const SkActor *actor, const char *medium, const Row *row, SkMediumStands *stands)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT COALESCE((SELECT MAX(at) FROM media_history WHERE medium_id = $1 AND action = "
		"'lose'), 0), f.contact FROM facilities f WHERE f.id = $2",
		SK_DB_ARGS(sk_db_text(medium), sk_db_text(row->facility)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	stands->standing = SK_STANDING_LOST;
	stands->since = sk_db_get_int(rows, 0);
	if (!sk_db_is_null(rows, 1))
		sk_str_copy(stands->contact, sizeof(stands->contact), sk_db_get_text(rows, 1));
	return sk_alert_raise(actor, &(SkAlertMatter){.kind = "lost-medium-seen",
					     .facility = row->facility,
					     .subject_kind = "medium",
					     .subject = medium,
					     .about = row->number,
					     .details = json_pack("{s:s, s:s, s:s}", "medium", medium,
						     "number", row->number, "terminal", actor->terminal)});
}

static int judge(const SkActor *actor, const SkMediumSeen *seen, const Row *row, SkMediumStands *stands)
{
	if (!row->found) {
		stands->standing = sk_str_eq(seen->organisation, row->facility) ? SK_STANDING_UNKNOWN
										: SK_STANDING_OTHERS;
		return 0;
	}
	if (!sk_str_eq(row->uuid, seen->uuid)) {
		stands->standing = SK_STANDING_NOT_THE_ONE;
		return 0;
	}
	if (row->state == SK_MEDIUM_LOST || row->state == SK_MEDIUM_REVOKED || row->state == SK_MEDIUM_FOUND)
		return look_at_loss(actor, seen->medium, row, stands);
	if (row->state == SK_MEDIUM_RETIRED || sk_medium_state_is_final((SkMediumState)row->state)) {
		stands->standing = SK_STANDING_RETIRED;
		return 0;
	}
	return look_at_grants(actor, seen->medium, row, stands);
}

/* It was here at that time, if nobody has seen it since. */
static int count(const SkActor *actor, const SkMediumSeen *seen, const Row *row)
{
	SkActor then = *actor;

	if (seen->at < actor->now - OLDEST_MS)
		return 0;
	if (seen->at < then.now)
		then.now = seen->at;
	return row->last_seen > then.now ? 0 : sk_stock_taking_plugged(&then, row->facility, seen->medium);
}

/* The grant for reading that needs nobody. */
static int let_read(const SkActor *actor, const SkSigning *signing, const char *medium, const Row *row,
	SkMediumStands *stands)
{
	int r;

	if (!row->readable ||
		(stands->standing != SK_STANDING_KNOWN && stands->standing != SK_STANDING_ELSEWHERE &&
			stands->standing != SK_STANDING_TAKEN_BACK))
		return 0;
	r = sk_grant_reading(actor, signing, medium);
	if (r == 0)
		stands->standing = SK_STANDING_GRANTED;
	return r;
}

int sk_medium_seen(
	const SkActor *actor, const SkSigning *signing, const SkMediumSeen *seen, SkMediumStands *ret_stands)
{
	SkMediumStands stands = {.standing = SK_STANDING_OTHERS};
	Row row = {.found = false};
	int r = read_row(actor, seen->medium, &row);

	if (r == 0)
		r = judge(actor, seen, &row, &stands);
	if (r == 0 && row.found && stands.standing != SK_STANDING_NOT_THE_ONE)
		r = count(actor, seen, &row);
	if (r == 0)
		r = let_read(actor, signing, seen->medium, &row, &stands);
	if (r != 0)
		return r;
	*ret_stands = stands;
	if (stands.standing == SK_STANDING_OTHERS)
		return 0;
	return sk_actor_record(
		actor, &(SkFact){"medium.seen", row.facility, "medium", seen->medium,
			       json_pack("{s:s, s:s, s:I}", "terminal", actor->terminal, "standing",
				       names[stands.standing], "at", (json_int_t)seen->at)});
}
