/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/sessions.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "agent/lock/cover.h"
#include "agent/lock/front.h"
#include "agent/lock/owners.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/bus/overhear.h"
#include "lib/log/log.h"

Seen *sessions_find(Lock *lock, const char *id)
{
	for (Seen *seen = lock->sessions; seen < lock->sessions + LOCK_SESSIONS_MAX; seen++)
		if (sk_str_eq(seen->id, id))
			return seen;
	return NULL;
}

/* Return: false: nobody's, or none that could be locked or ended. */
static bool describe(const char *id, Seen *seen)
{
	own_free char *class = NULL, *type = NULL, *tty = NULL, *state = NULL, *seat = NULL;
	const struct passwd *entry;

	if (sd_session_get_class(id, &class) < 0 || !sk_str_eq(class, "user") ||
		sd_session_get_type(id, &type) < 0 || sd_session_get_uid(id, &seen->uid) < 0 ||
		sd_session_get_state(id, &state) < 0)
		return false;
	entry = getpwuid(seen->uid);
	seen->far = sd_session_is_remote(id) > 0;
	seen->in_front = sd_session_is_active(id) > 0 && !seen->far;
	seen->can_ask = sk_str_eq(type, "x11") || sk_str_eq(type, "wayland") || sk_str_eq(type, "mir");
	seen->ended = sk_str_eq(state, "closing");
	if (sd_session_get_tty(id, &tty) >= 0)
		(void)sk_str_copy(seen->tty, sizeof(seen->tty), tty);
	/* A service that runs as a user has neither a seat nor a terminal: nobody sits before it. */
	if (!seen->far && sd_session_get_seat(id, &seat) < 0)
		return false;
	return entry && sk_str_copy(seen->id, sizeof(seen->id), id) &&
	       sk_str_copy(seen->user, sizeof(seen->user), entry->pw_name) &&
	       sk_str_copy(seen->type, sizeof(seen->type), type);
}

static void take(Lock *lock, const char *id)
{
	Seen *seen = sessions_find(lock, id), now = {0};

	if (!describe(id, &now))
		return;
	if (!seen) {
		seen = sessions_find(lock, "");
		if (!seen) {
			sk_log(LOG_ERR, "more than %d sessions: session %s is not watched", LOCK_SESSIONS_MAX,
				id);
			return;
		}
		now.here = true;
		lock_begin(&now.machine, lock_now());
		/* Covered by one before us, who told it. */
		if (cover_is_over(lock, &now))
			now.machine.state = LOCK_CLOSED;
		*seen = now;
		return;
	}
	seen->here = true;
	seen->far = now.far;
	seen->in_front = now.in_front;
	seen->can_ask = now.can_ask;
	seen->ended = now.ended;
}

Question *question_new(Lock *lock, const Seen *session)
{
	Question *question = calloc(1, sizeof(*question));

	if (!question)
		return NULL;
	question->lock = lock;
	sk_str_copy(question->id, sizeof(question->id), session->id);
	return question;
}

void question_sent(sd_bus_slot *slot)
{
	sd_bus_slot_set_destroy_callback(slot, free);
	sd_bus_slot_set_floating(slot, true);
	sd_bus_slot_unref(slot);
}

static int on_hint(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const Question *question = userdata;
	Seen *seen = sessions_find(question->lock, question->id);
	int locked = 0;

	if (!seen || sd_bus_message_is_method_error(message, NULL) ||
		sd_bus_message_read(message, "v", "b", &locked) < 0)
		return 0;
	if (seen->hint != (locked != 0)) {
		seen->hint = locked != 0;
		lock_look(question->lock);
	}
	return 0;
}

static void ask_hint(Lock *lock, const Seen *seen)
{
	own_free char *path = NULL;
	own_free Question *question = question_new(lock, seen);
	sd_bus_slot *slot = NULL;

	if (!question || !seen->can_ask ||
		sd_bus_path_encode("/org/freedesktop/login1/session", seen->id, &path) < 0)
		return;
	if (sd_bus_call_method_async(lock->bus, &slot, LOGIND, path, "org.freedesktop.DBus.Properties", "Get",
		    on_hint, question, "ss", LOGIND ".Session", "LockedHint") < 0)
		return;
	own_take(question);
	question_sent(slot);
}

void sessions_read(Lock *lock)
{
	char **ids = NULL;
	int n = sd_get_sessions(&ids);

	for (Seen *seen = lock->sessions; seen < lock->sessions + LOCK_SESSIONS_MAX; seen++)
		seen->here = false;
	for (int i = 0; i < n; i++) {
		take(lock, ids[i]);
		free(ids[i]);
	}
	free(ids);
	for (Seen *seen = lock->sessions; seen < lock->sessions + LOCK_SESSIONS_MAX; seen++) {
		if (seen->vt)
			continue;
		if (seen->here) {
			ask_hint(lock, seen);
			continue;
		}
		if (seen->can_ask && (seen->machine.state == LOCK_ENDING || cover_is_over(lock, seen)))
			lock->deserted = true;
		locker_forget(seen);
		*seen = (Seen){0};
	}
}

