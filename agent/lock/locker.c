/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/locker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/lock/greeter.h"
#include "agent/lock/lock.h"
#include "agent/lock/process.h"
#include "agent/lock/sessions.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/bus/overhear.h"
#include "lib/log/log.h"

#define own_message own_(sd_bus_message_unrefp)
#define SESSION_PATH "/org/freedesktop/login1/session"

/* What xss-lock starts it has started when it speaks, but not always run yet. */
#define LATER_USEC 200000
#define TRIES_MAX 15
/* A locker that ends with the right password is told to be open a moment later. */
#define MOMENT_USEC 1000000

static const char *const overheard[] = {
	"type='method_call',path_namespace='" SESSION_PATH "',member='SetLockedHint'",
	"type='method_call',path='/org/freedesktop/login1',member='UnlockSession'",
	NULL,
};

typedef struct Program {
	const char *path;
	bool only_starts, tells;
	const char *tells_on; /* in sessions of this type only */
} Program;

/* Who calls SetLockedHint was looked up in the programs themselves; the others are started by xss-lock. */
static const Program programs[] = {
	{"/usr/bin/gnome-shell", .tells = true},
	{"/usr/bin/ksmserver", .tells = true, .tells_on = "x11"},
	{"/usr/bin/kwin_wayland", .tells = true},
	{"/usr/bin/cinnamon-screensaver", .tells = true},
	{"/usr/bin/xss-lock", .only_starts = true, .tells = true},
	{"/usr/bin/i3lock"},
	{"/usr/bin/xsecurelock"},
	{"/usr/libexec/xsecurelock/auth_x11"},
	{"/usr/bin/slock"},
	{"/usr/bin/light-locker"},
	{"/usr/bin/mate-screensaver"},
	{"/usr/bin/xfce4-screensaver"},
	{"/usr/bin/xscreensaver"},
	{"/usr/libexec/xscreensaver/xscreensaver-auth"},
};

static const Program *find_program(const char *path)
{
	static const Program unknown;

	for (size_t i = 0; i < SK_ARRAY_SIZE(programs); i++)
		if (sk_str_eq(programs[i].path, path))
			return &programs[i];
	return &unknown;
}

bool locker_is_known(const char *path, const char *others)
{
	const Program *program = find_program(path);

	return (program->path && !program->only_starts) ||
	       (path[0] == '/' && sk_str_has_word(others, " ", path));
}

bool locker_only_starts(const char *path)
{
	return find_program(path)->only_starts;
}

bool locker_tells(const char *path, const char *type, const char *others)
{
	const Program *program = find_program(path);

	return (program->tells && (!program->tells_on || sk_str_eq(program->tells_on, type))) ||
	       (path[0] == '/' && sk_str_has_word(others, " ", path));
}

bool locker_locked(const Seen *session)
{
	return session->hint && session->locker.word == LOCKER_LOCKED && !session->locker.lock->by_console;
}

static void let_go(Locker *locker)
{
	locker->life = sd_event_source_disable_unref(locker->life);
	locker->below = sd_event_source_disable_unref(locker->below);
	locker->later = sd_event_source_disable_unref(locker->later);
	locker->track = sd_bus_track_unref(locker->track);
}

void locker_forget(Seen *session)
{
	let_go(&session->locker);
	session->locker = (Locker){0};
}

static void lose(Locker *locker, const char *what)
{
	const Seen *session = locker->session;
	Lock *lock = locker->lock;

	if (locker->word == LOCKER_LOCKED) {
		sk_log(LOG_WARNING, "session %s of %s: %s while it was locked", session->id, session->user,
			what);
		locker->word = LOCKER_LOST;
	}
	let_go(locker);
	lock_look(lock);
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	lose(userdata, "its locker ended");
	return 0;
}

static int on_name_gone(sd_bus_track *track, void *userdata)
{
	lose(userdata, "its locker left the bus");
	return 1; /* it is not there any more */
}

static int on_moment_over(sd_event_source *source, uint64_t usec, void *userdata)
{
	lose(userdata, "what locked it ended");
	return 0;
}

/* With the right password, or killed: in the first case it is told at once that the session is open. */
static int on_below_end(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Locker *locker = userdata;

	locker->below = sd_event_source_disable_unref(locker->below);
	locker->later = sd_event_source_disable_unref(locker->later);
	if (sd_event_add_time_relative(locker->lock->event, &locker->later, CLOCK_BOOTTIME, MOMENT_USEC, 0,
		    on_moment_over, locker) < 0)
		lose(locker, "what locked it ended");
	return 0;
}

static int watch(Locker *locker, sd_event_source **ret_source, pid_t pid, sd_event_io_handler_t on_gone)
{
	own_fd int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int r = fd < 0 ? -errno
		       : sd_event_add_io(locker->lock->event, ret_source, fd, EPOLLIN, on_gone, locker);

	if (r >= 0)
		r = sd_event_source_set_io_fd_own(*ret_source, true);
	if (r >= 0)
		(void)own_take_fd(&fd);
	return r;
}

static bool is_locker(pid_t pid, void *userdata)
{
	const Locker *locker = userdata;
	char path[PROCESS_PATH_MAX];

	return process_program(pid, path, sizeof(path)) && locker_is_known(path, locker->lock->lockers) &&
	       process_runs(pid);
}

static void believe(Locker *locker)
{
	locker->word = LOCKER_LOCKED;
	lock_look(locker->lock);
}

static int on_later(sd_event_source *source, uint64_t usec, void *userdata);

