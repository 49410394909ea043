/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/gate/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/base/own.h"
#include "lib/gate/reader.h"

struct SkGate {
	int fd;
	bool started;
	GateReader reader;
	SkGateHandler handle, written;
	SkGateOpened opened;
	void *userdata;
	void (*synced)(void *userdata);
	void *synced_userdata;
	SkGateEvent *outstanding;
	size_t n_outstanding;
	pid_t trusted_pid;
	int trusted_pidfd;
	SkGateKeep keep;
	bool gathers;
	GateOrder orders[GATE_ORDERS_MAX]; /* not told yet */
	size_t n_orders;
};

/* By all gates: each costs a descriptor. */
static size_t n_taken;

SkGate *sk_gate_new(int group_fd, SkGateHandler handle, void *userdata)
{
	SkGate *gate = calloc(1, sizeof(*gate));
	int flags = fcntl(group_fd, F_GETFL);

	if (!gate || flags < 0 || fcntl(group_fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		free(gate);
		close(group_fd);
		return NULL;
	}
	*gate = (SkGate){.fd = group_fd, .handle = handle, .userdata = userdata, .trusted_pidfd = -1};
	gate->reader = (GateReader){-1, -1};
	return gate;
}

int sk_gate_start(SkGate *gate)
{
	int r = gate->started ? -EALREADY : gate_reader_start(gate->fd, &gate->reader);

	gate->started |= r == 0;
	return r;
}

void sk_gate_flush(SkGate *gate)
{
	if (gate->n_orders > 0)
		gate_reader_tell(&gate->reader, gate->orders, gate->n_orders);
	gate->n_orders = 0;
}

/* What ends an event can wait. */
static void tell(SkGate *gate, GateCommand command, int fd)
{
	gate->orders[gate->n_orders++] = (GateOrder){command, fd};
	if (!gate->gathers || gate->n_orders == GATE_ORDERS_MAX || command > GATE_KEEP_LEASED)
		sk_gate_flush(gate);
}

void sk_gate_gather(SkGate *gate)
{
	gate->gathers = true;
}

static void deny_all(SkGate *gate)
{
	SkGateEvent *event, *next;

	DL_FOREACH_SAFE(gate->outstanding, event, next)
	{
		(void)sk_gate_answer(gate, event, false);
	}
}

void sk_gate_hand_over(SkGate *gate, SkGateHandler handle, void *userdata)
{
	deny_all(gate);
	(void)sk_gate_trust(gate, 0, -1);
	sk_gate_keep(gate, SK_GATE_KEEP_NONE);
	gate->handle = handle;
	gate->userdata = userdata;
	sk_gate_watch(gate, NULL, NULL);
	gate->gathers = false;
	gate->synced = NULL;
}

void sk_gate_watch(SkGate *gate, SkGateHandler written, SkGateOpened opened)
{
	gate->written = written;
	gate->opened = opened;
	if (gate->started)
		tell(gate, GATE_PASS_EMPTY, opened != NULL);
}

void sk_gate_sync(SkGate *gate, void (*done)(void *userdata), void *userdata)
{
	gate->synced = done;
	gate->synced_userdata = userdata;
	tell(gate, GATE_SYNC, -1);
}

SkGate *sk_gate_free(SkGate *gate)
{
	if (!gate)
		return NULL;
	deny_all(gate);
	if (gate->trusted_pidfd >= 0)
		close(gate->trusted_pidfd);
	if (gate->started)
		tell(gate, GATE_END, -1);
	else
		close(gate->fd);
	free(gate);
	return NULL;
}

int sk_gate_fd(const SkGate *gate)
{
	return gate->reader.records_fd;
}

int sk_gate_group(const SkGate *gate)
{
	return gate->fd;
}

size_t sk_gate_outstanding(const SkGate *gate)
{
	return gate->n_outstanding;
}

bool sk_gate_is_needed(int group_fd)
{
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", group_fd);
	own_file FILE *file = fopen(path, "re");

	if (!file)
		return true;
	/* "fanotify flags:..." is the group, "fanotify sdev:..." the mark, which ends with its file system.
	 */
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "fanotify sdev:", 14) == 0)
			return true;
	return ferror(file) != 0;
}

int sk_gate_trust(SkGate *gate, pid_t pid, int pidfd)
{
	own_fd int copy = -1;

	if (pidfd >= 0) {
		if (pid <= 1)
			return -EINVAL;
		copy = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
		if (copy < 0)
			return -errno;
	}
	if (gate->trusted_pidfd >= 0)
		close(gate->trusted_pidfd);
	gate->trusted_pid = pidfd >= 0 ? pid : 0;
	gate->trusted_pidfd = own_take_fd(&copy);
	return 0;
}

/* Parent of a process that waits in our gate: it cannot end before the answer but by a signal, and then the
 * answer reaches nobody. So the number cannot have changed hands. */
static pid_t parent_of(pid_t pid)
{
	char path[32], text[512];
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	own_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = 0;
	/* The name of the program is in brackets and may itself hold any byte, brackets too. */
	const char *end = strrchr(text, ')');

	if (!end || sscanf(end + 1, " %*c %d", &parent) != 1)
		return 0;
	return parent;
}

