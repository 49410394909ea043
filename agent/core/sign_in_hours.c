/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-login.h>
#include <time.h>

#include "agent/core/core.h"
#include "agent/core/grants.h"
#include "agent/core/records.h"
#include "agent/core/screen.h"
#include "agent/core/sign_in_inside.h"
#include "agent/core/trial.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define GROUPS_MAX 256
#define DAY_MS INT64_C(86400000)

/* group: without its @. A group that is not there has nobody in it. */
static bool is_in_group(const struct passwd *user, const char *group)
{
	const struct group *entry = getgrnam(group);
	gid_t gids[GROUPS_MAX], wanted = entry ? entry->gr_gid : (gid_t)-1;
	int n = GROUPS_MAX;

	if (!entry)
		return false;
	if (getgrouplist(user->pw_name, user->pw_gid, gids, &n) < 0)
		n = GROUPS_MAX;
	for (int i = 0; i < n; i++)
		if (gids[i] == wanted)
			return true;
	return false;
}

/* user: of getpwuid(), which looking for groups may overwrite. */
static bool is_excepted(const Core *core, const struct passwd *user)
{
	own_free char *names = strdup(core->settings->sign_in.except);
	own_free char *name = user ? strdup(user->pw_name) : NULL;
	const struct passwd who = {.pw_name = name, .pw_gid = user ? user->pw_gid : (gid_t)-1};
	char *rest = NULL;

	if (!names || !name)
		return false;
	for (const char *word = strtok_r(names, " \t,", &rest); word; word = strtok_r(NULL, " \t,", &rest))
		if (word[0] == '@' ? is_in_group(&who, word + 1) : sk_str_eq(word, name))
			return true;
	return false;
}

/*
 * A battery that is empty sets the clock back by years, and nobody of a clinic could sign in to mend it. What
 * was known of the time before (lib/audit/strict_clock.h) tells.
 */
static bool clock_is_wrong(Core *core)
{
	return grants_time(core).latest - (int64_t)time(NULL) * 1000 > DAY_MS;
}

static bool is_bound(Core *core)
{
	return !core->sign_in->hours.any && trial_mode(core) == SK_MODE_ENFORCE;
}

SkReason sign_in_judge(Core *core, const SkSignIn *sign_in)
{
	bool at_console = !sign_in->host[0];

	if (sk_hours_are_open(&core->sign_in->hours, time(NULL)) || (sign_in->uid == 0 && at_console) ||
		is_excepted(core, getpwuid(sign_in->uid)))
		return SK_REASON_NONE;
	return is_bound(core) && !clock_is_wrong(core) ? SK_SIGN_IN_OUTSIDE_HOURS : SK_SIGN_IN_HOURS_NOT_KEPT;
}

static bool is_locked_by_hours(Core *core, uid_t uid)
{
	return uid != 0 && !is_excepted(core, getpwuid(uid));
}

/* Who sits here. Sessions over the network have no screen. */
static bool find_user(const char *session, uid_t *ret_uid)
{
	own_free char *class = NULL;

	return sd_session_get_class(session, &class) >= 0 && sk_str_eq(class, "user") &&
	       sd_session_is_remote(session) <= 0 && sd_session_get_uid(session, ret_uid) >= 0;
}

static void lock_sessions(Core *core)
{
	char **sessions = NULL;
	int n = sd_get_sessions(&sessions);
	json_t *users = json_array();
	uid_t uid;

	for (int i = 0; i < n; i++) {
		if (find_user(sessions[i], &uid) && is_locked_by_hours(core, uid) &&
			screen_lock_user(core, uid) == 0) {
			const struct passwd *entry = getpwuid(uid);

			json_array_append_new(users, record_text(entry ? entry->pw_name : ""));
		}
		free(sessions[i]);
	}
	free(sessions);
	if (json_array_size(users) == 0) {
		json_decref(users);
		return;
	}
	record_write(core, &(Record){.kind = "session.hours-over",
				   .code = SK_SIGN_IN_HOURS_OVER,
				   .body = json_pack("{s:o}", "users", users)});
}

static int on_change(sd_event_source *source, uint64_t usec, void *userdata);

/* By the wall clock: when it is set, the kernel tells it in time. */
static void look(Core *core)
{
	SignIn *sign_in = core->sign_in;
	time_t now = time(NULL), next = sk_hours_next_change(&sign_in->hours, now);
	bool closed = is_bound(core) && !sk_hours_are_open(&sign_in->hours, now) && !clock_is_wrong(core);

	if (closed && !sign_in->closed)
		lock_sessions(core);
	sign_in->closed = closed;
	sign_in->change = sd_event_source_disable_unref(sign_in->change);
	if (next > 0 && sd_event_add_time(core->event, &sign_in->change, CLOCK_REALTIME,
				(uint64_t)next * 1000000, 100000, on_change, core) < 0)
		sk_log(LOG_ERR, "the end of the hours of work will not be noticed");
}

static int on_change(sd_event_source *source, uint64_t usec, void *userdata)
{
	look(userdata);
	return 0;
}

void sign_in_hours_changed(Core *core)
{
	SkValueError error = {0};

	/* A trial that ended while nobody looked changes the mode before this is open. */
	if (!core->sign_in)
		return;
	tzset();
	if (sk_hours_parse(core->settings->sign_in.hours, &core->sign_in->hours, &error) < 0)
		core->sign_in->hours = (SkHours){.any = true}; /* the settings were read: it cannot be */
	look(core);
}

void sign_in_unlocked(Core *core, uid_t uid)
{
	if (core->sign_in->closed && is_locked_by_hours(core, uid))
		(void)screen_lock_user(core, uid);
}
