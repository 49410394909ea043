/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/core/core.h"
#include "agent/core/json_text.h"
#include "agent/core/records.h"
#include "agent/core/sign_in_inside.h"
#include "agent/core/state.h"
#include "agent/core/trial.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define STATE_FILE "sign-ins.json"
#define STATE_MAX (256u << 10)
/* Of a clinic PC. Of more, those who were here longest ago are forgotten. */
#define USERS_MAX 200

static bool is_sound(const json_t *last)
{
	static const char *const texts[] = {"user", "service", "tty", "host", "seat"};
	const json_t *entry;
	size_t i;

	if (!json_is_array(last) || json_array_size(last) > USERS_MAX)
		return false;
	json_array_foreach (last, i, entry) {
		for (size_t k = 0; k < SK_ARRAY_SIZE(texts); k++)
			if (!json_is_string(json_object_get(entry, texts[k])))
				return false;
		if (!json_is_integer(json_object_get(entry, "at")) ||
			!json_is_integer(json_object_get(entry, "uid")) ||
			!json_is_integer(json_object_get(entry, "failures")))
			return false;
	}
	return true;
}

int sign_in_open(Core *core)
{
	SignIn *sign_in = calloc(1, sizeof(*sign_in));
	json_t *last;

	if (!sign_in)
		return -ENOMEM;
	core->sign_in = sign_in;
	sign_in->hours.any = true;
	last = state_read(core, STATE_FILE, STATE_MAX);
	sign_in->last = is_sound(last) ? json_incref(last) : json_array();
	json_decref(last);
	return sign_in->last ? 0 : -ENOMEM;
}

static void save(const Core *core)
{
	int r = state_write(core, STATE_FILE, core->sign_in->last);

	if (r < 0)
		sk_log(LOG_WARNING, "the last sign-ins cannot be kept: %s", strerror(-r));
}

/* Names are kept as they are shown. */
static bool is_of(const json_t *entry, const json_t *user)
{
	return json_equal(json_object_get(entry, "user"), user);
}

static size_t find(const Core *core, const char *user)
{
	json_auto_t *shown = record_text(user);
	const json_t *entry;
	size_t i;

	json_array_foreach (core->sign_in->last, i, entry)
		if (is_of(entry, shown))
			break;
	return i;
}

json_t *sign_in_last_of(const Core *core, const char *user)
{
	return json_array_get(core->sign_in->last, find(core, user));
}

static void put_first(Core *core, json_t *entry)
{
	json_t *last = core->sign_in->last;

	json_array_insert_new(last, 0, entry);
	while (json_array_size(last) > USERS_MAX)
		json_array_remove(last, USERS_MAX);
}

/* at: 0 where he never did. */
static json_t *make_entry(const SkSignIn *sign_in, json_int_t at)
{
	return json_pack("{s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:i}", "user", record_text(sign_in->user),
		"uid", (json_int_t)sign_in->uid, "at", at, "service", record_text(sign_in->service), "tty",
		record_text(sign_in->tty), "host", record_text(sign_in->host), "seat",
		record_text(sign_in->seat), "failures", 0);
}

void sign_in_last_begun(Core *core, const SkSignIn *sign_in)
{
	if (sign_in->uid == SK_SIGN_IN_NOBODY)
		return;
	json_array_remove(core->sign_in->last, find(core, sign_in->user));
	put_first(core, make_entry(sign_in, (json_int_t)time(NULL)));
	save(core);
}

void sign_in_last_failed(Core *core, const SkSignIn *sign_in)
{
	json_t *entry = sign_in_last_of(core, sign_in->user);

	if (sign_in->uid == SK_SIGN_IN_NOBODY)
		return;
	if (!entry) {
		entry = make_entry(sign_in, 0);
		put_first(core, entry);
	}
	json_object_set_new(
		entry, "failures", json_integer(json_integer_value(json_object_get(entry, "failures")) + 1));
	save(core);
}

static json_t *last_for(const Core *core, const char *actor)
{
	json_t *shown = json_array(), *entry;
	char own[32];
	size_t i;

	json_array_foreach (core->sign_in->last, i, entry) {
		sk_str_format(own, sizeof(own), "user:%u",
			(unsigned)json_integer_value(json_object_get(entry, "uid")));
		if (sk_str_eq(actor, "user:0") || sk_str_eq(actor, own))
			json_array_append(shown, entry);
	}
	return shown;
}

json_t *sign_in_to_json(Core *core, const char *actor)
{
	const SkHours *hours = &core->sign_in->hours;
	time_t now = time(NULL);

	return json_pack("{s:s, s:b, s:b, s:I, s:o}", "hours", core->settings->sign_in.hours, "bound",
		!hours->any && trial_mode(core) == SK_MODE_ENFORCE, "open", sk_hours_are_open(hours, now),
		"changes", (json_int_t)sk_hours_next_change(hours, now), "last", last_for(core, actor));
}
