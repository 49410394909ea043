/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/monitor_client.h"

#include <errno.h>
#include <poll.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc/chan.h"

#define WAIT_MS 10000

int monitor_client_connect(const char *path)
{
	for (int tries = 0; tries < 100; tries++) {
		int fd = sk_chan_connect(path);

		if (fd >= 0)
			return fd;
		usleep(50 * 1000);
	}
	return -ETIMEDOUT;
}

int monitor_client_send(int fd, const void *message, size_t size)
{
	return send(fd, message, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -errno;
}

int monitor_client_receive(int fd, int timeout_ms, MonitorMessage *ret_message, int *ret_fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	struct iovec iov = {.iov_base = ret_message, .iov_len = sizeof(*ret_message)};
	alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg;
	ssize_t n;

	*ret_fd = -1;
	n = poll(&poller, 1, timeout_ms);
	if (n <= 0)
		return n == 0 ? -ETIMEDOUT : -errno;
	n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	cmsg = CMSG_FIRSTHDR(&header);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(cmsg), sizeof(int));
	return n > 0;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int monitor_client_wait(int fd, uint16_t type, MonitorMessage *ret_message, int *ret_fd)
{
	long end = now_ms() + WAIT_MS;

	for (;;) {
		long left = end - now_ms();
		int r = monitor_client_receive(fd, left > 0 ? (int)left : 0, ret_message, ret_fd);

		if (r <= 0 || ret_message->head.type == type)
			return r;
		if (*ret_fd >= 0)
			close(*ret_fd);
	}
}

int monitor_client_enumerate(int fd)
{
	SkHead head;

	sk_head_init(&head, SK_MONITOR_ENUMERATE, sizeof(head));
	return monitor_client_send(fd, &head, sizeof(head));
}

static int wait_answer(int fd, uint64_t cookie, SkAnswer *ret_answer, int *ret_fd)
{
	MonitorMessage message;
	int r = monitor_client_wait(fd, SK_MONITOR_ANSWER, &message, ret_fd);

	if (r <= 0)
		return r == 0 ? -ECONNRESET : r;
	*ret_answer = message.answer;
	return message.head.cookie == cookie ? message.answer.result : -EBADMSG;
}

/* Numbers it, sends, waits. */
static int ask(int fd, SkHead *order, SkAnswer *ret_answer, int *ret_fd)
{
	static uint64_t cookie = 1000;
	int r;

	order->cookie = ++cookie;
	r = monitor_client_send(fd, order, order->size);
	return r < 0 ? r : wait_answer(fd, order->cookie, ret_answer, ret_fd);
}

int monitor_client_usb_apply(int fd, SkUsbApply *order, SkAnswer *ret_answer)
{
	int unused;

	sk_head_init(&order->head, SK_MONITOR_USB_APPLY, sizeof(*order));
	return ask(fd, &order->head, ret_answer, &unused);
}

int monitor_client_mode(int fd, SkMonitorMode *mode, SkAnswer *ret_answer)
{
	int unused;

	sk_head_init(&mode->head, SK_MONITOR_MODE, sizeof(*mode));
	return ask(fd, &mode->head, ret_answer, &unused);
}

int monitor_client_block(int fd, uint16_t type, SkBlockOrder *order, SkAnswer *ret_answer, int *ret_fd)
{
	sk_head_init(&order->head, type, sizeof(*order));
	return ask(fd, &order->head, ret_answer, ret_fd);
}
