/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/posture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/core/core.h"
#include "agent/core/json_text.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "agent/core/state.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define STATE_FILE "posture.json"
#define STATE_MAX (256u << 10)
/* After a start: devices and people come first. */
#define FIRST_USEC (20 * 1000000ULL)
/* What posture has for a round, and to be started. */
#define ROUND_USEC (30 * 1000000ULL)
#define WAITING_MAX 16

struct PostureState {
	sd_event_source *next;	   /* round */
	sd_event_source *deadline; /* of the round that runs */
	json_t *checks;		   /* id -> result, as posture_to_json() shows it */
	int64_t checked;	   /* seconds since 1970; 0: never */
	uint32_t cpu_msec;
	json_t *seen; /* id -> true: came in this round */
	bool changed; /* in this round */
	sd_bus_message *waiting[WAITING_MAX];
	size_t n_waiting;
};

static const char *const state_names[] = {"ok", "warn", "fail", "unknown"};

/* What is kept is our own; a file that is not as we write it is as good as none. */
static bool is_sound(const json_t *checks)
{
	const json_t *check;
	const char *id;

	if (!json_is_object(checks) || json_object_size(checks) > SK_POSTURE_CHECKS_MAX)
		return false;
	json_object_foreach ((json_t *)checks, id, check)
		if (!sk_str_eq(text_of(check, "id"), id) || !*text_of(check, "state"))
			return false;
	return true;
}

static void load(Core *core)
{
	json_t *kept = state_read(core, STATE_FILE, STATE_MAX), *checks = json_object_get(kept, "checks");

	if (is_sound(checks)) {
		json_decref(core->posture->checks);
		core->posture->checks = json_incref(checks);
		core->posture->checked = json_integer_value(json_object_get(kept, "checked"));
	}
	json_decref(kept);
}

static void save(const Core *core)
{
	json_t *kept = json_pack(
		"{s:I, s:O}", "checked", (json_int_t)core->posture->checked, "checks", core->posture->checks);
	int r = kept ? state_write(core, STATE_FILE, kept) : -ENOMEM;

	json_decref(kept);
	if (r < 0)
		sk_log(LOG_WARNING, "the posture cannot be kept: %s", strerror(-r));
}

/* On the state, or on a value that is news by itself. */
static void record_change(
	Core *core, const SkPostureResult *result, const json_t *before, const json_t *check)
{
	SkReason code = result->code ? (SkReason)result->code : SK_POSTURE_GOOD;

	record_write(
		core, &(Record){.kind = "posture.changed",
			      .code = sk_reason_find(code) ? code : SK_POSTURE_CHECK_FAILED,
			      .body = json_pack("{s:s, s:s, s:s, s:s, s:O, s:O}", "check", result->id,
				      "requirement", result->requirement, "state", state_names[result->state],
				      "before", before ? text_of(before, "state") : "none", "value",
				      json_object_get(check, "value"), "threshold",
				      json_object_get(check, "threshold"))});
}

static json_t *result_to_json(const SkPostureResult *result, int64_t since)
{
	char code[SK_REASON_CODE_SIZE] = "";

	if (sk_reason_find((SkReason)result->code))
		sk_reason_format_code(code, (SkReason)result->code);
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:I}", "id", result->id, "requirement",
		result->requirement, "state", state_names[result->state], "code", code, "value",
		record_text(result->value), "threshold", record_text(result->threshold), "since",
		(json_int_t)since);
}

void posture_take(Core *core, const SkPostureResult *result)
{
	json_t *checks = core->posture->checks;
	json_t *before = json_incref(json_object_get(checks, result->id));
	bool same = before && sk_str_eq(text_of(before, "state"), state_names[result->state]);
	json_t *check;

	/* Each once a round, so that nobody fills the log. */
	if (json_object_get(core->posture->seen, result->id) ||
		(!before && json_object_size(checks) >= SK_POSTURE_CHECKS_MAX)) {
		json_decref(before);
		return;
	}
	json_object_set_new(core->posture->seen, result->id, json_true());
	check = result_to_json(
		result, same ? json_integer_value(json_object_get(before, "since")) : (int64_t)time(NULL));
	if (check && json_object_set(checks, result->id, check) == 0) {
		same = same && (!result->drift || json_equal(json_object_get(before, "value"),
							  json_object_get(check, "value")));
		if (!same) {
			record_change(core, result, before, check);
			core->posture->changed = true;
		}
	}
	json_decref(check);
	json_decref(before);
}

static int reply_not_now(sd_bus_message *message, int error)
{
	char code[SK_REASON_CODE_SIZE];

	sk_reason_format_code(code, SK_POSTURE_NOT_NOW);
	return sd_bus_reply_method_errorf(
		message, "org.sekisho.Agent1.Error.Busy", "%s: %s", code, strerror(-error));
}

