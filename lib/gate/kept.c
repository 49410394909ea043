/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/gate/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/gate/reader.h"

#define EVENTS (FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM)
/* Real-time signals carry the descriptor. When too many wait the kernel sends a plain SIGIO instead. */
#define BREAK_SIGNAL SIGRTMIN
/* A thousand files each second: what was deleted gives its room back within seconds. */
#define LOOK_MSEC 1000
#define LOOK_FILES 1024

/* Of all gates. */
static atomic_size_t n_leased_in_all;

int gate_kept_init(GateKept *kept, int group_fd)
{
	sigset_t signals;

	*kept = (GateKept){.group_fd = group_fd, .signal_fd = -1};
	/* EINVAL: no group of fanotify, as in tests; then nothing can be kept either. */
	if (fanotify_mark(group_fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL) < 0 && errno != EINVAL)
		return -errno;
	sigemptyset(&signals);
	sigaddset(&signals, SIGIO);
	sigaddset(&signals, BREAK_SIGNAL);
	kept->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return kept->signal_fd < 0 ? -errno : 0;
}

static bool is_leased(const GateKept *kept, int fd)
{
	return (size_t)fd < kept->n_descriptors && kept->leased[fd];
}

static bool note_leased(GateKept *kept, int fd)
{
	if ((size_t)fd >= kept->n_descriptors) {
		size_t n = ((size_t)fd + 1024) / 1024 * 1024;
		bool *leased = realloc(kept->leased, n * sizeof(*leased));

		if (!leased)
			return false;
		memset(leased + kept->n_descriptors, 0, (n - kept->n_descriptors) * sizeof(*leased));
		kept->leased = leased;
		kept->n_descriptors = n;
	}
	kept->leased[fd] = true;
	return true;
}

static bool mark(const GateKept *kept, int fd)
{
	return fanotify_mark(kept->group_fd, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, EVENTS, fd, NULL) == 0;
}

void gate_kept_mark(GateKept *kept, int fd)
{
	if (kept->n_marked < GATE_READER_MARKED_MAX && mark(kept, fd))
		kept->n_marked++;
	close(fd);
}

/* Not only closed: the scanner may hold the same file still, and the lease with it. */
static void let_go(int fd)
{
	fcntl(fd, F_SETLEASE, F_UNLCK);
	close(fd);
}

/* The mark first: who waits for the lease must find none. */
static void release(GateKept *kept, int fd)
{
	if (is_leased(kept, fd)) {
		fanotify_mark(kept->group_fd, FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, EVENTS, fd, NULL);
		kept->leased[fd] = false;
		kept->n_leased--;
		atomic_fetch_sub(&n_leased_in_all, 1);
		let_go(fd);
	} else {
		/* Its content was not judged yet; a number that is another's by now has no lease. */
		fcntl(fd, F_SETLEASE, F_UNLCK);
	}
}

static void release_if_leased(GateKept *kept, int fd)
{
	if (is_leased(kept, fd))
		release(kept, fd);
}

/*
 * The same file under a number that is no event's, or -1: its lease broke. The lease is the file's; it is
 * taken again only to be told of its end under the new number, which fails when somebody waits for it. What
 * was released before, or is to be, is not leased anew: it may have been written to.
 */
static int move_up(int event_fd)
{
	int fd = -1;

	if (fcntl(event_fd, F_GETLEASE) == F_RDLCK)
		fd = fcntl(event_fd, F_DUPFD_CLOEXEC, GATE_READER_EVENTS_END);
	if (fd < 0) {
		let_go(event_fd);
		return -1;
	}
	close(event_fd);
	if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0 || fcntl(fd, F_GETLEASE) != F_RDLCK) {
		let_go(fd);
		return -1;
	}
	return fd;
}

void gate_kept_lease(GateKept *kept, int event_fd)
{
	int fd = move_up(event_fd);

	if (fd < 0)
		return;
	if (atomic_load(&n_leased_in_all) >= GATE_READER_LEASED_MAX || !mark(kept, fd)) {
		let_go(fd);
		return;
	}
	if (!note_leased(kept, fd)) {
		fanotify_mark(kept->group_fd, FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, EVENTS, fd, NULL);
		let_go(fd);
		return;
	}
	kept->n_leased++;
	atomic_fetch_add(&n_leased_in_all, 1);
}

void gate_kept_forget(GateKept *kept)
{
	fanotify_mark(kept->group_fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL);
	kept->n_marked = 0;
	for (size_t fd = 0; kept->n_leased > 0 && fd < kept->n_descriptors; fd++)
		release_if_leased(kept, (int)fd);
}

/* Which ones is not known. */
static void release_broken(GateKept *kept)
{
	for (size_t fd = 0; fd < kept->n_descriptors; fd++)
		if (is_leased(kept, (int)fd) && fcntl((int)fd, F_GETLEASE) != F_RDLCK)
			release(kept, (int)fd);
}

void gate_kept_on_signal(GateKept *kept)
{
	struct signalfd_siginfo signals[16];
	ssize_t n = read(kept->signal_fd, signals, sizeof(signals));

	for (ssize_t i = 0; i < n / (ssize_t)sizeof(signals[0]); i++)
		if (signals[i].ssi_signo == SIGIO)
			release_broken(kept);
		else
			release(kept, signals[i].ssi_fd);
}

int gate_kept_patience(const GateKept *kept)
{
	return kept->n_leased > 0 ? LOOK_MSEC : -1;
}

static int64_t now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

void gate_kept_look_after(GateKept *kept)
{
	int64_t now = kept->n_leased > 0 ? now_msec() : 0;
	struct stat st;

	if (kept->n_leased == 0 || now - kept->looked_msec < LOOK_MSEC)
		return;
	kept->looked_msec = now;
	for (size_t i = 0; i < LOOK_FILES && i < kept->n_descriptors; i++) {
		int fd = (int)(kept->looked_at++ % kept->n_descriptors);

		if (is_leased(kept, fd) && fstat(fd, &st) == 0 && st.st_nlink == 0)
			release(kept, fd);
	}
}

void gate_unlease(int event_fd)
{
	fcntl(event_fd, F_SETLEASE, F_UNLCK);
}

bool gate_lease(const GateReader *reader, int event_fd)
{
	const struct f_owner_ex owner = {.type = F_OWNER_TID, .pid = reader->thread};

	return reader->thread > 0 && fcntl(event_fd, F_SETOWN_EX, &owner) == 0 &&
	       fcntl(event_fd, F_SETSIG, BREAK_SIGNAL) == 0 && fcntl(event_fd, F_SETLEASE, F_RDLCK) == 0;
}

void gate_kept_deinit(GateKept *kept)
{
	if (kept->signal_fd < 0)
		return;
	gate_kept_forget(kept);
	free(kept->leased);
	close(kept->signal_fd);
}
