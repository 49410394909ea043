/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekisho-lock: locks what stands open without its user, and looks whether it locked. See sekisho-lock(8).
 *
 * Exit status: 0 ended by a signal, 1 failed, 2 wrong arguments.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "agent/lock/cover.h"
#include "agent/lock/front.h"
#include "agent/lock/greeter.h"
#include "agent/lock/jail.h"
#include "agent/lock/lock.h"
#include "agent/lock/peer_core.h"
#include "agent/lock/sessions.h"
#include "config.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/door/door.h"
#include "lib/log/log.h"

/* Until core says something else: nothing is locked by time, so that a PC without a policy is left as it is.
 */
#define CONFIRM_DEFAULT (3 * 1000000ULL)

static const char *arg_client = "sekisho";
static const char *arg_directory = "/run/sekisho/lock";
static const char *arg_listen;

uint64_t lock_now(void)
{
	return sk_clock_boot_usec();
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	lock_look(userdata);
	return 0;
}

static void plan(Lock *lock, uint64_t next)
{
	if (next == LOCK_NEVER) {
		sd_event_source_set_enabled(lock->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(lock->timer, next);
	sd_event_source_set_enabled(lock->timer, SD_EVENT_ONESHOT);
}

static void carry_out(Lock *lock, Seen *seen, const LockStep *step)
{
	static const char *const words[] = {[LOCK_IS_LOCKED] = "locked",
		[LOCK_IS_UNLOCKED] = "unlocked",
		[LOCK_IS_REFUSED] = "does not lock",
		[LOCK_IS_OPEN] = "stands open",
		[LOCK_IS_ENDED] = "is ended"};

	if (step->news != LOCK_NO_NEWS) {
		sk_log(step->news == LOCK_IS_OPEN ? LOG_ALERT : LOG_INFO, "session %s of %s %s", seen->id,
			seen->user, words[step->news]);
		core_tell(lock, seen, step);
	}
	if (step->news == LOCK_IS_UNLOCKED)
		inhibit_forget(seen);
	if (step->action == LOCK_ASK_HOLD)
		inhibit_ask(lock, seen);
	else if (step->action == LOCK_ASK)
		sessions_ask_lock(lock, seen);
	else if (step->action == LOCK_COVER && !seen->nameless)
		cover_take(lock, seen);
	else if (step->action == LOCK_END)
		sessions_end(lock, seen);
}

/* A presentation: nobody needs to touch it. It is over also without core. */
static LockLimits limits_here(const Lock *lock, uint64_t now)
{
	LockLimits limits = lock->limits;

	if (now < lock->pass_until)
		limits.idle = limits.end = 0;
	return limits;
}

static LockLimits limits_of(const Lock *lock, const Seen *seen, uint64_t now)
{
	const LockLimits here = limits_here(lock, now);

	return seen->far ? lock->limits : seen->vt ? front_limits(&here) : here;
}

/* Where nobody would show that it locked, nobody is asked: our console at once, and one password instead of
 * two. */
static LockStep decide(Lock *lock, Seen *seen, const LockLimits *limits, LockFacts *facts)
{
	const LockMachine before = seen->machine;
	LockStep step = lock_step(&seen->machine, limits, facts);

	if (step.action != LOCK_ASK || locker_can_tell(lock, seen))
		return step;
	seen->machine = before;
	facts->can_ask = false;
	return lock_step(&seen->machine, limits, facts);
}

void lock_look(Lock *lock)
{
	uint64_t newest = activity_newest(lock->activity), now = lock_now(), next = LOCK_NEVER;

	const LockLimits here = limits_here(lock, now);

	if (lock->wanted || front_is_due(lock, &here, now))
		front_read(lock);
	cover_forget_gone(lock);
	if (lock->deserted)
		greeter_show(lock);
	sessions_note_input(lock, now, newest);
	for (Seen *seen = lock->sessions; seen < lock->sessions + LOCK_SESSIONS_MAX; seen++) {
		if (!seen->id[0] || seen->ended)
			continue;
		LockFacts facts = {.now = now,
			.input = seen->input,
			.hint = locker_locked(seen),
			.lost = seen->hint && seen->locker.word == LOCKER_LOST,
			.cover = cover_is_over(lock, seen),
			.in_front = seen->in_front,
			.can_ask = seen->can_ask && !lock->by_console,
			.far = seen->far,
			.stays = seen->vt > 0,
			.wanted = (lock->wanted || seen->wanted) && !seen->far,
			.let_in = seen->let_in,
			.hold = seen->hold};
		const LockLimits limits = limits_of(lock, seen, now);
		LockStep step = decide(lock, seen, &limits, &facts);

		seen->wanted = seen->let_in = false;
		carry_out(lock, seen, &step);
		if (step.next < next)
			next = step.next;
	}
	if (now < lock->pass_until && lock->pass_until < next)
		next = lock->pass_until;
	if (front_next(lock, &here) < next)
		next = front_next(lock, &here);
	lock->wanted = false;
	core_tell_state(lock);
	plan(lock, next);
}

static int on_input_device(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Lock *lock = userdata;

	(void)activity_newest(lock->activity);
	return 0;
}

static int start(Lock *lock, int listen_fd)
{
	sigset_t signals;
	int r = sd_event_default(&lock->event);

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (r >= 0)
		r = sd_event_add_signal(lock->event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(lock->event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_set_watchdog(lock->event, true);
	if (r >= 0)
		r = activity_open(&lock->activity);
	if (r >= 0)
		r = sd_event_add_io(
			lock->event, NULL, activity_fd(lock->activity), EPOLLIN, on_input_device, lock);
	if (r >= 0)
		r = sd_event_add_time(lock->event, &lock->timer, CLOCK_BOOTTIME, 0, 100000, on_timer, lock);
	if (r >= 0)
		r = sd_event_source_set_enabled(lock->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sessions_open(lock);
	if (r >= 0)
		locker_open(lock);
	if (r >= 0)
		r = core_listen(lock, listen_fd);
	return r < 0 ? r : 0;
}

static int run(Lock *lock, int listen_fd)
{
	int r = start(lock, listen_fd);

	if (r == 0)
		r = lock_jail_enter();
	if (r == 0)
		r = cover_open(lock);
	if (r < 0) {
		sk_log(LOG_ERR, "cannot start: %s", strerror(-r));
		return r;
	}
	sessions_read(lock);
	front_read(lock);
	lock_look(lock);
	sd_notify(0, "READY=1");
	r = sd_event_loop(lock->event);
	sd_notify(0, "STOPPING=1");
	locker_close(lock);
	front_close(lock);
	sessions_close(lock);
	activity_close(lock->activity);
	return r;
}

static int usage(FILE *out, int status)
{
	fprintf(out, "usage: sekisho-lock [--client NAME] [--directory DIR] [--listen PATH] [--version]\n");
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"client", required_argument, NULL, 'c'},
		{"directory", required_argument, NULL, 'd'}, {"listen", required_argument, NULL, 'l'},
		{"version", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'}, {0}};
	static Lock lock = {.limits = {.confirm = CONFIRM_DEFAULT}, .vt = {.fd = -1}};
	int letter, listen_fd;
	gid_t gid;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter == 'c')
			arg_client = optarg;
		else if (letter == 'd')
			arg_directory = optarg;
		else if (letter == 'l')
			arg_listen = optarg;
		else if (letter == 'v')
			return puts("sekisho-lock " SK_VERSION) < 0;
		else
			return letter == 'h' ? usage(stdout, 0) : usage(stderr, 2);
	}
	if (optind != argc)
		return usage(stderr, 2);
	sk_log_init("sekisho-lock");
	if (sk_door_find_user(arg_client, &lock.core_uid, &gid) < 0) {
		fprintf(stderr, "sekisho-lock: there is no user %s\n", arg_client);
		return 1;
	}
	listen_fd = sk_door_socket(arg_listen);
	lock.directory = arg_directory;
	return listen_fd < 0 || run(&lock, listen_fd) < 0 ? 1 : 0;
}
