/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/use_limit.h"

#include "console/store/id.h"
#include "console/store/time.h"
#include "lib/base/str.h"

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)

typedef struct Subject {
	const char *kind, *id;
	SkKeyLimit limit;
} Subject;

/* The subject's own limit, where it has one. */
static int load_limit(SkDb *db, Subject *subject)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT per_hour, per_day FROM key_limits WHERE subject_kind = $1 AND subject_id = $2",
		SK_DB_ARGS(sk_db_text(subject->kind), sk_db_text(subject->id)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r == 1)
		subject->limit = (SkKeyLimit){sk_db_get_int(rows, 0), sk_db_get_int(rows, 1)};
	return r < 0 ? r : 0;
}

/* One more in this window, or -EDQUOT. */
static int count_window(SkDb *db, const Subject *subject, int64_t window, int64_t max)
{
	int64_t now = sk_time_now(), count;
	const SkDbValue values[] = {sk_db_text(subject->kind), sk_db_text(subject->id), sk_db_int(window),
		sk_db_int(now - now % window)};
	int r = sk_db_exec(db,
		"INSERT INTO key_counters (subject_kind, subject_id, window_size, window_start, count)"
		" VALUES ($1, $2, $3, $4, 1)"
		" ON CONFLICT (subject_kind, subject_id, window_size, window_start)"
		" DO UPDATE SET count = key_counters.count + 1",
		values, SK_ARRAY_SIZE(values), NULL);

	if (r == 0)
		r = sk_db_query_int(db,
			"SELECT count FROM key_counters WHERE subject_kind = $1 AND subject_id = $2 AND "
			"window_size = $3"
			" AND window_start = $4",
			values, SK_ARRAY_SIZE(values), &count);
	if (r < 0)
		return r;
	return count > max ? -EDQUOT : 0;
}

int sk_use_count(SkDb *db, const SkKeyLimits *limits, SkKeyUse *use)
{
	Subject subjects[] = {
		{"medium", use->medium_id, limits->medium},
		{"terminal", use->terminal_id, limits->terminal},
		{"person", use->person_id, limits->person},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(subjects); i++) {
		int r = load_limit(db, &subjects[i]);

		if (r == 0)
			r = count_window(db, &subjects[i], HOUR, subjects[i].limit.per_hour);
		if (r == 0)
			r = count_window(db, &subjects[i], DAY, subjects[i].limit.per_day);
		if (r == -EDQUOT)
			use->limited = subjects[i].kind;
		if (r < 0)
			return r;
	}
	return 0;
}

int sk_use_note(SkDb *db, const SkKeyUse *use, const char *outcome)
{
	char id[SK_ID_SIZE];

	sk_id_new(id);
	return sk_db_exec(db,
		"INSERT INTO key_uses (id, medium_id, facility_id, terminal_id, grant_id, user_name, "
		"outcome, at) "
		"SELECT $1, id, facility_id, $3, $4, $5, $6, $7 FROM media WHERE id = $2",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(use->medium_id), sk_db_text(use->terminal_id),
			sk_db_text(use->grant_id), sk_db_text(use->user_name ? use->user_name : ""),
			sk_db_text(outcome), sk_db_int(sk_time_now())),
		NULL);
}

int sk_medium_key_forget_counts(SkDb *db)
{
	return sk_db_exec(db, "DELETE FROM key_counters WHERE window_start < $1",
		SK_DB_ARGS(sk_db_int(sk_time_now() - 2 * DAY)), NULL);
}
