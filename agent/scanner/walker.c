/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/walker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/scanner/child.h"
#include "agent/scanner/jail.h"
#include "agent/scanner/job.h"
#include "agent/scanner/walk.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/chan.h"

/* Read ahead while the workers are busy with the files before it. */
#define READ_AHEAD (4 << 20)
/* Bytes under way to the parent: some twenty files. What is there is open, so the number must stay small. */
#define SEND_BUFFER (128 << 10)
#define THREAD_STACK (256u << 10)

typedef struct Errand {
	int root_fd;
	WalkKnown known;
	SkChan *chan;
} Errand;

static void end_walk(Errand *errand, int result, uint64_t passed_over)
{
	WalkEnd end = {.result = result, .passed_over = passed_over};

	sk_head_init(&end.head, WALK_END, sizeof(end));
	sk_chan_send(errand->chan, &end, NULL, 0);
	sk_chan_free(errand->chan);
	if (errand->known.n > 0)
		munmap((void *)errand->known.files, errand->known.n * sizeof(SkFileId));
	close(errand->root_fd);
	free(errand);
}

/* Sealed, so that it neither shrinks nor changes beneath us. */
static int map_known(int fd, WalkKnown *known)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_WRITE;
	struct stat st;
	void *files;

	if ((fcntl(fd, F_GET_SEALS) & seals) != seals || fstat(fd, &st) < 0 ||
		st.st_size % (off_t)sizeof(SkFileId) != 0 ||
		st.st_size > (off_t)(SK_SCAN_KNOWN_MAX * sizeof(SkFileId)))
		return -EPROTO;
	if (st.st_size == 0)
		return 0;
	files = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (files == MAP_FAILED)
		return -errno;
	known->files = files;
	known->n = (size_t)st.st_size / sizeof(SkFileId);
	return 0;
}

/* Return: 0, 1 (send more), or negative errno: the medium is lost, or the parent wants no more (-EPIPE). */
static int send_next(Walk *walk, SkChan *chan, WalkFile *message)
{
	const char *path;
	own_fd int fd = -1;
	int r = walk_next(walk, &fd, &message->file, &path);

	if (r <= 0)
		return r;
	if (fd >= 0)
		posix_fadvise(fd, 0, READ_AHEAD, POSIX_FADV_WILLNEED);
	sk_head_init(&message->head, WALK_FILE, sizeof(*message));
	memset(message->path, 0, sizeof(message->path));
	sk_str_copy(message->path, sizeof(message->path), path);
	r = sk_chan_send(chan, message, &fd, fd >= 0 ? 1 : 0);
	return r < 0 ? r : 1;
}

static void *run_errand(void *userdata)
{
	Errand *errand = userdata;
	Walk *walk = walk_new(errand->root_fd, &errand->known);
	own_free WalkFile *message = malloc(sizeof(*message));
	int r = walk && message ? 1 : -ENOMEM;

	while (r > 0)
		r = send_next(walk, errand->chan, message);
	end_walk(errand, r, walk ? walk_passed_over(walk) : 0);
	walk_free(walk);
	return NULL;
}

static int start_thread(Errand *errand)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	r = -pthread_create(&thread, &attributes, run_errand, errand);
	pthread_attr_destroy(&attributes);
	return r;
}

static int on_start(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	Errand *errand = n_fds < 2 ? NULL : calloc(1, sizeof(*errand));
	int r;

	if (!errand)
		return n_fds < 2 ? -EPROTO : -ENOMEM;
	errand->root_fd = own_take_fd(&fds[0]);
	errand->chan = sk_chan_new(own_take_fd(&fds[1]));
	if (!errand->chan) {
		close(errand->root_fd);
		free(errand);
		return -ENOMEM;
	}
	errand->known.all = ((const WalkStart *)head)->list;
	r = n_fds == 3 ? map_known(fds[2], &errand->known) : 0;
	if (r == 0)
		r = start_thread(errand);
	if (r < 0)
		end_walk(errand, r, 0);
	return 0;
}

static const SkMsgSpec specs[] = {
	{WALK_START, SK_CHAN_FDS_UP_TO | 3, sizeof(WalkStart), on_start},
	{0},
};

static void run(int fd, void *userdata)
{
	SkChan *chan = sk_chan_new(fd);
	int r = chan ? jail_walker() : -ENOMEM;

	if (r < 0) {
		fprintf(stderr, "sekisho-scanner: the walker has no jail: %s\n", strerror(-r));
		_exit(EXIT_FAILURE);
	}
	do
		r = sk_chan_dispatch(chan, specs, NULL);
	while (r > 0);
	_exit(r == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

pid_t walker_spawn(int *ret_fd)
{
	return child_spawn(run, NULL, ret_fd);
}

int walker_start(int walker_fd, const WalkerOrder *order, int *ret_fd)
{
	own_fd int here = -1, there = -1;
	const int size = SEND_BUFFER;
	WalkStart start = {.list = 0};
	int pair[2], r;
	SkChan *chan;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	here = pair[0];
	there = pair[1];
	if (fcntl(here, F_SETFL, O_NONBLOCK) < 0 ||
		setsockopt(there, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0)
		return -errno;
	chan = sk_chan_new(fcntl(walker_fd, F_DUPFD_CLOEXEC, 3));
	if (!chan)
		return -ENOMEM;
	sk_head_init(&start.head, WALK_START, sizeof(start));
	start.list = order->list;
	r = sk_chan_send(chan, &start, (const int[]){order->root_fd, there, order->known_fd},
		order->known_fd >= 0 ? 3 : 2);
	if (r == 0 && sk_chan_pending(chan))
		r = -EAGAIN;
	sk_chan_free(chan);
	if (r < 0)
		return r;
	*ret_fd = own_take_fd(&here);
	return 0;
}
