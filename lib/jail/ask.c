/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/jail/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

/* Linux 5.14; the headers we build with may be older. */
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif

#define PAGE 4096u

static void filter_release(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static int add_call(scmp_filter_ctx filter, uint32_t action, const SkJailCall *call)
{
	int number = seccomp_syscall_resolve_name(call->name);
	struct scmp_arg_cmp compare = {.arg = call->argument,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = call->mask,
		.datum_b = call->value};

	if (number == __NR_SCMP_ERROR)
		return 0;
	int r = seccomp_rule_add_array(filter, action, number, call->has_argument ? 1 : 0, &compare);

	return r == -EEXIST ? 0 : r;
}

static int add_calls(scmp_filter_ctx filter, const SkJailCall *calls)
{
	int r = 0;

	for (; r == 0 && calls->name; calls++)
		if (!calls->refuse)
			r = add_call(filter, SCMP_ACT_ALLOW, calls);
	return r;
}

int sk_ask_apply(const SkJailCall *calls, const char *const *asked, int *ret_listener)
{
	own_(filter_release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!filter)
		return -ENOMEM;
	r = add_calls(filter, sk_jail_calls_basic);
	if (r == 0)
		r = add_calls(filter, calls);
	for (; r == 0 && *asked; asked++)
		r = add_call(filter, SCMP_ACT_NOTIFY, &(SkJailCall){.name = *asked});
	if (r == 0)
		r = seccomp_load(filter);
	if (r < 0)
		return r;
	/* The library closes its own with the filter. */
	int listener = fcntl(seccomp_notify_fd(filter), F_DUPFD_CLOEXEC, 3);

	if (listener < 0)
		return -errno;
	*ret_listener = listener;
	return 0;
}

static const char *name_of(int number, const char *const *names)
{
	for (; *names; names++)
		if (seccomp_syscall_resolve_name(*names) == number)
			return *names;
	return NULL;
}

static void request_free(struct seccomp_notif **request)
{
	seccomp_notify_free(*request, NULL);
}

int sk_ask_receive(int listener, const char *const *names, SkAsk *ret_ask)
{
	own_(request_free) struct seccomp_notif *request = NULL;
	int r = seccomp_notify_alloc(&request, NULL);

	if (r < 0)
		return r;
	/* Not seccomp_notify_receive(): it hides the reason. */
	if (TEMP_FAILURE_RETRY(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request)) < 0)
		return -errno;
	ret_ask->name = name_of(request->data.nr, names);
	if (!ret_ask->name)
		return -EPROTO;
	ret_ask->id = request->id;
	ret_ask->pid = (pid_t)request->pid;
	for (size_t i = 0; i < SK_ARRAY_SIZE(ret_ask->arguments); i++)
		ret_ask->arguments[i] = request->data.args[i];
	return 0;
}

static void response_free(struct seccomp_notif_resp **response)
{
	seccomp_notify_free(NULL, *response);
}

static int respond(int listener, const struct seccomp_notif_resp *answer)
{
	own_(response_free) struct seccomp_notif_resp *response = NULL;
	int r = seccomp_notify_alloc(NULL, &response);

	if (r < 0)
		return r;
	*response = *answer;
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response) < 0 ? -errno : 0;
}

int sk_ask_answer(int listener, const SkAsk *ask, int value)
{
	struct seccomp_notif_resp answer = {.id = ask->id};

	if (value < 0)
		answer.error = value;
	else
		answer.val = value;
	return respond(listener, &answer);
}

int sk_ask_continue(int listener, const SkAsk *ask)
{
	struct seccomp_notif_resp answer = {.id = ask->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

	return respond(listener, &answer);
}

int sk_ask_give_fd(int listener, const SkAsk *ask, int fd)
{
	struct seccomp_notif_addfd gift = {
		.id = ask->id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (uint32_t)fd};

	return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &gift) < 0 ? -errno : 0;
}

int sk_ask_read_text(int listener, const SkAsk *ask, uint64_t address, char *text, size_t size)
{
	size_t done = 0;

	/* Page by page: what follows the text may not be there. */
	while (done < size) {
		uint64_t from = address + done;
		size_t piece = PAGE - (size_t)(from % PAGE);
		struct iovec local = {text + done, piece < size - done ? piece : size - done};
		struct iovec remote = {(void *)(uintptr_t)from, local.iov_len};
		ssize_t n = process_vm_readv(ask->pid, &local, 1, &remote, 1, 0);

		if (n <= 0)
			return n < 0 ? -errno : -EFAULT;
		if (memchr(text + done, 0, (size_t)n))
			return seccomp_notify_id_valid(listener, ask->id) == 0 ? 0 : -ENOENT;
		done += (size_t)n;
	}
	return -ENAMETOOLONG;
}
