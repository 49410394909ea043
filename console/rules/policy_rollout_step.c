/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a roll-out does by itself: stops, waits, goes on, ends. */
#include <errno.h>

#include "console/rules/policy_groups.h"
#include "console/rules/policy_rollout_inside.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define HOUR_MS INT64_C(3600000)

int sk_rollout_running(SkDb *db, json_t **ret_ids)
{
	own_rows SkDbRows *rows = NULL;
	json_auto_t *ids = json_array();
	int r = ids ? sk_db_query(db, "SELECT id FROM rollouts WHERE state = 'running' ORDER BY id",
			      SK_DB_NO_ARGS, &rows)
		    : -ENOMEM;

	while (r >= 0 && (r = sk_db_next(rows)) == 1)
		r = json_array_append_new(ids, json_string(sk_db_get_text(rows, 0))) < 0 ? -ENOMEM : 0;
	if (r < 0)
		return r;
	*ret_ids = json_incref(ids);
	return 0;
}

/* From now on the groups have it; who came in meanwhile gets it, too. */
static int finish(const SkActor *actor, const json_t *row)
{
	const json_t *groups = json_object_get(row, "groups"), *group;
	const char *mode = sk_row_text(row, "mode");
	SkGroupPolicy policy;
	size_t i;
	int r = sk_table_update(actor->db, &sk_rollouts_table, actor->scope,
		&(SkRowKey){.id = sk_row_text(row, "id")},
		&(SkWrite){SK_SETS({"state", sk_db_text("done")}, {"ended", sk_db_int(actor->now)},
			{"stage_until", sk_db_null()})});

	json_array_foreach (groups, i, group) {
		SkGroupOrder order = {sk_row_text(row, "policyVersion"), *mode ? mode : NULL};

		if (r == 0)
			r = sk_group_read(actor, json_string_value(group), &policy);
		if (r == 0)
			r = sk_group_assign(actor, &(SkRowKey){.id = json_string_value(group)}, &order);
	}
	return r != 0 ? r : rollout_record(actor, row, "rollout.done", json_object());
}

/* Those of the stage have it from now on; only what they record after this is looked at. */
static int give_stage(const SkActor *actor, const char *rollout, int64_t stage)
{
	int r = sk_policy_give_stage(actor, rollout, stage);

	if (r < 0)
		return r;
	return sk_db_exec(actor->db,
		"UPDATE rollout_terminals SET state = 'sent', sent = $3, changed = $3, looked = "
		"COALESCE((SELECT "
		"h.seq FROM chain_heads h WHERE h.terminal_id = rollout_terminals.terminal_id), 0) WHERE "
		"rollout_id "
		"= $1 AND stage = $2",
		SK_DB_ARGS(sk_db_text(rollout), sk_db_int(stage), sk_db_int(actor->now)), NULL);
}

int rollout_advance(const SkActor *actor, const char *rollout)
{
	json_auto_t *row = NULL;
	const json_t *stage;
	int64_t next, hours;
	int r = sk_table_read(actor->db, &sk_rollouts_table, actor->scope, rollout, &row);

	if (r < 0)
		return r;
	next = json_integer_value(json_object_get(row, "stage")) + 1;
	stage = json_array_get(json_object_get(row, "stages"), (size_t)next - 1);
	if (!stage)
		return finish(actor, row);
	hours = json_integer_value(json_object_get(stage, "hours"));
	r = give_stage(actor, rollout, next);
	if (r == 0)
		r = sk_table_update(actor->db, &sk_rollouts_table, actor->scope, &(SkRowKey){.id = rollout},
			&(SkWrite){SK_SETS({"stage", sk_db_int(next)}, {"stage_since", sk_db_int(actor->now)},
				{"stage_until", sk_db_int(actor->now + hours * HOUR_MS)})});
	return r < 0 ? r
		     : rollout_record(
			       actor, row, "rollout.stage", json_pack("{s:I}", "stage", (json_int_t)next));
}

static int stop(const SkActor *actor, const json_t *row, const char *why)
{
	char code[SK_REASON_CODE_SIZE];
	int r = sk_table_update(actor->db, &sk_rollouts_table, actor->scope,
		&(SkRowKey){.id = sk_row_text(row, "id")},
		&(SkWrite){SK_SETS({"state", sk_db_text("stopped")}, {"reason", sk_db_text(why)})});

	sk_reason_format_code(code, SK_ROLLOUT_STOPPED);
	return r < 0 ? r
		     : rollout_record(actor, row, "rollout.stopped",
			       json_pack("{s:s, s:s}", "code", code, "reason", why));
}

/* A stage of which nobody has said anything yet, because all are switched off, shows nothing. */
static int is_answered(const SkActor *actor, const json_t *row)
{
	int64_t count = 0;
	int r = sk_db_query_int(actor->db,
		"SELECT count(*) FROM rollout_terminals WHERE rollout_id = $1 AND stage = $2 AND state IN "
		"('applied', 'failed')",
		SK_DB_ARGS(sk_db_text(sk_row_text(row, "id")),
			sk_db_int(json_integer_value(json_object_get(row, "stage")))),
		&count);

	return r < 0 ? r : count > 0;
}

int sk_rollout_step(const SkActor *actor, const char *rollout)
{
	json_auto_t *row = NULL;
	RolloutHealth health;
	char why[400];
	int64_t until = 0;
	int r = sk_table_read(actor->db, &sk_rollouts_table, actor->scope, rollout, &row);

	if (r < 0)
		return r;
	/* Somebody was faster. */
	if (!sk_str_eq(sk_row_text(row, "state"), "running"))
		return 0;
	r = rollout_look(actor, row, &health);
	if (r < 0)
		return r;
	if (!rollout_is_well(row, &health, why))
		return stop(actor, row, why);
	r = sk_time_parse(sk_row_text(row, "stageUntil"), &until);
	if (r < 0 || actor->now < until || health.awaited > 0)
		return r;
	r = is_answered(actor, row);
	return r == 1 ? rollout_advance(actor, rollout) : r;
}
