/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the agents were told against what the database has. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console/db/db.h"
#include "lib/audit/line.h"
#include "lib/base/str.h"
#include "tests/fleet/console.h"

#define TOLD_MAX 5
#define TRIES 300
#define PAUSE_US 200000

/* Return: what is wrong with the chain of this agent; NULL: nothing. */
static const char *walk(const FleetAgent *agent, SkDbRows *rows)
{
	char prev[SK_SHA256_HEX_SIZE] = SK_HASH_NONE, at_acked[SK_SHA256_HEX_SIZE] = "";
	int64_t seq = 0;
	SkAuditRecord record;

	while (sk_db_next(rows) == 1) {
		const char *line = sk_db_get_text(rows, 1);

		if (sk_db_get_int(rows, 0) != ++seq)
			return "a record is missing";
		if (!line || sk_line_parse(line, strlen(line), &record) < 0 || record.seq != (uint64_t)seq)
			return "a line is none of ours";
		if (!sk_text_equals(record.prev, prev))
			return "a record does not follow on the one before";
		sk_line_hash(prev, line, strlen(line));
		if ((uint64_t)seq == agent->acked)
			sk_str_copy(at_acked, sizeof(at_acked), prev);
	}
	if ((uint64_t)seq < agent->acked)
		return "an acknowledged record is not there";
	if ((uint64_t)seq > agent->seq)
		return "there is more than was written";
	if (agent->acked > 0 && !sk_str_eq(at_acked, agent->acked_hash))
		return "another record than the acknowledged one";
	return NULL;
}

/* A cluster may be looking for its primary just now. */
static SkDb *open_patiently(const FleetConsole *console)
{
	SkDb *db = NULL;

	for (int i = 0; i < TRIES; i++) {
		if (sk_db_open(console->database, &db) == 0)
			return db;
		usleep(PAUSE_US);
	}
	fprintf(stderr, "the database cannot be opened: %s\n", sk_db_open_message());
	exit(1);
}

static int read_chain(SkDb *db, const FleetAgent *agent, SkDbRows **ret_rows)
{
	int r = -ENOTCONN;

	for (int i = 0; i < TRIES && r == -ENOTCONN; i++) {
		if (i > 0)
			usleep(PAUSE_US);
		r = sk_db_query(db, "SELECT seq, line FROM records WHERE terminal_id = $1 ORDER BY seq",
			SK_DB_ARGS(sk_db_text(agent->terminal)), ret_rows);
	}
	return r;
}

unsigned fleet_console_check(const FleetConsole *console, const Fleet *fleet)
{
	own_db SkDb *db = open_patiently(console);
	unsigned wrong = 0;

	for (unsigned i = 0; i < fleet->count; i++) {
		own_rows SkDbRows *rows = NULL;
		const FleetAgent *agent = &fleet->agents[i];
		const char *what = "no answer";

		if (read_chain(db, agent, &rows) == 0)
			what = walk(agent, rows);
		if (what && wrong++ < TOLD_MAX)
			fprintf(stderr, "agent %u, acknowledged %" PRIu64 " of %" PRIu64 ": %s\n", i,
				agent->acked, agent->seq, what);
	}
	return wrong;
}
