/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/peer_core.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "agent/lock/cover.h"
#include "agent/lock/front.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/check_lock.h"
#include "lib/log/log.h"

#define SECOND 1000000ULL

static int on_options(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkLockOptions *options = (const SkLockOptions *)message;
	Lock *lock = userdata;

	lock->limits = (LockLimits){.idle = options->idle_sec * SECOND,
		.held = options->inhibit_sec * SECOND,
		.end = options->end_sec * SECOND,
		.confirm = options->confirm_sec * SECOND,
		.no_cover = options->no_cover};
	lock->pass_until = options->pass_until;
	lock->by_console = options->by_console;
	sk_str_copy(lock->lockers, sizeof(lock->lockers), options->lockers);
	lock_look(lock);
	return 0;
}

static int on_now(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Lock *lock = userdata;

	lock->wanted = true;
	if (message->cookie)
		lock->order = message->cookie;
	lock_look(lock);
	return 0;
}

static int on_user(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkLockUser *user = (const SkLockUser *)message;
	Lock *lock = userdata;

	front_read(lock);
	for (Seen *seen = lock->sessions; seen < lock->sessions + LOCK_SESSIONS_MAX; seen++)
		if (seen->id[0] && seen->uid == user->uid)
			seen->wanted = true;
	lock_look(lock);
	return 0;
}

const SkMsgSpec lock_core_specs[] = {
	{SK_LOCK_OPTIONS, 0, sizeof(SkLockOptions), on_options, sk_check_lock_options},
	{SK_LOCK_NOW, 0, sizeof(SkHead), on_now},
	{SK_LOCK_USER, 0, sizeof(SkLockUser), on_user},
	{0},
};

static void drop(Lock *lock)
{
	lock->core_io = sd_event_source_disable_unref(lock->core_io);
	lock->core = sk_chan_free(lock->core);
	lock->order = 0;
	lock->told = (SkLockState){0};
}

static int on_core(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Lock *lock = userdata;
	int r = sk_chan_dispatch(lock->core, lock_core_specs, lock);

	if (r > 0 || r == -EAGAIN)
		return 0;
	sk_log_event(&(SkLogEvent){.priority = LOG_NOTICE, .id = SK_MESSAGE_PEER_LOST},
		"core is gone%s%s; its limits stay", r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
	drop(lock);
	return 0;
}

static int on_connect(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Lock *lock = userdata;
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	own_chan SkChan *chan = peer < 0 ? NULL : sk_chan_new(peer);
	sd_event_source *io = NULL;
	uid_t uid;
	pid_t pid;

	if (!chan || sk_chan_peer(chan, &uid, &pid) < 0)
		return 0;
	if (uid != lock->core_uid) {
		sk_log(LOG_WARNING, "connection from process %d of user %u refused", (int)pid, uid);
		return 0;
	}
	/* The newer one is right: only one core runs, and the older may not have been heard to end. */
	drop(lock);
	if (sd_event_add_io(lock->event, &io, sk_chan_fd(chan), EPOLLIN, on_core, lock) < 0)
		return 0;
	lock->core_io = io;
	lock->core = own_take(chan);
	for (size_t i = 0; i < lock->n_untold; i++)
		(void)sk_chan_send(lock->core, &lock->untold[i], NULL, 0);
	lock->n_untold = 0;
	core_tell_state(lock);
	return 0;
}

int core_listen(Lock *lock, int listen_fd)
{
	int r = sd_event_add_io(lock->event, NULL, listen_fd, EPOLLIN, on_connect, lock);

	return r < 0 ? r : 0;
}

/* What nobody was there to hear; of too many the oldest is lost, and the journal has it. */
static void keep(Lock *lock, const SkLockEvent *event)
{
	if (lock->n_untold == LOCK_UNTOLD_MAX)
		memmove(lock->untold, lock->untold + 1, --lock->n_untold * sizeof(lock->untold[0]));
	lock->untold[lock->n_untold++] = *event;
}

static uint32_t kind_of(LockNews news)
{
	static const uint32_t kinds[] = {
		[LOCK_IS_LOCKED] = SK_LOCK_LOCKED,
		[LOCK_IS_UNLOCKED] = SK_LOCK_UNLOCKED,
		[LOCK_IS_REFUSED] = SK_LOCK_REFUSED,
		[LOCK_IS_OPEN] = SK_LOCK_OPEN,
		[LOCK_IS_ENDED] = SK_LOCK_ENDED,
	};

	return kinds[news];
}

void core_tell(Lock *lock, const Seen *session, const LockStep *step)
{
	SkLockEvent event = {.kind = kind_of(step->news),
		.uid = session->uid,
		.failures = lock->failures,
		.idle_msec = step->idle / 1000,
		.took_msec = step->took / 1000};

	if (step->news == LOCK_IS_LOCKED)
		event.by = cover_is_over(lock, session) ? SK_LOCK_BY_CONSOLE : SK_LOCK_BY_DESKTOP;
	sk_head_init(&event.head, SK_LOCK_EVENT, sizeof(event));
	sk_str_copy(event.session, sizeof(event.session), session->id);
	sk_str_copy(event.user, sizeof(event.user), session->user);
	sk_str_copy(event.type, sizeof(event.type), session->type);
	if (step->news != LOCK_IS_UNLOCKED)
		event.holder = session->holder;
	if (!lock->core || sk_chan_send(lock->core, &event, NULL, 0) < 0)
		keep(lock, &event);
	/* They were of this lock. */
	if (step->news == LOCK_IS_UNLOCKED)
		lock->failures = 0;
}

static uint32_t front_of(const Seen *session)
{
	return !session->in_front		       ? SK_LOCK_FRONT_NOBODY
	       : session->machine.state == LOCK_CLOSED ? SK_LOCK_FRONT_LOCKED
						       : SK_LOCK_FRONT_OPEN;
}

/* What waits for somebody to see it is as good as locked: it is covered then. */
static bool is_open(const Seen *session)
{
	return !session->far && session->machine.state != LOCK_CLOSED &&
	       session->machine.state != LOCK_WAITING;
}

static void sum_up(const Lock *lock, SkLockState *state)
{
	for (const Seen *seen = lock->sessions; seen < lock->sessions + LOCK_SESSIONS_MAX; seen++) {
		if (!seen->id[0] || seen->ended)
			continue;
		state->open += is_open(seen);
		if (seen->in_front)
			state->front = front_of(seen);
		if (seen->machine.told_open && state->standing++ == 0)
			sk_str_copy(state->user, sizeof(state->user), seen->user);
	}
	if (lock->vt.up)
		state->front = SK_LOCK_FRONT_COVERED;
}

void core_tell_state(Lock *lock)
{
	SkLockState state = {0};

	if (!lock->core)
		return;
	sk_head_init(&state.head, SK_LOCK_STATE, sizeof(state));
	state.head.cookie = lock->order;
	sum_up(lock, &state);
	if (memcmp(&state, &lock->told, sizeof(state)) == 0)
		return;
	lock->told = state;
	(void)sk_chan_send(lock->core, &state, NULL, 0);
}
