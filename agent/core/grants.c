/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/grants.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "agent/core/carry.h"
#include "agent/core/codes.h"
#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/json_text.h"
#include "agent/core/leases.h"
#include "agent/core/losses.h"
#include "agent/core/records.h"
#include "agent/core/slip_store.h"
#include "lib/audit/clock.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define CLOCK_FILE "clock.json"
/* What a power cut takes from the known time. */
#define KEEP_USEC (60 * 1000000ULL)
#define LOOK_MSEC 60000
/* The clocks of this PC and of the console are not the same: what begins now shall not have to wait for that.
 */
#define EARLY_MSEC 2000

struct Grants {
	SkStrictClock clock;
	char boot[33];
	uint64_t kept_usec; /* mono of what is on the disk */
	json_t *in_force;   /* id -> grant, as of the last look */
	sd_event_source *timer;
};

static int64_t time_of(const json_t *grant, const char *name)
{
	return json_integer_value(json_object_get(grant, name));
}

static const json_t *all_of(const Core *core)
{
	return json_object_get(core->console->documents[DOCUMENT_GRANTS].payload, "grants");
}

static void load_clock(const Core *core, SkStrictClock *clock)
{
	json_auto_t *object = NULL;

	if (console_load(core->console, CLOCK_FILE, 4096, &object) < 0)
		return;
	clock->wall = time_of(object, "wall");
	clock->mono = (uint64_t)time_of(object, "mono");
	if (clock->wall <= 0 || !sk_str_copy(clock->boot, sizeof(clock->boot), text_of(object, "boot")))
		*clock = (SkStrictClock){0};
}

static void keep_clock(const Core *core)
{
	Grants *grants = core->grants;
	const SkStrictClock *clock = &grants->clock;

	if (grants->kept_usec > 0 && clock->mono - grants->kept_usec < KEEP_USEC)
		return;
	grants->kept_usec = clock->mono;
	if (console_store(core->console, CLOCK_FILE,
		    json_pack("{s:I, s:I, s:s}", "wall", (json_int_t)clock->wall, "mono",
			    (json_int_t)clock->mono, "boot", clock->boot)) < 0)
		sk_log(LOG_ERR, "the known time cannot be kept");
}

SkStrictTime grants_time(Core *core)
{
	SkAuditTime now;
	SkStrictTime time;

	sk_audit_clock_now(core->grants->boot, &now);
	time = sk_strict_clock_look(&core->grants->clock, &now);
	keep_clock(core);
	return time;
}

static int64_t begin_of(const json_t *grant)
{
	return time_of(grant, "from") - EARLY_MSEC;
}

static SkReason judge_time(const json_t *grant, const SkStrictTime *time)
{
	int64_t from = begin_of(grant), until = time_of(grant, "until");

	if (sk_strict_time_is_doubtful(time, from, until))
		return SK_CLOCK_SET;
	switch (sk_strict_time_judge(time, from, until)) {
	case SK_STRICT_NOT_YET:
		return SK_GRANT_NOT_YET;
	case SK_STRICT_OVER:
		return SK_GRANT_OVER;
	default:
		return SK_REASON_NONE;
	}
}

/* A grant for writing allows reading. */
static bool is_of_mode(const json_t *grant, const char *mode)
{
	return sk_str_eq(text_of(grant, "mode"), mode) ||
	       (sk_str_eq(mode, "read") && sk_str_eq(text_of(grant, "mode"), "read-write"));
}

static SkReason judge(const json_t *grant, const GrantAsk *ask, const SkStrictTime *time)
{
	const char *user = text_of(grant, "user");

	if (!sk_str_eq(text_of(grant, "medium"), ask->medium) || !is_of_mode(grant, ask->mode))
		return SK_GRANT_NONE;
	if (*user && !sk_str_eq(user, ask->user))
		return SK_GRANT_OTHER_USER;
	return judge_time(grant, time);
}

/* One for a disc is good for one. */
static bool is_used(const Core *core, const json_t *grant)
{
	return sk_str_eq(text_of(grant, "mode"), "burn") && slip_store_is_spent(core, text_of(grant, "id"));
}

/* Of several that do not hold, what comes nearest is told. */
static unsigned nearness(SkReason reason)
{
	switch (reason) {
	case SK_CLOCK_SET:
		return 6;
	case SK_GRANT_USED:
		return 5;
	case SK_GRANT_NOT_YET:
		return 4;
	case SK_GRANT_OVER:
		return 3;
	case SK_GRANT_REVOKED:
		return 2;
	case SK_GRANT_OTHER_USER:
		return 1;
	default:
		return 0;
	}
}

