/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/wake.h"

#include <errno.h>
#include <stdlib.h>

#include <uthash.h>

#include "console/store/time.h"
#include "lib/base/str.h"

/* Clocks of several processes differ, and a transaction is seen later than the time it wrote. */
#define OVERLAP_MS 10000

typedef struct Seen {
	char terminal[SK_ID_SIZE];
	int64_t revision;
	UT_hash_handle hh;
} Seen;

struct SkWake {
	SkDb *db;
	SkPoll *poll;
	Seen *seen;
	int64_t since;
};

int sk_wake_new(SkDb *db, SkPoll *poll, SkWake **ret_wake)
{
	SkWake *wake = calloc(1, sizeof(*wake));

	if (!wake)
		return -ENOMEM;
	wake->db = db;
	wake->poll = poll;
	wake->since = sk_time_now();
	*ret_wake = wake;
	return 0;
}

void sk_wake_free(SkWake *wake)
{
	Seen *seen, *next;

	if (!wake)
		return;
	HASH_ITER (hh, wake->seen, seen, next) {
		HASH_DEL(wake->seen, seen);
		free(seen);
	}
	free(wake);
}

static int look_at(SkWake *wake, const char *terminal, int64_t revision)
{
	Seen *seen;

	HASH_FIND_STR(wake->seen, terminal, seen);
	if (seen && seen->revision == revision)
		return 0;
	if (!seen) {
		seen = calloc(1, sizeof(*seen));
		if (!seen || !sk_str_copy(seen->terminal, sizeof(seen->terminal), terminal)) {
			free(seen);
			return -ENOMEM;
		}
		HASH_ADD_STR(wake->seen, terminal, seen);
	}
	seen->revision = revision;
	sk_poll_wake(wake->poll, terminal);
	return 0;
}

int sk_wake_look(SkWake *wake)
{
	int64_t now = sk_time_now();
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(wake->db,
		"SELECT terminal_id, revision FROM terminal_revisions WHERE changed > $1",
		SK_DB_ARGS(sk_db_int(wake->since - OVERLAP_MS)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = look_at(wake, sk_db_get_text(rows, 0), sk_db_get_int(rows, 1));
	if (r == 0)
		wake->since = now;
	return r;
}
