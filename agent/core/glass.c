/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/glass.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "agent/core/codes.h"
#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/json_text.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "agent/core/trial.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/glass.h"
#include "lib/crypt/secret.h"
#include "lib/log/log.h"

#define FILE_NAME "glass.json"
#define FILE_MAX (1u << 20)
#define MINUTE_MS INT64_C(60000)

struct Glass {
	json_t *used;	 /* ids */
	json_t *running; /* {id, until, user, reason}; NULL: no emergency */
	sd_event_source *timer;
};

static int64_t time_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static int keep(const Core *core)
{
	return console_store(core->console, FILE_NAME,
		json_pack("{s:O, s:O?}", "used", core->glass->used, "running", core->glass->running));
}

bool glass_is_broken(const Core *core)
{
	return core->glass && core->glass->running;
}

static void tell_console(Core *core, const json_t *running, int64_t at, int64_t ended)
{
	json_auto_t *body = json_pack("{s:O, s:O, s:O, s:I, s:I}", "code", json_object_get(running, "id"),
		"user", json_object_get(running, "user"), "reason", json_object_get(running, "reason"), "at",
		(json_int_t)at, "ended", (json_int_t)ended);

	if (body && console_enrolled(core))
		uplink_call(core,
			&(UplinkRequest){
				.operation = "break-glass.used", .body = body, .flag = SK_UPLINK_CALL_SPOOL});
}

