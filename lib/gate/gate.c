/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/gate/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/base/own.h"

struct SkGate {
	int fd;
	SkGateHandler handle;
	void *userdata;
	SkGateEvent *outstanding;
	size_t n_outstanding;
	pid_t trusted_pid;
	int trusted_pidfd;
};

/* Events are 24 bytes; one read takes some fifty. */
#define READ_SIZE 1536
#define READ_SPARE 64

/* The kernel compares numbers of descriptors only, so none above what any process may have needs asking. */
#define DESCRIPTORS_MAX 1048576

static int write_response(int group_fd, int event_fd, bool allow)
{
	struct fanotify_response response = {
		.fd = event_fd,
		.response = allow ? FAN_ALLOW : FAN_DENY,
	};
	ssize_t n = TEMP_FAILURE_RETRY(write(group_fd, &response, sizeof(response)));

	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(response) ? 0 : -EIO;
}

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
	return gate;
}

SkGate *sk_gate_free(SkGate *gate)
{
	SkGateEvent *event, *next;

	if (!gate)
		return NULL;
	DL_FOREACH_SAFE(gate->outstanding, event, next)
	{
		(void)sk_gate_answer(gate, event, false);
	}
	if (gate->trusted_pidfd >= 0)
		close(gate->trusted_pidfd);
	close(gate->fd);
	free(gate);
	return NULL;
}

int sk_gate_fd(const SkGate *gate)
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
	};
	*ret_mode = st.st_mode;
	return 0;
}

/* Whatever cannot be looked at is denied: nothing may stay unanswered by our own failure. */
static void refuse(const SkGate *gate, int event_fd)
{
	(void)write_response(gate->fd, event_fd, false);
	close(event_fd);
}

static void take_event(SkGate *gate, const struct fanotify_event_metadata *metadata)
{
	SkGateEvent *event;

	if (metadata->fd < 0)
		return; /* not a permission event */
	if (gate->n_outstanding >= SK_GATE_OUTSTANDING_MAX || !(event = calloc(1, sizeof(*event)))) {
		refuse(gate, metadata->fd);
		return;
	}
	event->fd = metadata->fd;
	event->pid = metadata->pid;
	event->exec = metadata->mask & FAN_OPEN_EXEC_PERM;
	if (sk_gate_file_id(event->fd, &event->file, &event->mode) < 0) {
		refuse(gate, event->fd);
		free(event);
		return;
	}
	DL_APPEND(gate->outstanding, event);
	gate->n_outstanding++;
	if (is_trusted(gate, event->pid))
		(void)sk_gate_answer(gate, event, true);
	else
		gate->handle(gate->userdata, gate, event);
}

/* Return: events taken, or -EPROTO when the kernel speaks another version of the interface. */
static int take_events(SkGate *gate, const char *buffer, ssize_t size)
{
	const struct fanotify_event_metadata *metadata = (const void *)buffer;
	int n_events = 0;

	for (; FAN_EVENT_OK(metadata, size); metadata = FAN_EVENT_NEXT(metadata, size)) {
		if (metadata->vers != FANOTIFY_METADATA_VERSION)
			return -EPROTO;
		take_event(gate, metadata);
		n_events++;
	}
	return n_events;
}

/*
 * An event whose descriptor cannot be made (no room in our table, the file system reports an error) is denied
 * by the kernel itself, and read() says why. That was one event, not the end of the group.
 */
static bool is_event_error(int error)
{
	return error != EBADF && error != EFAULT && error != EINVAL;
}

int sk_gate_dispatch(SkGate *gate)
{
	alignas(struct fanotify_event_metadata) char buffer[READ_SIZE];
	int n_events = 0;

	while (n_events < SK_GATE_BATCH) {
		ssize_t n = read(gate->fd, buffer, sizeof(buffer));

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0 && !is_event_error(errno))
			return -errno;
		if (n < 0) {
			n_events++;
			continue;
		}
		if (n == 0)
			return -EPIPE;
		int taken = take_events(gate, buffer, n);

		if (taken < 0)
			return taken;
		n_events += taken;
		/* Room was left: there was no more. What came since is told by the next poll(). */
		if ((size_t)n + READ_SPARE <= sizeof(buffer))
			break;
	}
	return n_events;
}

int sk_gate_answer(SkGate *gate, SkGateEvent *event, bool allow)
{
	int r = write_response(gate->fd, event->fd, allow);

	DL_DELETE(gate->outstanding, event);
	gate->n_outstanding--;
	close(event->fd);
	free(event);
	return r;
}

int sk_gate_deny_outstanding(SkGate *gate)
{
	struct rlimit limit;
	int n_denied = 0;

	if (gate->n_outstanding > 0)
		return -EBUSY; /* the numbers of our own would be denied with them */
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	rlim_t end = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;

	for (rlim_t number = 0; number < end;) {
		int r = write_response(gate->fd, (int)number, false);

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
