/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/gate/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/gate/gate.h"
#include "lib/gate/kept.h"

/* Events are 24 bytes; one read takes some sixty, and what they become is one atomic write to a pipe. */
#define READ_SIZE 1536
#define BATCH_MAX (READ_SIZE / sizeof(struct fanotify_event_metadata))
_Static_assert(BATCH_MAX * sizeof(GateRecord) <= 4096, "PIPE_BUF");

/* Room for twice what may be open: a write that does not fit into the rest of a page leaves that empty. Only
 * those who make very many empty files at once ever wait for the owner. */
#define PIPE_SIZE 131072
_Static_assert(2 * GATE_READER_OPEN_MAX * sizeof(GateRecord) <= PIPE_SIZE, "who waits is told of at once");

#define STACK_SIZE 131072

/* What nobody waits for is told together: at the latest after so long. */
#define TELL_MSEC 20
#define TELL_RECORDS (BATCH_MAX / 2)

typedef struct Thread {
	int group_fd;
	int records[2], commands[2];
	unsigned n_open;
	bool failed, sync, pass_empty;
	GateRecord untold[BATCH_MAX];
	size_t n_untold;
	int64_t untold_msec; /* since when */
	/* Whose rights the opener of the event before this one had. */
	pid_t last_pid;
	uid_t last_uid;
	GateKept kept;
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

static void send_untold(Thread *thread)
{
	ssize_t written = 0;

	if (thread->n_untold > 0)
		written = TEMP_FAILURE_RETRY(write(
			thread->records[1], thread->untold, thread->n_untold * sizeof(thread->untold[0])));
	(void)written; /* its other end is never closed before this one */
	thread->n_untold = 0;
}

static int64_t now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void add_record(Thread *thread, const GateRecord *record)
{
	if (thread->n_untold == BATCH_MAX)
		send_untold(thread);
	if (thread->n_untold == 0)
		thread->untold_msec = now_msec();
	thread->untold[thread->n_untold++] = *record;
}

static void send_record(Thread *thread, const GateRecord *record)
{
	add_record(thread, record);
	send_untold(thread);
}

static void fail(Thread *thread, int error)
{
	thread->failed = true;
	send_record(thread, &(GateRecord){.fd = -1, .kind = GATE_FAILED, .error = error});
}

/* The owner of the folder of a process has its effective user id, whatever else it keeps to itself. It is
 * asked now: who waits for an answer is alive. */
static uid_t uid_of(Thread *thread, pid_t pid)
{
	char path[32];
	struct stat st;

	if (pid > 0 && pid == thread->last_pid)
		return thread->last_uid;
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	thread->last_pid = pid;
	thread->last_uid = pid > 0 && stat(path, &st) == 0 ? st.st_uid : (uid_t)-1;
	return thread->last_uid;
}

/* Whatever cannot be looked at is denied: nothing may stay unanswered by our own failure. */
static bool look_at(Thread *thread, const struct fanotify_event_metadata *metadata, GateRecord *record)
{
	mode_t mode = 0;

	*record = (GateRecord){.fd = metadata->fd,
		.pid = metadata->pid,
		.exec = (metadata->mask & FAN_OPEN_EXEC_PERM) != 0,
		.written = (metadata->mask & FAN_CLOSE_WRITE) != 0};
	if (record->fd >= GATE_READER_EVENTS_END || sk_gate_file_id(record->fd, &record->file, &mode) < 0) {
		if (!record->written)
			(void)gate_respond(thread->group_fd, record->fd, false);
		close(record->fd);
		return false;
	}
	record->mode = mode;
	record->uid = uid_of(thread, metadata->pid);
	return true;
}

/* Nobody but the owner of the gate decides, but for a file with nothing in it: who makes one does not wait
 * for two processes. */
static void take_event(Thread *thread, const struct fanotify_event_metadata *metadata, bool *ret_waits)
{
	GateRecord record;

	if (!look_at(thread, metadata, &record))
		return;
	if (thread->pass_empty && !record.written && S_ISREG(record.mode) && record.file.size == 0) {
		(void)gate_respond(thread->group_fd, record.fd, true);
		close(record.fd);
		record.fd = -1;
		record.kind = GATE_EMPTY_OPENED;
	} else {
		thread->n_open++;
		*ret_waits |= !record.written;
	}
	add_record(thread, &record);
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
	ssize_t size = read(thread->group_fd, buffer, sizeof(buffer));
	bool waits = false;

	if (size == 0 || (size < 0 && !is_event_error(errno))) {
		fail(thread, size == 0 ? -EPIPE : -errno);
		return;
	}
	thread->last_pid = 0;
	for (; size > 0 && FAN_EVENT_OK(metadata, size); metadata = FAN_EVENT_NEXT(metadata, size)) {
		if (metadata->vers != FANOTIFY_METADATA_VERSION) {
			fail(thread, -EPROTO);
			return;
		}
		if (metadata->fd >= 0)
			take_event(thread, metadata, &waits);
	}
	if (waits || thread->n_untold >= TELL_RECORDS)
		send_untold(thread);
}

static void obey(Thread *thread, const GateOrder *command)
{
	bool is_event = command->fd < GATE_READER_EVENTS_END;

	switch ((GateCommand)command->command) {
	case GATE_KEEP:
		gate_kept_mark(&thread->kept, command->fd);
		break;
	case GATE_KEEP_LEASED:
		gate_kept_lease(&thread->kept, command->fd);
		break;
	case GATE_PASS_EMPTY:
		thread->pass_empty = command->fd != 0;
		return;
	case GATE_FORGET:
		gate_kept_forget(&thread->kept);
		return;
	case GATE_SYNC:
		thread->sync = true;
		return;
	default:
		close(command->fd);
		break;
	}
	thread->n_open -= is_event;
}

/* Return: false at the end. */
static bool take_commands(Thread *thread)
{
	GateOrder commands[GATE_ORDERS_MAX];
	ssize_t n = read(thread->commands[0], commands, sizeof(commands));

	for (ssize_t i = 0; i < n / (ssize_t)sizeof(commands[0]); i++) {
		if (commands[i].command == GATE_END)
			return false;
		obey(thread, &commands[i]);
	}
	return true;
}

static void deny_untaken(Thread *thread)
{
	GateRecord record;

	send_untold(thread);
	while (read(thread->records[0], &record, sizeof(record)) == (ssize_t)sizeof(record)) {
		if (record.fd < 0)
			continue;
		if (!record.written)
			(void)gate_respond(thread->group_fd, record.fd, false);
		close(record.fd);
	}
}

static void thread_free(Thread *thread)
{
	const int fds[] = {thread->records[0], thread->records[1], thread->commands[0], thread->commands[1],
		thread->group_fd};

	gate_kept_deinit(&thread->kept);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(thread);
}
OWN_DEFINE(Thread, thread_free)

/* For poll(): when something is to be done though nothing comes. */
static int patience(const Thread *thread, bool at_once)
{
	int msec = at_once ? 0 : gate_kept_patience(&thread->kept);

	return thread->n_untold > 0 && (msec < 0 || msec > TELL_MSEC) ? TELL_MSEC : msec;
}

static void *run(void *userdata)
{
	Thread *thread = userdata;

	send_record(thread, &(GateRecord){.fd = -1, .kind = GATE_STARTED, .pid = gettid()});
	for (;;) {
		bool reads = !thread->failed && thread->n_open < GATE_READER_OPEN_MAX;
		bool may_sync = thread->sync && (reads || thread->failed);
		struct pollfd waiting[] = {
			{.fd = thread->commands[0], .events = POLLIN},
			{.fd = reads ? thread->group_fd : -1, .events = POLLIN},
			{.fd = thread->kept.signal_fd, .events = POLLIN},
		};
		int n = poll(waiting, 3, patience(thread, may_sync));

		if (n < 0)
			continue;
		/* Somebody waits for each lease that breaks. */
		if (waiting[2].revents)
			gate_kept_on_signal(&thread->kept);
		gate_kept_look_after(&thread->kept);
		if (thread->n_untold > 0 && now_msec() - thread->untold_msec >= TELL_MSEC)
			send_untold(thread);
		if (waiting[0].revents && !take_commands(thread))
			break;
		if (waiting[1].revents) {
			take_events(thread);
		} else if (may_sync) {
			thread->sync = false;
			send_record(thread, &(GateRecord){.fd = -1, .kind = GATE_SYNCED});
		}
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

/* Its first record. */
static pid_t read_thread(int records_fd)
{
	struct pollfd waiting = {.fd = records_fd, .events = POLLIN};
	GateRecord first = {.pid = 0};

	while (poll(&waiting, 1, -1) < 0)
		;
	return read(records_fd, &first, sizeof(first)) == (ssize_t)sizeof(first) ? first.pid : 0;
}

int gate_reader_start(int group_fd, GateReader *ret_reader)
{
	own_(thread_freep) Thread *thread = malloc(sizeof(*thread));
	int r;

	if (!thread)
		return -ENOMEM;
	*thread = (Thread){.group_fd = -1, .records = {-1, -1}, .commands = {-1, -1}, .kept.signal_fd = -1};
	if (pipe2(thread->records, O_CLOEXEC) < 0 || pipe2(thread->commands, O_CLOEXEC) < 0 ||
		fcntl(thread->records[1], F_SETPIPE_SZ, PIPE_SIZE) < 0 ||
		fcntl(thread->records[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	GateReader reader = {.records_fd = thread->records[0], .commands_fd = thread->commands[1]};

	r = gate_kept_init(&thread->kept, group_fd);
	if (r < 0)
		return r;
	thread->group_fd = group_fd;
	r = start(thread);
	if (r < 0) {
		thread->group_fd = -1; /* stays the owner's */
		return r;
	}
	own_take(thread);
	reader.thread = read_thread(reader.records_fd);
	*ret_reader = reader;
	return 0;
}

void gate_reader_tell(const GateReader *reader, const GateOrder *orders, size_t n)
{
	/* On their way are those of descriptors that are open or taken, SK_GATE_TAKEN_MAX: less than the pipe
	 * holds. */
	ssize_t written = TEMP_FAILURE_RETRY(write(reader->commands_fd, orders, n * sizeof(orders[0])));

	(void)written;
}
