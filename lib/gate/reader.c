/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/gate/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/gate/gate.h"

/* Events are 24 bytes; one read takes some sixty, and what they become is one atomic write to a pipe. */
#define READ_SIZE 1536
#define BATCH_MAX (READ_SIZE / sizeof(struct fanotify_event_metadata))
_Static_assert(BATCH_MAX * sizeof(GateRecord) <= 4096, "PIPE_BUF");

/* Room for twice what may be open: a write that does not fit into the rest of a page leaves that empty. */
#define PIPE_SIZE 131072
_Static_assert(2 * GATE_READER_OPEN_MAX * sizeof(GateRecord) <= PIPE_SIZE, "writing never blocks");

#define STACK_SIZE 131072
#define COMMAND_END (-1)

typedef struct Thread {
	int group_fd;
	int records[2], commands[2];
	unsigned n_open;
	bool failed;
} Thread;

int gate_respond(int group_fd, int event_fd, bool allow)
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

static void send_records(Thread *thread, const GateRecord *records, size_t n)
{
	ssize_t written = TEMP_FAILURE_RETRY(write(thread->records[1], records, n * sizeof(records[0])));

	(void)written; /* its other end is never closed before this one */
}

static void fail(Thread *thread, int error)
{
	thread->failed = true;
	send_records(thread, &(GateRecord){.fd = -1, .error = error}, 1);
}

/* Whatever cannot be looked at is denied: nothing may stay unanswered by our own failure. */
static bool look_at(const Thread *thread, const struct fanotify_event_metadata *metadata, GateRecord *record)
{
	mode_t mode = 0;

	*record = (GateRecord){
		.fd = metadata->fd, .pid = metadata->pid, .exec = (metadata->mask & FAN_OPEN_EXEC_PERM) != 0};
	if (sk_gate_file_id(record->fd, &record->file, &mode) < 0) {
		(void)gate_respond(thread->group_fd, record->fd, false);
		close(record->fd);
		return false;
	}
	record->mode = mode;
	return true;
}

/*
 * An event whose descriptor cannot be made (no room in our table, the file system reports an error) is denied
 * by the kernel itself, and read() says why. That was one event, not the end of the group.
 */
static bool is_event_error(int error)
{
	return error != EBADF && error != EFAULT && error != EINVAL;
}

static void take_events(Thread *thread)
{
	alignas(struct fanotify_event_metadata) char buffer[READ_SIZE];
	const struct fanotify_event_metadata *metadata = (const void *)buffer;
	GateRecord records[BATCH_MAX];
	ssize_t size = read(thread->group_fd, buffer, sizeof(buffer));
	size_t n = 0;

	if (size == 0 || (size < 0 && !is_event_error(errno))) {
		fail(thread, size == 0 ? -EPIPE : -errno);
		return;
	}
	for (; size > 0 && FAN_EVENT_OK(metadata, size); metadata = FAN_EVENT_NEXT(metadata, size)) {
		if (metadata->vers != FANOTIFY_METADATA_VERSION) {
			fail(thread, -EPROTO);
			return;
		}
		if (metadata->fd >= 0 && n < BATCH_MAX) /* all are permission events */
			n += look_at(thread, metadata, &records[n]);
	}
	thread->n_open += (unsigned)n;
	if (n > 0)
		send_records(thread, records, n);
}

/* Return: false at the end. */
static bool take_commands(Thread *thread)
{
	int fds[64];
	ssize_t n = read(thread->commands[0], fds, sizeof(fds));

	for (ssize_t i = 0; i < n / (ssize_t)sizeof(fds[0]); i++) {
		if (fds[i] == COMMAND_END)
			return false;
		close(fds[i]);
		thread->n_open--;
	}
	return true;
}

static void deny_untaken(const Thread *thread)
{
	GateRecord record;

	while (read(thread->records[0], &record, sizeof(record)) == (ssize_t)sizeof(record)) {
		if (record.fd < 0)
			continue;
		(void)gate_respond(thread->group_fd, record.fd, false);
		close(record.fd);
	}
}

static void thread_free(Thread *thread)
{
	const int fds[] = {thread->records[0], thread->records[1], thread->commands[0], thread->commands[1],
		thread->group_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(thread);
}
OWN_DEFINE(Thread, thread_free)

static void *run(void *userdata)
{
	Thread *thread = userdata;

	for (;;) {
		bool reads = !thread->failed && thread->n_open < GATE_READER_OPEN_MAX;
		struct pollfd waiting[] = {
			{.fd = thread->commands[0], .events = POLLIN},
			{.fd = reads ? thread->group_fd : -1, .events = POLLIN},
		};

		if (poll(waiting, 2, -1) < 0)
			continue;
		if (waiting[0].revents && !take_commands(thread))
			break;
		if (waiting[1].revents)
			take_events(thread);
	}
	deny_untaken(thread);
	thread_free(thread);
	return NULL;
}

/* Signals are the owner's. */
static int start(Thread *thread)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t handle;
	int r = pthread_attr_init(&attributes);

	if (r != 0)
		return -r;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	sigfillset(&all);
	sigdelset(&all, SIGSYS); /* the jail's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&handle, &attributes, run, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}

int gate_reader_start(int group_fd, GateReader *ret_reader)
{
	own_(thread_freep) Thread *thread = malloc(sizeof(*thread));
	int r;

	if (!thread)
		return -ENOMEM;
	*thread = (Thread){.group_fd = -1, .records = {-1, -1}, .commands = {-1, -1}};
	if (pipe2(thread->records, O_CLOEXEC) < 0 || pipe2(thread->commands, O_CLOEXEC) < 0 ||
		fcntl(thread->records[1], F_SETPIPE_SZ, PIPE_SIZE) < 0 ||
		fcntl(thread->records[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	const GateReader reader = {.records_fd = thread->records[0], .commands_fd = thread->commands[1]};

	thread->group_fd = group_fd;
	r = start(thread);
	if (r < 0) {
		thread->group_fd = -1; /* stays the owner's */
		return r;
	}
	own_take(thread);
	*ret_reader = reader;
	return 0;
}

void gate_reader_close(const GateReader *reader, int event_fd)
{
	/* At most GATE_READER_OPEN_MAX are on their way: a sixteenth of the pipe. */
	ssize_t n = TEMP_FAILURE_RETRY(write(reader->commands_fd, &event_fd, sizeof(event_fd)));

	(void)n;
}

void gate_reader_end(const GateReader *reader)
{
	gate_reader_close(reader, COMMAND_END);
}