/* What it started is there, or awaited for a while. */
static void look_below(Locker *locker)
{
	pid_t pid = process_find_below(locker->pid, is_locker, locker);

	locker->later = sd_event_source_disable_unref(locker->later);
	if (pid > 0 && watch(locker, &locker->below, pid, on_below_end) >= 0) {
		believe(locker);
		return;
	}
	if (++locker->tries > TRIES_MAX || sd_event_add_time_relative(locker->lock->event, &locker->later,
						   CLOCK_BOOTTIME, LATER_USEC, 0, on_later, locker) < 0)
		sk_log(LOG_WARNING, "session %s of %s: what process %d started is no locker that is known",
			locker->session->id, locker->session->user, (int)locker->pid);
}

static int on_later(sd_event_source *source, uint64_t usec, void *userdata)
{
	look_below(userdata);
	return 0;
}

/* A program of this session, or one that systemd runs for all sessions of its user. */
static bool belongs(pid_t pid, const Seen *session)
{
	own_free char *id = NULL, *unit = NULL;
	uid_t uid;

	if (sd_pid_get_owner_uid(pid, &uid) < 0 || uid != session->uid)
		return false;
	return sd_pid_get_session(pid, &id) >= 0 ? sk_str_eq(id, session->id)
						 : sd_pid_get_user_unit(pid, &unit) >= 0;
}

typedef struct Search {
	Lock *lock;
	const Seen *session;
	bool found;
} Search;

static bool look_at(pid_t pid, void *userdata)
{
	Search *search = userdata;
	char path[PROCESS_PATH_MAX];

	search->found = process_program(pid, path, sizeof(path)) &&
			locker_tells(path, search->session->type, search->lock->lockers) &&
			belongs(pid, search->session) && process_runs(pid);
	return !search->found;
}

bool locker_can_tell(Lock *lock, const Seen *session)
{
	Search search = {.lock = lock, .session = session};

	return process_each(look_at, &search) < 0 || search.found;
}

static void refuse(const Locker *locker, const char *path)
{
	sk_log(LOG_WARNING, "session %s of %s: process %d (%s) says that it is locked; it is not believed",
		locker->session->id, locker->session->user, (int)locker->pid, path);
}

/* The process is held by its descriptor before anything is asked about its number. */
static void judge(Locker *locker)
{
	char path[PROCESS_PATH_MAX] = "?";
	bool good = watch(locker, &locker->life, locker->pid, on_end) >= 0 &&
		    sd_bus_track_new(locker->lock->bus, &locker->track, on_name_gone, locker) >= 0 &&
		    sd_bus_track_add_name(locker->track, locker->name) >= 0 &&
		    belongs(locker->pid, locker->session) &&
		    process_program(locker->pid, path, sizeof(path)) && process_runs(locker->pid);

	if (good && locker_only_starts(path))
		look_below(locker);
	else if (good && locker_is_known(path, locker->lock->lockers))
		believe(locker);
	else {
		refuse(locker, path);
		locker_forget(locker->session);
	}
}

static int on_pid(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const Question *question = userdata;
	Seen *seen = sessions_find(question->lock, question->id);
	uint32_t pid;

	if (!seen || !sk_str_eq(seen->locker.name, question->about))
		return 0;
	if (sd_bus_message_is_method_error(message, NULL) || sd_bus_message_read(message, "u", &pid) < 0) {
		locker_forget(seen); /* gone before it was asked for */
		return 0;
	}
	seen->locker.pid = (pid_t)pid;
	judge(&seen->locker);
	return 0;
}

static void find_pid(Lock *lock, Seen *session, const char *name)
{
	own_free Question *question = question_new(lock, session);

	if (!question || !sk_str_copy(question->about, sizeof(question->about), name))
		return;
	locker_forget(session);
	session->locker = (Locker){.lock = lock, .session = session};
	sk_str_copy(session->locker.name, sizeof(session->locker.name), name);
	sessions_ask_pid(lock, own_take(question), on_pid);
}

/* The one that locked says that it is open again: of all others logind has to tell it. */
static void open_again(Seen *session)
{
	Lock *lock = session->locker.lock;

	locker_forget(session);
	session->hint = false;
	lock_look(lock);
}

/* "self" and "auto" are resolved by logind; no locker is known that uses them, so they prove nothing. */
static void hear_call(Lock *lock, sd_bus_message *message)
{
	own_free char *id = NULL;
	const char *name = sd_bus_message_get_sender(message);
	int locked;

	if (!name || !sd_bus_message_is_method_call(message, NULL, "SetLockedHint") ||
		sd_bus_path_decode(sd_bus_message_get_path(message), SESSION_PATH, &id) <= 0 ||
		sd_bus_message_read(message, "b", &locked) < 0)
		return;
	Seen *seen = sessions_find(lock, id);

	if (!seen || !id[0])
		return;
	bool same = sk_str_eq(seen->locker.name, name);

	if (!locked && same)
		open_again(seen);
	else if (locked && seen->locker.word != LOCKER_LOCKED)
		find_pid(lock, seen, name);
}

static int on_call(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	hear_call(userdata, message);
	greeter_hear(userdata, message);
	return 1;
}

void locker_open(Lock *lock)
{
	int r = sk_bus_overhear(lock->bus, overheard, on_call, lock, &lock->calls);

	if (r < 0)
		sk_log(LOG_ERR, "no desktop is believed, for who says that it locked cannot be seen: %s",
			strerror(-r));
}

void locker_close(Lock *lock)
{
	for (Seen *seen = lock->sessions; seen < lock->sessions + LOCK_SESSIONS_MAX; seen++)
		locker_forget(seen);
	sd_bus_flush_close_unref(lock->calls);
}
