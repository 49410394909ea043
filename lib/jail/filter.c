/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/jail/filter.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/own.h"

const SkJailCall sk_jail_calls_basic[] = {
	SK_JAIL_CALL("brk"),
	SK_JAIL_CALL("mmap"),
	SK_JAIL_CALL("munmap"),
	SK_JAIL_CALL("mremap"),
	SK_JAIL_CALL("madvise"),			      /* malloc */
	SK_JAIL_CALL_IF("mprotect", 2, 4 /* PROT_EXEC */, 0), /* malloc; never executable */
	SK_JAIL_CALL("read"),
	SK_JAIL_CALL("write"),
	SK_JAIL_CALL("close"),
	SK_JAIL_CALL("fstat"),
	SK_JAIL_CALL("newfstatat"),
	SK_JAIL_CALL("lseek"),
	SK_JAIL_CALL("fcntl"), /* descriptors already held */
	SK_JAIL_CALL("clock_gettime"),
	SK_JAIL_CALL("gettimeofday"),
	SK_JAIL_CALL("time"), /* when vDSO is absent */
	SK_JAIL_CALL("rt_sigaction"),
	SK_JAIL_CALL("rt_sigprocmask"),
	SK_JAIL_CALL("rt_sigreturn"),
	SK_JAIL_CALL("sigaltstack"),
	SK_JAIL_CALL("restart_syscall"), /* signals */
	SK_JAIL_CALL("getpid"),
	SK_JAIL_CALL("gettid"),
	SK_JAIL_CALL("tgkill"), /* abort() */
	SK_JAIL_CALL("getrandom"),
	SK_JAIL_CALL("futex"),
	SK_JAIL_CALL("exit"),
	SK_JAIL_CALL("exit_group"),
	{.name = NULL},
};

const SkJailCall sk_jail_calls_loop[] = {
	SK_JAIL_CALL("epoll_create1"),
	SK_JAIL_CALL("epoll_ctl"),
	SK_JAIL_CALL("epoll_wait"),
	SK_JAIL_CALL("epoll_pwait"),
	SK_JAIL_CALL("epoll_pwait2"),
	SK_JAIL_CALL("timerfd_create"),
	SK_JAIL_CALL("timerfd_settime"),
	SK_JAIL_CALL("signalfd4"),
	SK_JAIL_CALL("poll"),
	SK_JAIL_CALL("ppoll"), /* one descriptor, outside the loop */
	SK_JAIL_CALL("recvmsg"),
	SK_JAIL_CALL("sendmsg"), /* siblings */
	SK_JAIL_CALL_IF("socket", 0, 0xffffffff, AF_UNIX),
	SK_JAIL_CALL("connect"),
	SK_JAIL_CALL("sendto"), /* sd_notify(), the journal */
	SK_JAIL_CALL("getsockopt"),
	SK_JAIL_CALL("setsockopt"),
	SK_JAIL_CALL("getsockname"), /* who is it, how much does it take? */
	{.name = NULL},
};

const SkJailCall sk_jail_calls_network[] = {
	SK_JAIL_CALL_IF("socket", 0, 0xFFFFFFFF, AF_INET),
	SK_JAIL_CALL_IF("socket", 0, 0xFFFFFFFF, AF_INET6),
	/* which addresses this machine has: answers are sorted by that */
	SK_JAIL_CALL_IF("socket", 0, 0xFFFFFFFF, AF_NETLINK),
	SK_JAIL_CALL("bind"),				       /* that socket */
	SK_JAIL_CALL_IF("socketpair", 0, 0xFFFFFFFF, AF_UNIX), /* libcurl wakes its resolver by it */
	SK_JAIL_CALL("eventfd2"),
	SK_JAIL_CALL("pipe2"),
	SK_JAIL_CALL("connect"),
	SK_JAIL_CALL("getsockname"),
	SK_JAIL_CALL("getpeername"),
	SK_JAIL_CALL("getsockopt"),
	SK_JAIL_CALL("setsockopt"),
	SK_JAIL_CALL("sendto"),
	SK_JAIL_CALL("recvfrom"),
	SK_JAIL_CALL("sendmsg"),
	SK_JAIL_CALL("recvmsg"),
	SK_JAIL_CALL("sendmmsg"), /* A and AAAA at once */
	SK_JAIL_CALL("shutdown"),
	SK_JAIL_CALL("poll"),
	SK_JAIL_CALL("ppoll"),
	SK_JAIL_CALL_IF("ioctl", 1, 0xFFFFFFFF, FIONREAD), /* how long an answer of DNS is */
	SK_JAIL_CALL("uname"),
	/* the thread */
	SK_JAIL_CALL("clone"),
	SK_JAIL_CALL("clone3"),
	SK_JAIL_CALL("set_robust_list"),
	SK_JAIL_CALL("rseq"),
	SK_JAIL_CALL("sched_getaffinity"),
	SK_JAIL_CALL("sched_yield"),
	SK_JAIL_CALL("prctl"), /* its name */
	SK_JAIL_CALL("sysinfo"),
	{.name = NULL},
};

/* Written at sk_filter_apply(), read by the handler only. */
static const char *jail_name = "";

static void write_text(const char *text)
{
	ssize_t n = write(STDERR_FILENO, text, strlen(text));

	(void)n; /* nothing can be done about it in a signal handler */
}

/* Async-signal-safe only: names the call that was refused, so that a missing line in jail.c is found at once.
 */
static void on_refused_call(int signal_number, siginfo_t *info, void *context)
{
	char digits[12], *p = digits + sizeof(digits) - 1;
	unsigned number = (unsigned)info->si_syscall;

	*p = 0;
	do {
		*--p = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	write_text(jail_name);
	write_text(": the jail refused system call ");
	write_text(p);
	write_text("\n");
	_exit(159);
}

static int add_calls(scmp_filter_ctx filter, const SkJailCall *calls)
{
	for (; calls->name; calls++) {
		int number = seccomp_syscall_resolve_name(calls->name);
		struct scmp_arg_cmp compare = {.arg = calls->argument,
			.op = SCMP_CMP_MASKED_EQ,
			.datum_a = calls->mask,
			.datum_b = calls->value};
		int r;

		if (number == __NR_SCMP_ERROR)
			continue;
		r = seccomp_rule_add_array(filter,
			calls->refuse ? SCMP_ACT_ERRNO((uint32_t)calls->refuse) : SCMP_ACT_ALLOW, number,
			calls->has_argument ? 1 : 0, &compare);
		if (r < 0 && r != -EEXIST)
			return r;
	}
	return 0;
}

static void filter_release(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

int sk_filter_apply(const SkJail *jail)
{
	own_(filter_release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	struct sigaction action = {.sa_sigaction = on_refused_call, .sa_flags = SA_SIGINFO};
	int r;

	if (!filter)
		return -ENOMEM;
	jail_name = jail->name;
	if (sigaction(SIGSYS, &action, NULL) < 0)
		return -errno;
	r = add_calls(filter, sk_jail_calls_basic);
	if (r == 0 && jail->loops)
		r = add_calls(filter, sk_jail_calls_loop);
	if (r == 0 && jail->resolves)
		r = add_calls(filter, sk_jail_calls_network);
	if (r == 0)
		r = add_calls(filter, jail->calls);
	return r < 0 ? r : seccomp_load(filter);
}