static bool is_trusted(const SkGate *gate, pid_t pid)
{
	struct pollfd alive = {.fd = gate->trusted_pidfd, .events = POLLIN};

	if (gate->trusted_pidfd < 0 || pid <= 1)
		return false;
	if (pid != gate->trusted_pid && parent_of(pid) != gate->trusted_pid)
		return false;
	/* Asked last: while this process lives its number is its own, and so was what was just compared. */
	return poll(&alive, 1, 0) == 0;
}

int sk_gate_file_id(int fd, SkFileId *ret_file, mode_t *ret_mode)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_file = (SkFileId){
		.dev = st.st_dev,
		.ino = st.st_ino,
		.size = (uint64_t)st.st_size,
		.mtime_nsec = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec,
		.ctime_nsec = st.st_ctim.tv_sec * INT64_C(1000000000) + st.st_ctim.tv_nsec,
	};
	*ret_mode = st.st_mode;
	return 0;
}

static void take_record(SkGate *gate, const GateRecord *record)
{
	SkGateEvent *event = NULL;

	if (gate->n_outstanding >= SK_GATE_OUTSTANDING_MAX || (record->written && !gate->written) ||
		!(event = calloc(1, sizeof(*event)))) {
		if (!record->written)
			(void)gate_respond(gate->fd, record->fd, false);
		tell(gate, GATE_CLOSE, record->fd);
		return;
	}
	event->fd = record->fd;
	event->pid = record->pid;
	event->uid = record->uid;
	event->exec = record->exec;
	event->written = record->written;
	event->mode = record->mode;
	event->file = record->file;
	DL_APPEND(gate->outstanding, event);
	gate->n_outstanding++;
	if (event->written)
		gate->written(gate->userdata, gate, event);
	else if (is_trusted(gate, event->pid))
		(void)sk_gate_answer(gate, event, true);
	else
		gate->handle(gate->userdata, gate, event);
}

static void tell_synced(SkGate *gate)
{
	void (*done)(void *userdata) = own_take(gate->synced);

	if (done)
		done(gate->synced_userdata);
}

int sk_gate_dispatch(SkGate *gate)
{
	GateRecord records[SK_GATE_BATCH];
	ssize_t n = read(gate->reader.records_fd, records, sizeof(records));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	n /= (ssize_t)sizeof(records[0]);
	for (ssize_t i = 0; i < n; i++) {
		if (records[i].kind == GATE_FAILED)
			return records[i].error;
		if (records[i].kind == GATE_SYNCED)
			tell_synced(gate);
		else if (records[i].kind == GATE_EVENT)
			take_record(gate, &records[i]);
		else if (gate->opened)
			gate->opened(gate->userdata, &records[i].file, records[i].uid);
	}
	return (int)n;
}

void sk_gate_keep(SkGate *gate, SkGateKeep keep)
{
	gate->keep = keep;
	sk_gate_forget(gate);
}

void sk_gate_forget(SkGate *gate)
{
	if (gate->started)
		tell(gate, GATE_FORGET, -1);
}

void sk_gate_lease(SkGate *gate, SkGateEvent *event)
{
	event->leased = gate->keep == SK_GATE_KEEP_LEASED && gate_lease(&gate->reader, event->fd);
}

bool sk_gate_take(SkGate *gate, SkGateEvent *event)
{
	int fd;

	if (!event->written || n_taken >= SK_GATE_TAKEN_MAX)
		return false;
	fd = fcntl(event->fd, F_DUPFD_CLOEXEC, GATE_READER_EVENTS_END);
	if (fd < 0)
		return false;
	tell(gate, GATE_CLOSE, event->fd);
	event->fd = fd;
	event->taken = true;
	gate->n_outstanding--;
	n_taken++;
	return true;
}

static GateCommand end_of(const SkGate *gate, const SkGateEvent *event, bool allow)
{
	if (!allow || !event->judged)
		return GATE_CLOSE;
	if (gate->keep == SK_GATE_KEEP_LEASED && event->leased)
		return GATE_KEEP_LEASED;
	return gate->keep == SK_GATE_KEEP_MARKED ? GATE_KEEP : GATE_CLOSE;
}

int sk_gate_answer(SkGate *gate, SkGateEvent *event, bool allow)
{
	const GateCommand end = end_of(gate, event, allow);
	int r = event->written ? 0 : gate_respond(gate->fd, event->fd, allow);

	DL_DELETE(gate->outstanding, event);
	if (event->taken)
		n_taken--;
	else
		gate->n_outstanding--;
	if (event->leased && end != GATE_KEEP_LEASED)
		gate_unlease(event->fd);
	tell(gate, end, event->fd);
	free(event);
	return r;
}

int sk_gate_deny_outstanding(SkGate *gate)
{
	struct rlimit limit;
	int n_denied = 0;

	if (gate->started)
		return -EBUSY; /* the numbers of our own would be denied with them */
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	rlim_t end = limit.rlim_max < GATE_READER_EVENTS_END ? limit.rlim_max : GATE_READER_EVENTS_END;

	for (rlim_t number = 0; number < end;) {
		int r = gate_respond(gate->fd, (int)number, false);

		/* Two predecessors may each have left an event of the same number: ask until there is none.
		 */
		if (r == -ENOENT)
			number++;
		else if (r < 0)
			return r;
		else
			n_denied++;
	}
	return n_denied;
}
