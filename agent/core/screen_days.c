/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/screen_days.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "agent/core/core.h"
#include "agent/core/state.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define STATE_FILE "screen.json"
#define STATE_MAX (64u << 10)
#define DAYS_MAX 35
/* Of a day: the console has it as it is. */
#define TOLD "told"

/* What is counted: here, and in the contract. */
static const struct {
	const char *key, *field;
} counts[] = {{"locks", "locks"}, {"unlocks", "unlocks"}, {"failures", "failures"},
	{"wrong_passwords", "wrongPasswords"}, {"longest_idle_ms", "longestIdleMs"}};

/* An array of days, the newest first. What is not as we write it is as good as none. */
static bool is_sound(const json_t *days)
{
	const json_t *day;
	size_t i;

	if (!json_is_array(days) || json_array_size(days) > DAYS_MAX)
		return false;
	json_array_foreach (days, i, day)
		if (!json_is_string(json_object_get(day, "day")) ||
			strlen(json_string_value(json_object_get(day, "day"))) != 10)
			return false;
	return true;
}

int screen_days_open(Core *core)
{
	json_t *days = state_read(core, STATE_FILE, STATE_MAX);

	core->lock_days = is_sound(days) ? json_incref(days) : json_array();
	json_decref(days);
	return core->lock_days ? 0 : -ENOMEM;
}

void screen_days_close(Core *core)
{
	json_decref(core->lock_days);
	json_decref(core->lock_days_sent);
	core->lock_days = core->lock_days_sent = NULL;
}

static void save(const Core *core)
{
	int r = state_write(core, STATE_FILE, core->lock_days);

	if (r < 0)
		sk_log(LOG_WARNING, "the days of the screen lock cannot be kept: %s", strerror(-r));
}

/* The PC's own day: that of the people who use it. */
static json_t *today(Core *core)
{
	time_t now = time(NULL);
	struct tm local;
	char text[16];
	json_t *first = json_array_get(core->lock_days, 0);

	localtime_r(&now, &local);
	strftime(text, sizeof(text), "%Y-%m-%d", &local);
	if (first && sk_str_eq(json_string_value(json_object_get(first, "day")), text))
		return first;
	json_array_insert_new(core->lock_days, 0, json_pack("{s:s}", "day", text));
	while (json_array_size(core->lock_days) > DAYS_MAX)
		json_array_remove(core->lock_days, DAYS_MAX);
	return json_array_get(core->lock_days, 0);
}

static json_int_t count_of(const json_t *day, const char *key)
{
	json_int_t count = json_integer_value(json_object_get(day, key));

	return count > 0 ? count : 0;
}

static void add_to(json_t *day, const char *key, json_int_t more)
{
	json_object_set_new(day, key, json_integer(count_of(day, key) + more));
}

void screen_days_add(Core *core, const SkLockEvent *event)
{
	json_t *day = today(core);
	json_int_t idle = (json_int_t)event->idle_msec;

	if (!day)
		return;
	if (event->kind == SK_LOCK_UNLOCKED) {
		add_to(day, "unlocks", 1);
		add_to(day, "wrong_passwords", event->failures);
		idle = 0; /* it was locked */
	} else if (event->kind == SK_LOCK_LOCKED) {
		add_to(day, "locks", 1);
	} else if (event->kind == SK_LOCK_REFUSED || event->kind == SK_LOCK_OPEN) {
		add_to(day, "failures", 1);
	}
	if (idle > count_of(day, "longest_idle_ms"))
		json_object_set_new(day, "longest_idle_ms", json_integer(idle));
	json_object_del(day, TOLD);
	save(core);
}

static json_t *day_for_console(const json_t *day)
{
	json_t *told = json_pack("{s:O}", "day", json_object_get(day, "day"));

	for (size_t i = 0; told && i < SK_ARRAY_SIZE(counts); i++)
		json_object_set_new(told, counts[i].field, json_integer(count_of(day, counts[i].key)));
	return told;
}

json_t *screen_days_for_console(Core *core)
{
	json_t *told = json_array(), *day;
	size_t i;

	json_array_foreach (core->lock_days, i, day)
		if (!json_is_true(json_object_get(day, TOLD)))
			json_array_append_new(told, day_for_console(day));
	json_decref(core->lock_days_sent);
	core->lock_days_sent = json_incref(told);
	return told;
}

/* Was it told as it is now? */
static bool was_sent(const json_t *sent, const json_t *day)
{
	json_auto_t *now = day_for_console(day);
	const json_t *then;
	size_t i;

	json_array_foreach (sent, i, then)
		if (json_equal(then, now))
			return true;
	return false;
}

void screen_days_taken(Core *core)
{
	bool changed = false;
	json_t *day;
	size_t i;

	json_array_foreach (core->lock_days, i, day) {
		if (json_is_true(json_object_get(day, TOLD)) || !was_sent(core->lock_days_sent, day))
			continue;
		json_object_set_new(day, TOLD, json_true());
		changed = true;
	}
	if (changed)
		save(core);
}
