/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/front.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/lock/cover.h"
#include "agent/lock/owners.h"
#include "agent/lock/sessions.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define NOBODY_KNOWN ((uid_t)-1)

typedef struct Consoles {
	unsigned front; /* 0: there is none */
	Owner owners[OWNERS_VT_MAX + 1];
	bool known[OWNERS_VT_MAX + 1]; /* to logind */
	bool unknown;		       /* somebody is at the one in front, and who cannot be told */
} Consoles;

/* A session that ends leaves its console to others. */
static void note_known(Consoles *consoles)
{
	char **ids = NULL;
	int n = sd_get_sessions(&ids);

	for (int i = 0; i < n; i++) {
		own_free char *state = NULL;
		unsigned vt;

		if (sd_session_get_vt(ids[i], &vt) >= 0 && vt <= OWNERS_VT_MAX &&
			sd_session_get_state(ids[i], &state) >= 0 && !sk_str_eq(state, "closing"))
			consoles->known[vt] = true;
		free(ids[i]);
	}
	free(ids);
}

/* Text without a process that has it as its terminal is nobody's; a picture is somebody's. */
static void look_at_front(Consoles *consoles, bool picture)
{
	Owner *owner = &consoles->owners[consoles->front];

	if (consoles->front == 0 || consoles->known[consoles->front] || owner->pid > 0 || !picture)
		return;
	consoles->unknown = owners_find_open(consoles->front, owner) < 0 || owner->pid <= 0;
}

static void look_around(const Lock *lock, Consoles *consoles)
{
	bool picture = false;
	int front = vt_in_front(&picture);

	*consoles = (Consoles){0};
	if (front > 0 && front <= OWNERS_VT_MAX)
		consoles->front = (unsigned)front;
	note_known(consoles);
	if (lock->vt.number > 0 && lock->vt.number <= OWNERS_VT_MAX)
		consoles->known[lock->vt.number] = true; /* to us */
	int r = owners_read(consoles->owners);

	if (r < 0) {
		sk_log(LOG_ERR, "who works on which console cannot be seen: %s", strerror(-r));
		consoles->unknown = consoles->front > 0 && !consoles->known[consoles->front];
		return;
	}
	look_at_front(consoles, picture);
}

static int on_owner_gone(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Lock *lock = userdata;

	for (Seen *seen = lock->sessions; seen < lock->sessions + LOCK_SESSIONS_MAX; seen++)
		if (seen->life == source)
			seen->owner = 0;
	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	front_read(lock);
	lock_look(lock);
	return 0;
}

static void watch(Lock *lock, Seen *seen, pid_t pid)
{
	if (seen->owner == pid)
		return;
	seen->owner = pid;
	seen->life = sd_event_source_disable_unref(seen->life);
	own_fd int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	/* Whether it is still there is looked at anew with each limit. */
	if (fd >= 0 && sd_event_add_io(lock->event, &seen->life, fd, EPOLLIN, on_owner_gone, lock) >= 0) {
		sd_event_source_set_io_fd_own(seen->life, true);
		(void)own_take_fd(&fd);
	}
}

static void forget(Lock *lock, Seen *seen)
{
	sd_event_source_disable_unref(seen->life);
	*seen = (Seen){0};
	cover_forget_gone(lock);
}

static void name(Seen *seen)
{
	const struct passwd *entry = seen->uid == NOBODY_KNOWN ? NULL : getpwuid(seen->uid);

	/* Whose password is to be asked for? */
	seen->nameless = entry == NULL || !sk_str_copy(seen->user, sizeof(seen->user), entry->pw_name);
	if (seen->nameless)
		sk_str_copy(seen->user, sizeof(seen->user), "?");
}

static Seen *begin(Lock *lock, unsigned vt, uid_t uid)
{
	Seen *seen = sessions_find(lock, ""), now = {.vt = vt, .uid = uid};

	if (!seen) {
		sk_log(LOG_ERR, "more than %d sessions: console %u is not watched", LOCK_SESSIONS_MAX, vt);
		return NULL;
	}
	(void)sk_str_format(now.id, sizeof(now.id), "tty%u", vt);
	sk_str_copy(now.tty, sizeof(now.tty), now.id);
	sk_str_copy(now.type, sizeof(now.type), "tty");
	name(&now);
	/* Who came unseen since this console is in front may have been away since then. */
	lock_begin(&now.machine, vt == lock->front && lock->front_since ? lock->front_since : lock_now());
	if (cover_is_over(lock, &now))
		now.machine.state = LOCK_CLOSED;
	*seen = now;
	sk_log(LOG_INFO, "%s is at console %u, where logind knows no session", seen->user, vt);
	return seen;
}

static Seen *find(Lock *lock, unsigned vt)
{
	for (Seen *seen = lock->sessions; seen < lock->sessions + LOCK_SESSIONS_MAX; seen++)
		if (seen->id[0] && seen->vt == vt)
			return seen;
	return NULL;
}

static void take(Lock *lock, const Consoles *consoles, unsigned vt)
{
	const Owner *owner = &consoles->owners[vt];
	bool unknown = vt == consoles->front && consoles->unknown,
	     wanted = !consoles->known[vt] && (owner->pid > 0 || unknown);
	uid_t uid = owner->pid > 0 ? owner->uid : NOBODY_KNOWN;
	Seen *seen = find(lock, vt);

	/* A picture was looked for at the console in front only: behind ours it is there while its owner is.
	 */
	if (seen && !wanted && !consoles->known[vt] && vt != consoles->front && seen->owner > 0) {
		seen->in_front = false;
		return;
	}
	if (seen && (!wanted || seen->uid != uid)) {
		forget(lock, seen);
		seen = NULL;
	}
	if (!wanted)
		return;
	if (!seen)
		seen = begin(lock, vt, uid);
	if (!seen)
		return;
	seen->in_front = vt == consoles->front;
	watch(lock, seen, owner->pid);
}

void front_read(Lock *lock)
{
	Consoles consoles;

	look_around(lock, &consoles);
	lock->front_looked = lock_now();
	if (consoles.front != lock->front) {
		lock->front = consoles.front;
		lock->front_since = lock->front_looked;
	}
	lock->front_known = consoles.front == 0 || consoles.known[consoles.front] ||
			    consoles.owners[consoles.front].pid > 0;
	for (unsigned vt = 1; vt <= OWNERS_VT_MAX; vt++)
		take(lock, &consoles, vt);
}

uint64_t front_next(const Lock *lock, const LockLimits *limits)
{
	uint64_t limit = limits->idle ? limits->idle : limits->end;

	return lock->front_known || !limit ? LOCK_NEVER : lock->front_looked + limit;
}

bool front_is_due(const Lock *lock, const LockLimits *limits, uint64_t now)
{
	return now >= front_next(lock, limits);
}

LockLimits front_limits(const LockLimits *limits)
{
	LockLimits covered = *limits;

	if (covered.end && (!covered.idle || covered.end < covered.idle))
		covered.idle = covered.end;
	covered.end = 0;
	covered.no_cover = false;
	return covered;
}

void front_close(Lock *lock)
{
	for (Seen *seen = lock->sessions; seen < lock->sessions + LOCK_SESSIONS_MAX; seen++)
		seen->life = sd_event_source_disable_unref(seen->life);
}
