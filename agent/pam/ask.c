/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/pam/ask.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/base/own.h"
#include "lib/ipc/chan.h"
#include "lib/ipc/check_sign_in.h"

#define AGAIN_MSEC 50

static const SkMsgSpec answers[] = {
	{SK_SIGN_IN_ANSWER, 0, sizeof(SkSignInAnswer), NULL, sk_check_sign_in_answer},
	{0},
};

static int64_t now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_msec(int64_t msec)
{
	const struct timespec time = {.tv_nsec = msec * 1000000};

	nanosleep(&time, NULL);
}

/* Nobody listens, or too many wait: it may be another core in a moment. */
static int connect_until(const char *path, int64_t until)
{
	int fd = sk_chan_connect(path);

	while ((fd == -ECONNREFUSED || fd == -EAGAIN) && now_msec() + AGAIN_MSEC < until) {
		pause_msec(AGAIN_MSEC);
		fd = sk_chan_connect(path);
	}
	return fd;
}

static int wait_until(int fd, int64_t until)
{
	struct pollfd io = {.fd = fd, .events = POLLIN};

	for (;;) {
		int64_t left = until - now_msec();

		if (left <= 0)
			return -ETIMEDOUT;
		int n = poll(&io, 1, (int)left);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static int receive(int fd, SkSignInAnswer *ret_answer)
{
	SkSignInAnswer answer;
	ssize_t n = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	if (n != (ssize_t)sizeof(answer) || !sk_msg_decode(answers, &answer, sizeof(answer), 0))
		return -EPROTO;
	*ret_answer = answer;
	return 0;
}

int ask_core(const char *path, SkSignIn *question, SkSignInAnswer *ret_answer)
{
	int64_t until = now_msec() + ASK_MSEC;
	own_fd int fd = connect_until(path, until);
	int r = fd < 0 ? fd : 0;

	sk_head_init(&question->head, question->head.type, sizeof(*question));
	if (r == 0)
		r = sk_msg_send(fd, question);
	if (r == 0)
		r = wait_until(fd, until);
	return r == 0 ? receive(fd, ret_answer) : r;
}
