/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/screen_order.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "agent/core/core.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "agent/core/screen.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"

#define SECOND_USEC 1000000ULL

static struct {
	char id[32];	      /* "": there was none, or its answer is at the console */
	const char *outcome;  /* NULL: not known yet */
	bool sent;	      /* and told to the uplink */
	uint64_t cookie;      /* of SK_LOCK_NOW */
	uint64_t began, took; /* us of CLOCK_BOOTTIME */
	sd_event_source *late;
} order;

static void answer(Core *core, const char *outcome)
{
	order.late = sd_event_source_disable_unref(order.late);
	order.outcome = outcome;
	order.took = sk_clock_boot_usec() - order.began;
	record_write(core, &(Record){.kind = "screen.order-done",
				   .body = json_pack("{s:s, s:s, s:I}", "order", order.id, "outcome", outcome,
					   "took_ms", (json_int_t)(order.took / 1000))});
	uplink_tell_status(core);
}

/* What can be done was tried by then: the desktop asked, the session covered, the session ended. */
static int on_late(sd_event_source *source, uint64_t usec, void *userdata)
{
	answer(userdata, "open");
	return 0;
}

static void await_lock(Core *core)
{
	uint64_t most = (3 * core->settings->lock.confirm_sec + 1) * SECOND_USEC;

	(void)sd_event_add_time_relative(core->event, &order.late, CLOCK_BOOTTIME, most, 0, on_late, core);
}

int screen_order_take(Core *core, const json_t *payload)
{
	const char *id = json_string_value(json_object_get(payload, "order"));
	const char *reason = json_string_value(json_object_get(payload, "reason"));
	const char *by = json_string_value(json_object_get(payload, "by"));

	if (!id || !reason || !by || !sk_str_copy(order.id, sizeof(order.id), id))
		return -EBADMSG;
	order.late = sd_event_source_disable_unref(order.late);
	order.outcome = NULL;
	order.sent = false;
	order.began = sk_clock_boot_usec();
	/* Each has its own, and none is 0, so that a state from before it does not answer it. */
	order.cookie = order.began;
	if (screen_lock_now(core, &(ScreenAsk){.actor = "console",
					  .cookie = order.cookie,
					  .body = json_pack("{s:s, s:o, s:o}", "order", order.id, "reason",
						  record_text(reason), "by", record_text(by))}) < 0)
		answer(core, "unwatched");
	else
		await_lock(core);
	return 0;
}

void screen_order_heard(Core *core, const SkLockState *state)
{
	static const char *const outcomes[] = {[SK_LOCK_FRONT_NOBODY] = "nobody",
		[SK_LOCK_FRONT_OPEN] = "open",
		[SK_LOCK_FRONT_LOCKED] = "locked",
		[SK_LOCK_FRONT_COVERED] = "covered"};

	if (!order.id[0] || order.outcome || state->head.cookie != order.cookie || state->open > 0)
		return;
	answer(core, outcomes[state->front]);
}

json_t *screen_order_for_console(void)
{
	if (!order.id[0] || !order.outcome)
		return NULL;
	order.sent = true;
	return json_pack("{s:s, s:s, s:I}", "id", order.id, "outcome", order.outcome, "tookMs",
		(json_int_t)(order.took / 1000));
}

void screen_order_taken(void)
{
	if (order.sent)
		order.id[0] = 0;
	order.sent = false;
}

void screen_order_close(void)
{
	order.late = sd_event_source_disable_unref(order.late);
}
