/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/duty_rollout.h"

#include <errno.h>

#include "console/rules/policy_rollout.h"
#include "lib/log/log.h"

static int step(const SkActor *actor, void *userdata)
{
	return sk_rollout_step(actor, userdata);
}

/* Each in a transaction of its own: one that cannot go on does not hold up the others. */
int sk_duty_rollouts(SkDutyWork *work)
{
	json_auto_t *ids = NULL;
	const json_t *id;
	size_t i;
	int r = sk_rollout_running(sk_duty_db(work), &ids), failed = 0;

	json_array_foreach (ids, i, id) {
		if (r < 0)
			return r;
		r = sk_duty_act(work, step, (void *)json_string_value(id));
		if (r != 0) {
			sk_log(LOG_WARNING, "roll-out %s: %d", json_string_value(id), r);
			failed = r < 0 ? r : -EPROTO;
		}
		r = sk_duty_go_on(work);
	}
	return r < 0 ? r : failed;
}
