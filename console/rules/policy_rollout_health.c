/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the terminals are that have the version: what they said, what they refused, who fell silent. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/policy_replay.h"
#include "console/rules/policy_rollout_inside.h"
#include "console/store/time.h"
#include "lib/base/str.h"

#define RECORDS_MAX 2000 /* looked at in one step */
#define BEFORE_MS (INT64_C(30) * 86400000)
#define CONTACT_MS INT64_C(900000)
#define HOUR_MS INT64_C(3600000)
/* Where the order says nothing. Per cent of the terminals that have the version, and minutes. */
#define FAILURES 0
#define REFUSALS 2
#define SILENT 5
#define SILENT_MINUTES 30

static int64_t limit(const json_t *row, const char *name, int64_t fallback)
{
	const json_t *value = json_object_get(json_object_get(row, "stopAt"), name);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

/* The answers of terminals are rows of their own (policy_document.c). */
static int take_answers(const SkActor *actor, const char *rollout, const char *version)
{
	int r = sk_db_exec(actor->db,
		"UPDATE rollout_terminals SET state = 'applied', error = '', changed = $2 WHERE rollout_id = "
		"$1 AND state IN ('sent', 'failed') AND EXISTS (SELECT 1 FROM terminal_policies p WHERE "
		"p.terminal_id = rollout_terminals.terminal_id AND p.state = 'applied' AND "
		"p.policy_version_id = $3)",
		SK_DB_ARGS(sk_db_text(rollout), sk_db_int(actor->now), sk_db_text(version)), NULL);

	if (r < 0)
		return r;
	return sk_db_exec(actor->db,
		"UPDATE rollout_terminals SET state = 'failed', changed = $2, error = (SELECT p.error FROM "
		"terminal_policies p WHERE p.terminal_id = rollout_terminals.terminal_id) WHERE rollout_id = "
		"$1 AND state IN ('sent', 'applied') AND EXISTS (SELECT 1 FROM terminal_policies p WHERE "
		"p.terminal_id = rollout_terminals.terminal_id AND p.state = 'refused' AND "
		"p.policy_version_id = $3)",
		SK_DB_ARGS(sk_db_text(rollout), sk_db_int(actor->now), sk_db_text(version)), NULL);
}

/* A decision since the version was given. */
typedef struct Refusal {
	char terminal[SK_ID_SIZE], hash[128];
	int64_t seq, sent;
	bool refused;
} Refusal;

static int read_refusal(const SkDbRows *rows, Refusal *refusal)
{
	const char *line = sk_db_get_text(rows, 3);
	json_auto_t *body = NULL;
	SkReplayDevice device;
	int r = sk_replay_read(line, strlen(line), &body);

	*refusal = (Refusal){.seq = sk_db_get_int(rows, 1), .sent = sk_db_get_int(rows, 2)};
	sk_str_copy(refusal->terminal, sizeof(refusal->terminal), sk_db_get_text(rows, 0));
	if (r == 0 && sk_replay_device(body, &device))
		refusal->refused =
			!device.worked && sk_str_copy(refusal->hash, sizeof(refusal->hash), device.hash);
	return r == -ENOMEM ? r : 0;
}

/* Return: how many, or negative errno. */
static int read_decisions(const SkActor *actor, const char *rollout, Refusal *refusals)
{
	own_rows SkDbRows *rows = NULL;
	int count = 0;
	int r = sk_db_query(actor->db,
		"SELECT x.terminal_id, r.seq, x.sent, r.line FROM rollout_terminals x JOIN records r ON "
		"r.terminal_id = x.terminal_id AND r.seq > x.looked WHERE x.rollout_id = $1 AND x.state IN "
		"('sent', 'applied') AND r.kind = 'device.decided' AND r.at >= x.sent ORDER BY "
		"r.terminal_id, "
		"r.seq LIMIT $2",
		SK_DB_ARGS(sk_db_text(rollout), sk_db_int(RECORDS_MAX)), &rows);

	while (r >= 0 && (r = sk_db_next(rows)) == 1)
		r = read_refusal(rows, &refusals[count++]);
	return r < 0 ? r : count;
}

/* Did the device work here the last time before? Return: 1, 0, or negative errno. */
static int worked_before(const SkActor *actor, const Refusal *refusal)
{
	own_rows SkDbRows *rows = NULL;
	json_auto_t *body = NULL;
	SkReplayDevice device;
	char pattern[160];
	const char *line;
	int r;

	/* Text that a device chose may be in it too: what is found is read. */
	sk_str_format(pattern, sizeof(pattern), "%%\"hash\":\"%s\"%%", refusal->hash);
	r = sk_db_query(actor->db,
		"SELECT line FROM records WHERE terminal_id = $1 AND kind = 'device.decided' AND seq < $2 "
		"AND "
		"at < $3 AND at >= $4 AND line LIKE $5 ORDER BY seq DESC LIMIT 1",
		SK_DB_ARGS(sk_db_text(refusal->terminal), sk_db_int(refusal->seq), sk_db_int(refusal->sent),
			sk_db_int(refusal->sent - BEFORE_MS), sk_db_text(pattern)),
		&rows);
	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	line = sk_db_get_text(rows, 0);
	r = sk_replay_read(line, strlen(line), &body);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	return sk_replay_device(body, &device) && device.worked && sk_str_eq(device.hash, refusal->hash);
}

/* As long as its terminal has the version only new records are looked at, each once. */
static int count_refusals(const SkActor *actor, const char *rollout)
{
	own_free Refusal *refusals = calloc(RECORDS_MAX, sizeof(*refusals));
	int count = refusals ? read_decisions(actor, rollout, refusals) : -ENOMEM, r = count;

	for (int i = 0; r >= 0 && i < count; i++) {
		r = refusals[i].refused ? worked_before(actor, &refusals[i]) : 0;
		if (r >= 0)
			r = sk_db_exec(actor->db,
				"UPDATE rollout_terminals SET looked = $3, refusals = refusals + $4 WHERE "
				"rollout_id = $1 AND terminal_id = $2",
				SK_DB_ARGS(sk_db_text(rollout), sk_db_text(refusals[i].terminal),
					sk_db_int(refusals[i].seq), sk_db_int(r)),
				NULL);
	}
	return r < 0 ? r : 0;
}

/* Since: when somebody said that it may go on although it had been stopped. */
static int64_t judged_since(const json_t *row)
{
	int64_t since = 0;

	return sk_time_parse(sk_row_text(row, "judgedSince"), &since) == 0 ? since : 0;
}

static int count(const SkActor *actor, const json_t *row, RolloutHealth *health)
{
	const int64_t silent_ms = limit(row, "silentMinutes", SILENT_MINUTES) * 60000;
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT count(*), CAST(COALESCE(sum(CASE WHEN x.state = 'failed' AND x.changed >= $2 THEN 1 "
		"ELSE 0 "
		"END), 0) AS BIGINT), CAST(COALESCE(sum(CASE WHEN x.refusals > 0 THEN 1 ELSE 0 END), 0) AS "
		"BIGINT), "
		"CAST(COALESCE(sum(CASE WHEN x.changed >= $2 AND s.last_contact >= x.sent - $3 AND "
		"s.last_contact <= "
		"x.changed + $4 AND s.last_contact < $5 THEN 1 ELSE 0 END), 0) AS BIGINT), "
		"CAST(COALESCE(sum(CASE WHEN x.state = 'sent' AND s.last_contact >= $6 THEN 1 ELSE 0 END), "
		"0) AS "
		"BIGINT) FROM rollout_terminals x JOIN terminals t ON t.id = x.terminal_id AND t.state = "
		"'enrolled' "
		"LEFT JOIN terminal_status s ON s.terminal_id = x.terminal_id WHERE x.rollout_id = $1 AND "
		"x.state <> "
		"'waiting'",
		SK_DB_ARGS(sk_db_text(sk_row_text(row, "id")), sk_db_int(judged_since(row)),
			sk_db_int(HOUR_MS), sk_db_int(silent_ms), sk_db_int(actor->now - silent_ms),
			sk_db_int(actor->now - CONTACT_MS)),
		&rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r < 0)
		return r;
	*health = (RolloutHealth){.given = sk_db_get_int(rows, 0),
		.failed = sk_db_get_int(rows, 1),
		.refusing = sk_db_get_int(rows, 2),
		.silent = sk_db_get_int(rows, 3),
		.awaited = sk_db_get_int(rows, 4)};
	return 0;
}

int rollout_look(const SkActor *actor, const json_t *row, RolloutHealth *ret_health)
{
	const char *rollout = sk_row_text(row, "id");
	int r = take_answers(actor, rollout, sk_row_text(row, "policyVersion"));

	if (r == 0)
		r = count_refusals(actor, rollout);
	return r < 0 ? r : count(actor, row, ret_health);
}

static bool exceeds(int64_t bad, int64_t given, int64_t percent)
{
	return bad > 0 && bad * 100 > given * percent;
}

bool rollout_is_well(const json_t *row, const RolloutHealth *health, char why[400])
{
	const struct {
		int64_t bad, percent;
		const char *words;
	} signs[] = {
		{health->failed, limit(row, "failures", FAILURES), "refused the policy"},
		{health->refusing, limit(row, "refusals", REFUSALS),
			"refused a device that was allowed before"},
		{health->silent, limit(row, "silent", SILENT), "fell silent after the change"},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(signs); i++)
		if (exceeds(signs[i].bad, health->given, signs[i].percent)) {
			sk_str_format(why, 400, "%lld of %lld PCs %s; the limit is %lld %%",
				(long long)signs[i].bad, (long long)health->given, signs[i].words,
				(long long)signs[i].percent);
			return false;
		}
	return true;
}