SkReason grants_find(Core *core, const GrantAsk *ask, const json_t **ret_grant)
{
	SkReason nearest = SK_GRANT_NONE, reason;
	SkStrictTime time = grants_time(core);
	const json_t *grant;
	size_t i;

	if (!sk_str_eq(ask->mode, "erase") && losses_frozen(core, ask->medium))
		return SK_MEDIUM_FROZEN;
	json_array_foreach (all_of(core), i, grant) {
		reason = judge(grant, ask, &time);
		if (reason != SK_GRANT_NONE && console_grant_revoked(core, text_of(grant, "id")))
			reason = SK_GRANT_REVOKED;
		if (reason == SK_REASON_NONE && is_used(core, grant))
			reason = SK_GRANT_USED;
		if (reason == SK_REASON_NONE) {
			*ret_grant = grant;
			return SK_REASON_NONE;
		}
		if (nearness(reason) > nearness(nearest))
			nearest = reason;
	}
	grant = codes_find(core, ask, &time);
	if (!grant)
		return nearest;
	*ret_grant = grant;
	return SK_REASON_NONE;
}

/* What may not be opened any more may still be erased. */
static bool is_frozen(const Core *core, const json_t *grant)
{
	return !sk_str_eq(text_of(grant, "mode"), "erase") && losses_frozen(core, text_of(grant, "medium"));
}

static bool is_revoked(const Core *core, const json_t *grant)
{
	return console_grant_revoked(core, text_of(grant, "id")) || is_frozen(core, grant);
}

/* used: those too that are used up. Return: how many media, of which ret_medium is one. */
static unsigned count_media(const Core *core, const char *mode, bool used, const char **ret_medium)
{
	const json_t *grant;
	unsigned n = 0;
	size_t i;

	json_array_foreach (all_of(core), i, grant) {
		if (!sk_str_eq(text_of(grant, "mode"), mode) || is_revoked(core, grant) ||
			(!used && is_used(core, grant)))
			continue;
		if (n == 0 || !sk_str_eq(*ret_medium, text_of(grant, "medium")))
			n++;
		*ret_medium = text_of(grant, "medium");
	}
	return n;
}

bool grants_only(const Core *core, const char *mode, char *ret_medium, size_t size)
{
	const char *medium = "";
	unsigned n = count_media(core, mode, false, &medium);

	/* One that is used up is found where there is no other, so that this is told. */
	if (n == 0)
		n = count_media(core, mode, true, &medium);
	return n == 1 && sk_str_copy(ret_medium, size, medium);
}

void grants_medium(const Core *core, const char *name, char *ret_medium, size_t size)
{
	const json_t *grant;
	size_t i;

	sk_str_copy(ret_medium, size, name);
	json_array_foreach (all_of(core), i, grant) {
		if (sk_str_eq(text_of(grant, "number"), name))
			sk_str_copy(ret_medium, size, text_of(grant, "medium"));
	}
}

const json_t *grants_by_id(const Core *core, const char *id)
{
	const json_t *grant;
	size_t i;

	json_array_foreach (all_of(core), i, grant) {
		if (sk_str_eq(text_of(grant, "id"), id))
			return console_grant_revoked(core, id) ? NULL : grant;
	}
	return NULL;
}

static json_t *find_in_force(Core *core, const SkStrictTime *time)
{
	json_t *in_force = json_object();
	const json_t *grant;
	size_t i;

	json_array_foreach (all_of(core), i, grant) {
		if (!is_revoked(core, grant) && judge_time(grant, time) == SK_REASON_NONE)
			json_object_set(in_force, text_of(grant, "id"), (json_t *)grant);
	}
	return in_force;
}

static void record_grant(Core *core, const char *kind, SkReason code, const json_t *grant)
{
	record_write(
		core, &(Record){.kind = kind,
			      .actor = "console",
			      .code = code,
			      .body = json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:I, s:I}", "grant",
				      text_of(grant, "id"), "medium", text_of(grant, "medium"), "number",
				      record_text(text_of(grant, "number")), "label",
				      record_text(text_of(grant, "label")), "mode", text_of(grant, "mode"),
				      "user", record_text(text_of(grant, "user")), "from",
				      (json_int_t)time_of(grant, "from"), "until",
				      (json_int_t)time_of(grant, "until"))});
}

