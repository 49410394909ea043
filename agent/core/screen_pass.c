/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/screen_pass.h"

#include <string.h>
#include <time.h>

#include "agent/core/core.h"
#include "agent/core/records.h"
#include "agent/core/screen.h"
#include "agent/core/state.h"
#include "lib/audit/clock.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/log/log.h"

#define STATE_FILE "screen-pass.json"
#define STATE_MAX 8192u
#define SECOND_USEC 1000000ULL

static struct {
	uint64_t until; /* us of CLOCK_BOOTTIME; 0: there is none */
	char actor[64];
	char reason[1024];
	sd_event_source *over;
} pass;

static void keep(const Core *core)
{
	char boot[33] = "";
	json_t *content;
	int r;

	(void)sk_audit_clock_boot(boot);
	content = json_pack("{s:s, s:I, s:s, s:s}", "boot", boot, "until", (json_int_t)pass.until, "actor",
		pass.actor, "reason", pass.reason);
	r = content ? state_write(core, STATE_FILE, content) : -ENOMEM;
	json_decref(content);
	if (r < 0)
		sk_log(LOG_WARNING, "the presentation pass cannot be kept: %s", strerror(-r));
}

static void record(Core *core, const char *kind, const char *actor, json_t *body)
{
	record_write(core, &(Record){.kind = kind,
				   .actor = actor,
				   .code = pass.until ? SK_SCREEN_PASS : SK_SCREEN_PASS_OVER,
				   .body = body});
}

static int on_over(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)screen_pass_end(userdata, "time", NULL);
	return 0;
}

static void await_end(Core *core)
{
	pass.over = sd_event_source_disable_unref(pass.over);
	(void)sd_event_add_time(core->event, &pass.over, CLOCK_BOOTTIME, pass.until, 0, on_over, core);
}

void screen_pass_open(Core *core)
{
	json_t *content = state_read(core, STATE_FILE, STATE_MAX);
	const char *actor = json_string_value(json_object_get(content, "actor"));
	const char *reason = json_string_value(json_object_get(content, "reason"));
	json_int_t until = json_integer_value(json_object_get(content, "until"));
	char boot[33] = "";

	if (actor && reason && until > 0 && (uint64_t)until > sk_clock_boot_usec() &&
		sk_audit_clock_boot(boot) == 0 &&
		sk_str_eq(json_string_value(json_object_get(content, "boot")), boot) &&
		sk_str_copy(pass.actor, sizeof(pass.actor), actor) &&
		sk_str_copy(pass.reason, sizeof(pass.reason), reason)) {
		pass.until = (uint64_t)until;
		await_end(core);
	}
	json_decref(content);
}

void screen_pass_close(void)
{
	pass.over = sd_event_source_disable_unref(pass.over);
}

SkReason screen_pass_begin(Core *core, uint64_t minutes, const char *reason, const char *actor)
{
	uint64_t most = core->settings->lock.pass_max_sec / 60;

	if (minutes == 0 || minutes > most)
		return SK_SCREEN_PASS_REFUSED;
	pass.until = sk_clock_boot_usec() + minutes * 60 * SECOND_USEC;
	sk_str_copy(pass.actor, sizeof(pass.actor), actor);
	sk_utf8_escape(pass.reason, sizeof(pass.reason), reason, strlen(reason));
	keep(core);
	await_end(core);
	record(core, "screen.pass", actor,
		json_pack("{s:I, s:s}", "minutes", (json_int_t)minutes, "reason", pass.reason));
	screen_tell_limits(core);
	return SK_SCREEN_PASS;
}

SkReason screen_pass_end(Core *core, const char *why, const char *actor)
{
	if (pass.until == 0)
		return SK_SCREEN_PASS_NONE;
	pass.until = 0;
	pass.over = sd_event_source_disable_unref(pass.over);
	keep(core);
	record(core, "screen.pass-ended", actor, json_pack("{s:s}", "why", why));
	screen_tell_limits(core);
	return SK_SCREEN_PASS_OVER;
}

uint64_t screen_pass_until(void)
{
	return pass.until;
}

json_t *screen_pass_to_json(void)
{
	uint64_t now = sk_clock_boot_usec();

	return pass.until <= now ? NULL
				 : json_pack("{s:I, s:s, s:s}", "seconds",
					   (json_int_t)((pass.until - now) / SECOND_USEC), "reason",
					   pass.reason, "actor", pass.actor);
}