static void end(Core *core, const char *actor)
{
	Glass *glass = core->glass;
	json_t *ended = glass->running;

	glass->running = NULL;
	if (keep(core) < 0)
		sk_log(LOG_ERR, "the end of the emergency cannot be kept; at the next start it ends again");
	record_write(core, &(Record){.kind = "break-glass.ended",
				   .actor = actor,
				   .code = SK_GLASS_ENDED,
				   .body = json_pack("{s:s}", "code", text_of(ended, "id"))});
	tell_console(core, ended, time_of(ended, "at"), grants_time(core).latest);
	json_decref(ended);
	trial_mode_changed(core);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

/* Until its end, and a look each minute, for a clock that was set. */
static void arm(Core *core)
{
	Glass *glass = core->glass;
	int64_t left;

	if (!glass->running)
		return;
	left = time_of(glass->running, "until") - grants_time(core).latest;
	left = left < 0 ? 0 : left > MINUTE_MS ? MINUTE_MS : left;
	if (!glass->timer) {
		if (sd_event_add_time_relative(core->event, &glass->timer, CLOCK_BOOTTIME,
			    (uint64_t)left * 1000, 0, on_timer, core) < 0)
			end(core, NULL);
		return;
	}
	sd_event_source_set_time_relative(glass->timer, (uint64_t)left * 1000);
	sd_event_source_set_enabled(glass->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	Core *core = userdata;

	if (glass_is_broken(core) && grants_time(core).latest >= time_of(core->glass->running, "until"))
		end(core, NULL);
	arm(core);
	return 0;
}

int glass_open(Core *core)
{
	Glass *glass = calloc(1, sizeof(*glass));
	json_auto_t *object = NULL;

	if (!glass)
		return -ENOMEM;
	core->glass = glass;
	if (console_load(core->console, FILE_NAME, FILE_MAX, &object) == 0) {
		glass->used = json_incref(json_object_get(object, "used"));
		if (json_is_object(json_object_get(object, "running")))
			glass->running = json_incref(json_object_get(object, "running"));
	}
	if (!json_is_array(glass->used))
		glass->used = json_array();
	arm(core);
	return glass->used ? 0 : -ENOMEM;
}

void glass_close(Core *core)
{
	if (!core->glass)
		return;
	sd_event_source_disable_unref(core->glass->timer);
	json_decref(core->glass->used);
	json_decref(core->glass->running);
	free(own_take(core->glass));
}

void glass_forget(Core *core)
{
	if (!core->glass)
		return;
	if (core->glass->running)
		end(core, NULL);
	json_array_clear(core->glass->used);
	unlinkat(core->console->dir_fd, FILE_NAME, 0);
}

static bool is_used(const Core *core, const char *id)
{
	const json_t *used;
	size_t i;

	json_array_foreach (core->glass->used, i, used) {
		if (sk_str_eq(json_string_value(used), id))
			return true;
	}
	return false;
}

static bool fits(const json_t *sealed, const char *code)
{
	uint8_t verifier[SK_GLASS_VERIFIER_SIZE], known[SK_BASE64_SIZE(SK_GLASS_VERIFIER_SIZE)];
	const char *text = text_of(sealed, "verifier");
	size_t size = 0;

	if (strlen(text) >= sizeof(known) || sk_base64_parse(text, strlen(text), known, &size) < 0 ||
		size != sizeof(verifier))
		return false;
	sk_glass_verifier(text_of(sealed, "id"), code, verifier);
	return sk_secret_equal(verifier, known, sizeof(verifier));
}

static const json_t *find(const Core *core, const char *code)
{
	const json_t *sealed;
	size_t i;

	json_array_foreach (console_emergency_codes(core), i, sealed) {
		if (fits(sealed, code))
			return sealed;
	}
	return NULL;
}

/* On the disk, code used up, before anything is opened. */
static SkReason start(Core *core, const json_t *sealed, const GlassEntry *entry)
{
	Glass *glass = core->glass;
	json_int_t now = grants_time(core).latest, until = now + time_of(sealed, "minutes") * MINUTE_MS;
	json_t *running = json_pack("{s:s, s:I, s:I, s:s, s:s}", "id", text_of(sealed, "id"), "at", now,
		"until", until, "user", entry->user, "reason", entry->reason);

	if (!running || json_array_append_new(glass->used, json_string(text_of(sealed, "id"))) < 0) {
		json_decref(running);
		return SK_RECORDS_FAIL;
	}
	json_decref(glass->running);
	glass->running = running;
	if (keep(core) < 0) {
		json_decref(own_take(glass->running));
		return SK_RECORDS_FAIL;
	}
	return SK_GLASS_BROKEN;
}

static SkReason judge(Core *core, const GlassEntry *entry)
{
	char code[SK_GLASS_CODE_SIZE];
	const json_t *sealed;
	SkReason reason = SK_CODE_SLIP;

	if (!*entry->reason)
		return SK_GLASS_REASON_NEEDED;
	if (!codes_may_try(core))
		return SK_CODES_TOO_MANY;
	if (!sk_glass_code_parse(entry->text, code))
		return SK_CODE_SLIP;
	sealed = find(core, code);
	if (!sealed) {
		codes_wrong(core);
		reason = SK_CODE_WRONG;
	} else if (is_used(core, text_of(sealed, "id")) ||
		   grants_time(core).latest >= time_of(sealed, "expires")) {
		reason = SK_CODE_OVER;
	} else {
		reason = start(core, sealed, entry);
	}
	sk_secret_wipe(code, sizeof(code));
	return reason;
}

SkReason glass_break(Core *core, const GlassEntry *entry)
{
	SkReason reason = judge(core, entry);
	const json_t *running = core->glass->running;
	bool broken = reason == SK_GLASS_BROKEN;

	record_write(core, &(Record){.kind = broken ? "break-glass.used" : "break-glass.refused",
				   .actor = entry->actor,
				   .code = reason,
				   .body = json_pack("{s:s, s:o, s:o, s:I}", "code",
					   broken ? text_of(running, "id") : "", "user",
					   record_text(entry->user), "reason", record_text(entry->reason),
					   "until", (json_int_t)(broken ? time_of(running, "until") : 0))});
	if (!broken)
		return reason;
	tell_console(core, running, time_of(running, "at"), 0);
	trial_mode_changed(core);
	arm(core);
	return reason;
}

SkReason glass_end(Core *core, const char *actor)
{
	if (!glass_is_broken(core))
		return SK_CODE_OVER;
	end(core, actor);
	return SK_GLASS_ENDED;
}

json_t *glass_to_json(const Core *core)
{
	const json_t *running = core->glass->running;

	if (!running)
		return json_pack("{s:b}", "running", 0);
	return json_pack("{s:b, s:I, s:o, s:o}", "running", 1, "until", (json_int_t)time_of(running, "until"),
		"user", record_text(text_of(running, "user")), "reason",
		record_text(text_of(running, "reason")));
}
