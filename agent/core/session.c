/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/session.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/core/bus.h"
#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/volumes.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

static void forget_groups(Session *session)
{
	for (int i = 0; session->groups[i]; i++) {
		free(session->groups[i]);
		session->groups[i] = NULL;
	}
}

static void read_groups(Session *session)
{
	gid_t gids[SESSION_GROUPS_MAX];
	int n = SESSION_GROUPS_MAX - 1, filled = 0;

	forget_groups(session);
	if (getgrouplist(session->user, session->gid, gids, &n) < 0)
		n = SESSION_GROUPS_MAX - 1;
	for (int i = 0; i < n; i++) {
		const struct group *group = getgrgid(gids[i]);

		if (group && (session->groups[filled] = strdup(group->gr_name)))
			filled++;
	}
	session->groups[filled] = NULL;
}

/* "Escaped" as D-Bus paths of logind are: everything but letters and digits (a leading digit too) as _xx. */
static void format_session_path(char *path, size_t size, const char *id)
{
	char *p = path + (size_t)snprintf(path, size, "/org/freedesktop/login1/session/");

	for (const char *c = id; *c && p + 4 < path + size; c++) {
		bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
		bool digit = *c >= '0' && *c <= '9';

		if (letter || (digit && c != id))
			*p++ = *c;
		else
			p += snprintf(p, 4, "_%02x", (unsigned char)*c);
	}
	*p = 0;
}

static void put_together(Core *core)
{
	bool locked = core->session.hinted || core->session.shut || core->session.away;

	if (core->session.locked == locked)
		return;
	core->session.locked = locked;
	devices_context_changed(core);
}

void session_set_shut(Core *core, bool shut)
{
	bool changed = core->session.shut != shut;

	core->session.shut = shut;
	put_together(core);
	/* What waits for it does so whatever the desktop says. */
	if (changed)
		devices_context_changed(core);
}

static int on_locked_hint(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	int locked = 0;

	Core *core = userdata;

	if (!sd_bus_message_is_method_error(message, NULL) &&
		sd_bus_message_read(message, "v", "b", &locked) >= 0) {
		core->session.hinted = locked != 0;
		put_together(core);
	}
	return 0;
}

static void ask_locked_hint(Core *core)
{
	char path[256];

	if (!core->session.present || !bus_connection(core))
		return;
	format_session_path(path, sizeof(path), core->session.id);
	sd_bus_call_method_async(bus_connection(core), NULL, "org.freedesktop.login1", path,
		"org.freedesktop.DBus.Properties", "Get", on_locked_hint, core, "ss",
		"org.freedesktop.login1.Session", "LockedHint");
}

/* Some property of some session changed: what it is now is asked, not taken from the signal. */
static int on_session_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	ask_locked_hint(userdata);
	return 0;
}

static void clear(Session *session)
{
	session->present = false;
	session->hinted = session->away = false;
	session->locked = session->shut;
	session->user[0] = session->id[0] = 0;
	forget_groups(session);
}

/* What is in front is no session: a console of sekisho-lock, or a prompt. Who sat there is still signed in,
 * and what they opened stays open behind it, as behind the lock of a desktop. */
static bool is_behind(const Session *session)
{
	own_free char *state = NULL;

	/* logind writes the seat first: the session may still be called active. */
	return session->present && sd_session_get_state(session->id, &state) >= 0 &&
	       !sk_str_eq(state, "closing");
}

static void read_active(Core *core)
{
	Session *session = &core->session;
	own_free char *id = NULL;
	const struct passwd *entry;
	uid_t uid;
	int r = sd_seat_get_active("seat0", &id, &uid);

	session->away = r < 0 && is_behind(session);
	put_together(core);
	if (session->away)
		return;
	if (r < 0) {
		clear(session);
		return;
	}
	if (session->present && sk_str_eq(session->id, id) && session->uid == uid)
		return;
	clear(session);
	entry = getpwuid(uid);
	/* A greeter is nobody who may read media. */
	own_free char *class = NULL;
	if (!entry || sd_session_get_class(id, &class) < 0 || !sk_str_eq(class, "user"))
		return;
	session->present = sk_str_copy(session->user, sizeof(session->user), entry->pw_name) &&
			   sk_str_copy(session->id, sizeof(session->id), id);
	session->uid = uid;
	session->gid = entry->pw_gid;
	read_groups(session);
}

static int on_login_changed(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Core *core = userdata;
	bool was_present = core->session.present;
	uid_t was_uid = core->session.uid;

	sd_login_monitor_flush(core->session.monitor);
	read_active(core);
	ask_locked_hint(core);
	if (was_present != core->session.present || was_uid != core->session.uid) {
		devices_context_changed(core);
		volumes_session_changed(core);
	}
	return 0;
}

int session_open(Core *core)
{
	Session *session = &core->session;
	int r = sd_login_monitor_new(NULL, &session->monitor);

	if (r < 0) {
		sk_log(LOG_NOTICE, "logind is not there (%s): nobody counts as signed in", strerror(-r));
		session->monitor = NULL;
		return 0;
	}
	r = sd_event_add_io(core->event, &session->io, sd_login_monitor_get_fd(session->monitor),
		(uint32_t)sd_login_monitor_get_events(session->monitor), on_login_changed, core);
	if (r < 0)
		return r;
	if (bus_connection(core))
		sd_bus_match_signal_async(bus_connection(core), &session->lock_watch,
			"org.freedesktop.login1", NULL, "org.freedesktop.DBus.Properties",
			"PropertiesChanged", on_session_changed, NULL, core);
	read_active(core);
	ask_locked_hint(core);
	return 0;
}

void session_close(Core *core)
{
	Session *session = &core->session;

	sd_bus_slot_unref(session->lock_watch);
	sd_event_source_disable_unref(session->io);
	sd_login_monitor_unref(session->monitor);
	clear(session);
}