static int on_logins(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Lock *lock = userdata;

	sd_login_monitor_flush(lock->logins);
	/* What was in front until now had the input until now. */
	sessions_note_input(lock, lock_now(), activity_newest(lock->activity));
	sessions_read(lock);
	front_read(lock);
	lock_look(lock);
	return 0;
}

/* Some property of some session changed: what it is now is asked, not taken from the signal. */
static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	Lock *lock = userdata;
	own_free char *id = NULL;

	if (sd_bus_path_decode(sd_bus_message_get_path(message), "/org/freedesktop/login1/session", &id) <=
		0) {
		inhibit_ask_again(lock); /* of the manager, perhaps its inhibitors */
		return 0;
	}
	const Seen *seen = sessions_find(lock, id);

	if (seen)
		ask_hint(lock, seen);
	return 0;
}

int sessions_open(Lock *lock)
{
	int r = sd_bus_open_system(&lock->bus);

	if (r >= 0)
		r = sd_bus_attach_event(lock->bus, lock->event, 0);
	if (r >= 0)
		r = sd_bus_set_exit_on_disconnect(lock->bus, true);
	if (r >= 0)
		r = sd_bus_match_signal_async(lock->bus, &lock->changed, LOGIND, NULL,
			"org.freedesktop.DBus.Properties", "PropertiesChanged", on_changed, NULL, lock);
	if (r >= 0)
		r = sd_login_monitor_new(NULL, &lock->logins);
	if (r >= 0)
		r = sd_event_add_io(lock->event, NULL, sd_login_monitor_get_fd(lock->logins),
			(uint32_t)sd_login_monitor_get_events(lock->logins), on_logins, lock);
	return r < 0 ? r : 0;
}

void sessions_close(Lock *lock)
{
	sd_bus_slot_unref(lock->changed);
	sd_login_monitor_unref(lock->logins);
	sd_bus_flush_close_unref(lock->bus);
}

/* Return: seconds of the wall clock, or 0. */
static int64_t typed_at(const Seen *seen)
{
	char path[80];
	struct stat st;

	if (!seen->tty[0])
		return owners_typed_at(seen->id);
	if (!sk_str_format(path, sizeof(path), "/dev/%s", seen->tty) || stat(path, &st) < 0)
		return 0;
	return st.st_atime;
}

/* The kernel notes on a terminal when it was typed at, by the wall clock and every 8 seconds: what counts is
 * that it changed. */
static void note_terminal(Seen *seen, uint64_t now)
{
	int64_t wall = (int64_t)time(NULL), typed = typed_at(seen);

	if (typed == 0 || typed == seen->touched)
		return;
	uint64_t ago = wall > typed ? (uint64_t)(wall - typed) * 1000000 : 0;

	seen->touched = typed;
	seen->input = ago < now ? now - ago : 0;
}

void sessions_note_input(Lock *lock, uint64_t now, uint64_t newest)
{
	for (Seen *seen = lock->sessions; seen < lock->sessions + LOCK_SESSIONS_MAX; seen++) {
		if (!seen->id[0])
			continue;
		if (seen->far)
			note_terminal(seen, now);
		else if (seen->in_front && newest > seen->input) {
			seen->input = newest;
			inhibit_forget(seen);
		}
	}
}

static void tell_logind(Lock *lock, const char *id, const char *method, const char *what)
{
	int r = sd_bus_call_method_async(lock->bus, NULL, LOGIND_MANAGER, method, NULL, NULL, "s", id);

	if (r < 0)
		sk_log(LOG_ERR, "session %s cannot be %s: %s", id, what, strerror(-r));
}

void sessions_ask_lock(Lock *lock, const Seen *session)
{
	tell_logind(lock, session->id, "LockSession", "asked to lock");
}

void sessions_ask_unlock(Lock *lock, const Seen *session)
{
	tell_logind(lock, session->id, "UnlockSession", "asked to unlock");
}

void sessions_end(Lock *lock, const Seen *session)
{
	tell_logind(lock, session->id, "TerminateSession", "ended");
}

void sessions_show(Lock *lock, const char *id)
{
	tell_logind(lock, id, "ActivateSession", "shown");
}

void sessions_ask_pid(Lock *lock, Question *question, sd_bus_message_handler_t on_pid)
{
	sd_bus_slot *slot = NULL;

	if (sd_bus_call_method_async(lock->bus, &slot, SK_BUS, "org.freedesktop.DBus",
		    "GetConnectionUnixProcessID", on_pid, question, "s", question->about) < 0)
		free(question);
	else
		question_sent(slot);
}