static SkReason why_over(const Core *core, const json_t *grant, const SkStrictTime *time)
{
	if (is_frozen(core, grant))
		return SK_MEDIUM_FROZEN;
	return judge_time(grant, time) == SK_GRANT_OVER ? SK_GRANT_OVER : SK_GRANT_ENDED;
}

/* What differs from the last look. */
static void record_changes(Core *core, json_t *now, const SkStrictTime *time)
{
	const char *id;
	json_t *grant;

	json_object_foreach (core->grants->in_force, id, grant) {
		if (!json_object_get(now, id))
			record_grant(core, "grant.over", why_over(core, grant, time), grant);
	}
	json_object_foreach (now, id, grant) {
		if (!json_object_get(core->grants->in_force, id))
			record_grant(core, "grant.holds", SK_GRANT_HOLDS, grant);
	}
}

/* How long until the next grant begins or ends, and not longer than a look. */
static uint64_t next_look(const Core *core, const SkStrictTime *time)
{
	int64_t wait = LOOK_MSEC;
	const json_t *grant;
	size_t i;

	json_array_foreach (all_of(core), i, grant) {
		int64_t begin = begin_of(grant) - time->earliest;
		int64_t end = time_of(grant, "until") - time->latest;

		if (begin > 0 && begin < wait)
			wait = begin;
		if (end > 0 && end < wait)
			wait = end;
	}
	return (uint64_t)wait + 1;
}

static void look(Core *core)
{
	Grants *grants = core->grants;
	SkStrictTime time = grants_time(core);
	json_t *now = find_in_force(core, &time);

	if (!now)
		return;
	record_changes(core, now, &time);
	json_decref(grants->in_force);
	grants->in_force = now;
	losses_look(core);
	leases_look(core);
	carry_look(core);
	sd_event_source_set_time_relative(grants->timer, next_look(core, &time) * 1000);
	sd_event_source_set_enabled(grants->timer, SD_EVENT_ONESHOT);
}

void grants_changed(Core *core)
{
	if (core->grants)
		look(core);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	look(userdata);
	return 0;
}

int grants_open(Core *core)
{
	Grants *grants = calloc(1, sizeof(*grants));
	SkStrictTime time;
	int r;

	if (!grants)
		return -ENOMEM;
	core->grants = grants;
	r = sk_audit_clock_boot(grants->boot);
	if (r < 0)
		return r;
	load_clock(core, &grants->clock);
	time = grants_time(core);
	/* What held before this start is no news. */
	grants->in_force = find_in_force(core, &time);
	r = grants->in_force ? sd_event_add_time_relative(
				       core->event, &grants->timer, CLOCK_BOOTTIME, 0, 0, on_timer, core)
			     : -ENOMEM;
	return r < 0 ? r : 0;
}

void grants_close(Core *core)
{
	Grants *grants = core->grants;

	if (!grants)
		return;
	sd_event_source_disable_unref(grants->timer);
	json_decref(grants->in_force);
	free(own_take(core->grants));
}

static const char *state_of(const Core *core, const json_t *grant, const SkStrictTime *time)
{
	if (is_revoked(core, grant))
		return "revoked";
	if (is_used(core, grant))
		return "used";
	switch (judge_time(grant, time)) {
	case SK_GRANT_NOT_YET:
		return "later";
	case SK_GRANT_OVER:
		return "over";
	case SK_CLOCK_SET:
		return "clock";
	default:
		return "holds";
	}
}

json_t *grants_to_json(Core *core)
{
	SkStrictTime time = grants_time(core);
	json_t *list = json_array();
	const json_t *grant;
	size_t i;

	json_array_foreach (all_of(core), i, grant) {
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:I, s:I, s:I, s:s}", "id",
				text_of(grant, "id"), "medium", text_of(grant, "medium"), "number",
				record_text(text_of(grant, "number")), "label",
				record_text(text_of(grant, "label")), "mode", text_of(grant, "mode"), "user",
				record_text(text_of(grant, "user")), "from",
				(json_int_t)time_of(grant, "from"), "until",
				(json_int_t)time_of(grant, "until"), "lease",
				(json_int_t)time_of(grant, "lease"), "state", state_of(core, grant, &time)));
	}
	return list;
}
