/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/cover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/lock/front.h"
#include "agent/lock/screens.h"
#include "agent/lock/sessions.h"
#include "agent/lock/unlock.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

/* What is in front, for whoever waits for it (drivers/tty/vt/vt.c: sysfs_notify() at each change). */
#define FRONT "/sys/class/tty/tty0/active"

#define AGAIN_USEC 1000000
/* Three looks in the shortest time that a cover has (LOCK_COVER_AFTER_ASKED). */
#define LIT_USEC 500000

static void start_asking(Lock *lock);

static void stop_asking(Lock *lock)
{
	lock->asker = sd_event_source_disable_unref(lock->asker);
	lock->again = sd_event_source_disable_unref(lock->again);
}

static int on_still_lit(sd_event_source *source, uint64_t usec, void *userdata);

/* Only then it is over the session. */
static void clear_screens(Lock *lock)
{
	int r = screens_clear(lock->vt.number);

	lock->clear = r >= 0;
	if (r < 0 && !lock->lit)
		sk_log(LOG_WARNING, "a monitor still shows what it did: %s",
			r == -EBUSY ? "a program draws there" : strerror(-r));
	lock->lit = sd_event_source_disable_unref(lock->lit);
	if (r < 0)
		(void)sd_event_add_time_relative(
			lock->event, &lock->lit, CLOCK_BOOTTIME, LIT_USEC, 0, on_still_lit, lock);
}

static int on_still_lit(sd_event_source *source, uint64_t usec, void *userdata)
{
	clear_screens(userdata);
	lock_look(userdata);
	return 0;
}

static void give_back(Lock *lock)
{
	stop_asking(lock);
	lock->lit = sd_event_source_disable_unref(lock->lit);
	lock->clear = false;
	vt_give_back(&lock->vt, lock->directory);
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	start_asking(userdata);
	return 0;
}

/* What ends at once without having asked would have us do nothing else. */
static void ask_later(Lock *lock)
{
	lock->again = sd_event_source_disable_unref(lock->again);
	(void)sd_event_add_time_relative(
		lock->event, &lock->again, CLOCK_BOOTTIME, AGAIN_USEC, 0, on_again, lock);
}

/* What locked the desktop beneath meanwhile, by its own time or after a sleep, would ask for the same
 * password once more. */
static void let_in(Lock *lock)
{
	Seen *seen = sessions_find(lock, lock->vt.session);

	if (seen && seen->can_ask) {
		seen->let_in = true;
		sessions_ask_unlock(lock, seen);
	}
	give_back(lock);
}

/* Its password was right, or it was ended: by the kernel's secure attention key, by an administrator. */
static int on_asked(sd_event_source *source, const siginfo_t *info, void *userdata)
{
	Lock *lock = userdata;
	bool answered = info->si_code == CLD_EXITED;

	stop_asking(lock);
	if (answered && info->si_status == UNLOCK_WRONG)
		lock->failures++;
	if (answered && info->si_status == UNLOCK_RIGHT)
		let_in(lock);
	else if (answered && info->si_status == UNLOCK_WRONG)
		start_asking(lock);
	else
		ask_later(lock);
	lock_look(lock);
	return 0;
}

static void start_asking(Lock *lock)
{
	char console[32];

	if (vt_open_again(&lock->vt) < 0) {
		ask_later(lock);
		return;
	}
	snprintf(console, sizeof(console), "/dev/tty%d", lock->vt.number);
	pid_t pid = unlock_start(
		&(UnlockAsk){.console_fd = lock->vt.fd, .user = lock->vt.user, .console = console});

	if (pid < 0) {
		sk_log(LOG_ERR, "nobody can be asked for a password: %s", strerror(-pid));
		ask_later(lock);
		return;
	}
	if (sd_event_add_child(lock->event, &lock->asker, pid, WEXITED, on_asked, lock) < 0)
		sk_log(LOG_ERR, "the end of process %d will not be heard", (int)pid);
	else
		sd_event_source_set_child_process_own(lock->asker, true);
}

static void look_at_front(Lock *lock)
{
	bool was_up = lock->vt.up;

	if (!vt_look(&lock->vt) || was_up)
		return;
	lock->failures = 0;
	clear_screens(lock);
	start_asking(lock);
}

static int on_front(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Lock *lock = userdata;
	char text[32];

	/* Read, so that it is told again. */
	(void)!pread(fd, text, sizeof(text), 0);
	look_at_front(lock);
	/* What was in front until now had the input until now. */
	sessions_note_input(lock, lock_now(), activity_newest(lock->activity));
	front_read(lock);
	lock_look(lock);
	return 0;
}

int cover_open(Lock *lock)
{
	char text[32];
	int fd = open(FRONT, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0
				       : -errno; /* a PC without consoles has nothing that could be covered */
	(void)!read(fd, text, sizeof(text));
	int r = sd_event_add_io(lock->event, &lock->vt_io, fd, EPOLLPRI, on_front, lock);

	if (r < 0) {
		close(fd);
		return r;
	}
	sd_event_source_set_io_fd_own(lock->vt_io, true);
	vt_resume(&lock->vt, lock->directory);
	if (lock->vt.up) {
		clear_screens(lock);
		start_asking(lock);
	}
	return 0;
}

void cover_take(Lock *lock, const Seen *session)
{
	int r = vt_take(&lock->vt, lock->directory, session->id, session->user, session->uid);

	if (r < 0)
		sk_log(LOG_ERR, "session %s cannot be covered: %s", session->id, strerror(-r));
	else
		look_at_front(lock);
}

bool cover_is_over(const Lock *lock, const Seen *session)
{
	return lock->vt.up && lock->clear && sk_str_eq(lock->vt.session, session->id);
}

void cover_forget_gone(Lock *lock)
{
	if (!lock->vt.number)
		return;
	for (const Seen *seen = lock->sessions; seen < lock->sessions + LOCK_SESSIONS_MAX; seen++)
		if (sk_str_eq(seen->id, lock->vt.session))
			return;
	give_back(lock);
}
