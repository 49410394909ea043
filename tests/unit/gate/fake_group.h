/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The kernel's end of a permission group, played by a socket: the test writes events into it and reads the
 * answers. No privilege needed.
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/gate/gate.h"

typedef struct FakeGroup {
	int kernel; /* the test's end */
	int reader; /* given to sk_gate_new() */
} FakeGroup;

static inline FakeGroup fake_group_new(void)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
	return (FakeGroup){ends[0], ends[1]};
}

/* A file of its own, as the kernel would have opened it for the reader. */
static inline int fake_file(const char *content)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	return fd;
}

static inline void fake_event(const FakeGroup *group, int fd, pid_t pid, uint64_t mask)
{
	struct fanotify_event_metadata event = {
		.event_len = sizeof(event),
		.vers = FANOTIFY_METADATA_VERSION,
		.metadata_len = sizeof(event),
		.mask = mask,
		.fd = fd,
		.pid = pid,
	};

	assert_int_equal(write(group->kernel, &event, sizeof(event)), sizeof(event));
}

/* A gate that reads from it. */
static inline SkGate *fake_gate(const FakeGroup *group, SkGateHandler handle, void *userdata)
{
	SkGate *gate = sk_gate_new(group->reader, handle, userdata);

	assert_non_null(gate);
	assert_int_equal(sk_gate_start(gate), 0);
	return gate;
}

static inline bool fake_wait(int fd, int msec)
{
	struct pollfd waiting = {.fd = fd, .events = POLLIN};

	return poll(&waiting, 1, msec) > 0;
}

/* What the loop of the owner does: waits for the reader, then sees. */
static inline int fake_dispatch(SkGate *gate)
{
	assert_true(fake_wait(sk_gate_fd(gate), 5000));
	return sk_gate_dispatch(gate);
}

/* The next answer; its fd is -1 when there is none. */
static inline struct fanotify_response fake_answer(const FakeGroup *group)
{
	struct fanotify_response answer;

	if (!fake_wait(group->kernel, 1000) ||
		read(group->kernel, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
		answer = (struct fanotify_response){.fd = -1};
	return answer;
}
