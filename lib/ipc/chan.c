/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ipc/chan.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <fcntl.h>
#include <utlist.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

typedef struct Queued {
	struct Queued *prev, *next;
	size_t size, n_fds;
	int fds[SK_PROTO_FDS_MAX];
	alignas(8) char data[];
} Queued;

struct SkChan {
	int fd;
	Queued *queue;
	size_t n_queued;
	alignas(8) char buffer[SK_PROTO_SIZE_MAX];
};

static void close_fds(int *fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void queued_free(Queued *queued)
{
	close_fds(queued->fds, queued->n_fds);
	free(queued);
}

SkChan *sk_chan_new(int fd)
{
	SkChan *chan = calloc(1, sizeof(*chan));

	if (!chan) {
		close(fd);
		return NULL;
	}
	chan->fd = fd;
	return chan;
}

SkChan *sk_chan_free(SkChan *chan)
{
	Queued *queued, *next;

	if (!chan)
		return NULL;
	DL_FOREACH_SAFE(chan->queue, queued, next)
	{
		DL_DELETE(chan->queue, queued);
		queued_free(queued);
	}
	close(chan->fd);
	free(chan);
	return NULL;
}

int sk_chan_fd(const SkChan *chan)
{
	return chan->fd;
}

void sk_head_init(SkHead *head, uint16_t type, size_t size)
{
	*head = (SkHead){.version = SK_PROTO_VERSION, .type = type, .size = (uint32_t)size};
}

static int send_now(int fd, const void *message, size_t size, const int *fds, size_t n_fds)
{
	struct iovec iov = {.iov_base = (void *)message, .iov_len = size};
	alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SK_PROTO_FDS_MAX)] = {0};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (n_fds > 0) {
		struct cmsghdr *cmsg;

		header.msg_control = control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n_fds);
	}
	do {
		n = sendmsg(fd, &header, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* The descriptors are duplicated: the caller may close its own while the message waits. */
static int enqueue(SkChan *chan, const void *message, size_t size, const int *fds, size_t n_fds)
{
	Queued *queued;

	if (chan->n_queued >= SK_CHAN_QUEUE_MAX)
		return -ENOBUFS;
	queued = malloc(sizeof(*queued) + size);
	if (!queued)
		return -ENOMEM;
	queued->size = size;
	queued->n_fds = 0;
	memcpy(queued->data, message, size);
	for (size_t i = 0; i < n_fds; i++) {
		int copy = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);

		if (copy < 0) {
			int r = -errno;

			queued_free(queued);
			return r;
		}
		queued->fds[queued->n_fds++] = copy;
	}
	DL_APPEND(chan->queue, queued);
	chan->n_queued++;
	return 0;
}

int sk_chan_send(SkChan *chan, const void *message, const int *fds, size_t n_fds)
{
	const SkHead *head = message;
	int r = -EAGAIN;

	if (n_fds > SK_PROTO_FDS_MAX || head->size < sizeof(*head) || head->size > SK_PROTO_SIZE_MAX)
		return -EINVAL;
	if (!chan->queue)
		r = send_now(chan->fd, message, head->size, fds, n_fds);
	return r == -EAGAIN ? enqueue(chan, message, head->size, fds, n_fds) : r;
}

int sk_msg_send(int fd, const void *message)
{
	const SkHead *head = message;

	return send_now(fd, message, head->size, NULL, 0);
}

bool sk_chan_pending(const SkChan *chan)
{
	return chan->queue != NULL;
}

int sk_chan_flush(SkChan *chan)
{
	while (chan->queue) {
		Queued *first = chan->queue;
		int r = send_now(chan->fd, first->data, first->size, first->fds, first->n_fds);

		if (r == -EAGAIN)
			return 0;
		if (r < 0)
			return r;
		DL_DELETE(chan->queue, first);
		chan->n_queued--;
		queued_free(first);
	}
	return 0;
}

/* Return: bytes received (0: closed) or negative errno; -EPROTO when something was cut. */
static ssize_t receive(SkChan *chan, int fds[SK_PROTO_FDS_MAX], size_t *ret_n_fds)
{
	struct iovec iov = {.iov_base = chan->buffer, .iov_len = sizeof(chan->buffer)};
	alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SK_PROTO_FDS_MAX)];
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	size_t n_fds = 0;
	ssize_t n;

	do {
		n = recvmsg(chan->fd, &header, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&header); cmsg; cmsg = CMSG_NXTHDR(&header, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n_fds = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(cmsg), n_fds * sizeof(int));
	}
	*ret_n_fds = n_fds;
	if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EPROTO;
	return n;
}

static bool fds_expected(const SkMsgSpec *spec, size_t n_fds)
{
	if (spec->n_fds & SK_CHAN_FDS_UP_TO)
		return n_fds <= (spec->n_fds & ~SK_CHAN_FDS_UP_TO);
	return n_fds == spec->n_fds;
}

static bool is_acceptable(const SkMsgSpec *spec, const SkHead *head, size_t size, size_t n_fds)
{
	return spec->size == size && fds_expected(spec, n_fds) && (!spec->check || spec->check(head));
}

const SkMsgSpec *sk_msg_decode(const SkMsgSpec *specs, const void *data, size_t size, size_t n_fds)
{
	const SkHead *head = data;

	if (size < sizeof(*head) || head->version != SK_PROTO_VERSION || head->size != size)
		return NULL;
	for (; specs->type != 0; specs++)
		if (specs->type == head->type)
			return is_acceptable(specs, head, size, n_fds) ? specs : NULL;
	return NULL;
}

int sk_chan_dispatch(SkChan *chan, const SkMsgSpec *specs, void *userdata)
{
	int fds[SK_PROTO_FDS_MAX];
	size_t n_fds = 0;
	const SkMsgSpec *spec;
	ssize_t n = receive(chan, fds, &n_fds);
	int r;

	if (n <= 0) {
		close_fds(fds, n_fds);
		return (int)n;
	}
	spec = sk_msg_decode(specs, chan->buffer, (size_t)n, n_fds);
	r = spec ? spec->handle(userdata, (const SkHead *)chan->buffer, fds, n_fds) : -EPROTO;
	close_fds(fds, n_fds);
	return r < 0 ? r : 1;
}

int sk_chan_peer(const SkChan *chan, uid_t *ret_uid, pid_t *ret_pid)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (getsockopt(chan->fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return -errno;
	*ret_uid = cred.uid;
	*ret_pid = cred.pid;
	return 0;
}

int sk_chan_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	own_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (!sk_str_copy(address.sun_path, sizeof(address.sun_path), path))
		return -ENAMETOOLONG;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return own_take_fd(&fd);
}