static void answer_waiting(Core *core, int error)
{
	PostureState *posture = core->posture;
	json_t *object = posture_to_json(core);
	own_free char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	for (size_t i = 0; i < posture->n_waiting; i++) {
		if (error == 0 && text)
			sd_bus_reply_method_return(posture->waiting[i], "s", text);
		else
			reply_not_now(posture->waiting[i], error < 0 ? error : -ENOMEM);
		sd_bus_message_unref(posture->waiting[i]);
	}
	posture->n_waiting = 0;
}

static int on_next(sd_event_source *source, uint64_t usec, void *userdata);

static void plan(Core *core, uint64_t usec)
{
	PostureState *posture = core->posture;

	posture->next = sd_event_source_disable_unref(posture->next);
	sd_event_add_time_relative(
		core->event, &posture->next, CLOCK_BOOTTIME, usec, usec / 10, on_next, core);
}

/* What another version checked, and this one does not. */
static void forget_unseen(PostureState *posture)
{
	json_t *check;
	const char *id;
	void *next;

	json_object_foreach_safe(posture->checks, next, id, check)
	{
		if (!json_object_get(posture->seen, id))
			json_object_del(posture->checks, id);
	}
}

void posture_round_over(Core *core, const SkPostureDone *done)
{
	PostureState *posture = core->posture;

	if (!posture || !posture->deadline)
		return;
	posture->deadline = sd_event_source_disable_unref(posture->deadline);
	if (done) {
		posture->checked = (int64_t)time(NULL);
		posture->cpu_msec = done->cpu_msec;
		if (done->count == json_object_size(posture->seen))
			forget_unseen(posture);
		save(core);
	}
	answer_waiting(core, done ? 0 : -ECONNRESET);
	if (posture->changed)
		uplink_tell_status(core);
	posture->changed = false;
	plan(core, core->settings->posture.interval_sec * 1000000ULL);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	Core *core = userdata;

	sk_log_event(&(SkLogEvent){.priority = LOG_WARNING, .id = SK_MESSAGE_PEER_LOST},
		"sekisho-posture does not come to an end");
	peer_drop(&core->posture_peer);
	return 0;
}

static int begin(Core *core)
{
	PostureState *posture = core->posture;
	int r;

	if (posture->deadline)
		return 0;
	json_object_clear(posture->seen);
	/* One that has said all and not gone yet takes no second round. */
	peer_drop(&core->posture_peer);
	r = sd_event_add_time_relative(
		core->event, &posture->deadline, CLOCK_BOOTTIME, ROUND_USEC, 0, on_deadline, core);
	if (r >= 0)
		r = posture_begin(core);
	if (r < 0)
		posture->deadline = sd_event_source_disable_unref(posture->deadline);
	return r < 0 ? r : 0;
}

static int on_next(sd_event_source *source, uint64_t usec, void *userdata)
{
	Core *core = userdata;

	if (begin(core) < 0)
		plan(core, core->settings->posture.interval_sec * 1000000ULL);
	return 0;
}

int posture_open(Core *core)
{
	core->posture = calloc(1, sizeof(*core->posture));
	if (!core->posture)
		return -ENOMEM;
	core->posture->checks = json_object();
	core->posture->seen = json_object();
	if (!core->posture->checks || !core->posture->seen)
		return -ENOMEM;
	load(core);
	plan(core, FIRST_USEC);
	return 0;
}

void posture_close(Core *core)
{
	PostureState *posture = core->posture;

	if (!posture)
		return;
	answer_waiting(core, -ESHUTDOWN);
	posture->next = sd_event_source_disable_unref(posture->next);
	posture->deadline = sd_event_source_disable_unref(posture->deadline);
	peer_deinit(&core->posture_peer);
	json_decref(posture->checks);
	json_decref(posture->seen);
	free(posture);
	core->posture = NULL;
}

static json_t *list_checks(const PostureState *posture)
{
	json_t *list = json_array(), *check;
	const char *id;

	json_object_foreach (posture->checks, id, check)
		json_array_append(list, check);
	return list;
}

json_t *posture_to_json(const Core *core)
{
	const PostureState *posture = core->posture;

	return json_pack("{s:I, s:I, s:b, s:o}", "checked", (json_int_t)posture->checked, "cpu_msec",
		(json_int_t)posture->cpu_msec, "running", posture->deadline != NULL, "checks",
		list_checks(posture));
}

json_t *posture_for_console(const Core *core)
{
	const PostureState *posture = core->posture;
	bool failing = false;
	const json_t *check;
	const char *id;

	if (!posture || posture->checked == 0)
		return NULL;
	json_object_foreach (posture->checks, id, check)
		failing |= sk_str_eq(text_of(check, "state"), "fail");
	return json_pack("{s:I, s:b, s:o}", "checked", (json_int_t)posture->checked, "failing", failing,
		"checks", list_checks(posture));
}

int posture_check_now(Core *core, sd_bus_message *message)
{
	PostureState *posture = core->posture;
	int r = posture->n_waiting < WAITING_MAX ? begin(core) : -EBUSY;

	if (r < 0)
		return reply_not_now(message, r);
	posture->waiting[posture->n_waiting++] = sd_bus_message_ref(message);
	return 0;
}
