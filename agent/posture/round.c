/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/round.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/posture/jail.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/check_posture.h"

typedef struct Child {
	const PostureCheck *check;
	pid_t pid; /* 0: it has ended */
	int fd;
} Child;

typedef struct Round {
	const Posture *posture;
	const char *root;
	RoundTell tell;
	void *userdata;
	Child children[SK_POSTURE_CHECKS_MAX];
	struct pollfd pollers[SK_POSTURE_CHECKS_MAX];
	uint32_t count, running, told;
} Round;

static uint64_t now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

_Noreturn static void be_child(const Round *round, const PostureCheck *check, int fd)
{
	PostureResult result;
	int r;

	/* A round that is killed leaves nobody behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	posture_result_init(&result, check);
	r = posture_jail_check(round->posture, check, round->root);
	if (r == 0)
		check->run(round->posture, &result);
	else
		posture_value(&result, "no jail: %s", strerror(-r));
	_exit(sk_io_write_all(fd, &result, sizeof(result)) == 0 ? 0 : 1);
}

static void tell_failure(Round *round, const PostureCheck *check, const char *why)
{
	PostureResult result;

	posture_result_init(&result, check);
	posture_value(&result, "%s", why);
	round->tell(round->userdata, &result);
	round->told++;
}

static void start(Round *round, const PostureCheck *check)
{
	Child *child = &round->children[round->count];
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0) {
		tell_failure(round, check, strerror(errno));
		return;
	}
	*child = (Child){.check = check, .pid = fork(), .fd = fds[0]};
	if (child->pid == 0)
		be_child(round, check, fds[1]);
	close(fds[1]);
	if (child->pid < 0) {
		close(fds[0]);
		tell_failure(round, check, strerror(errno));
		return;
	}
	round->pollers[round->count++] = (struct pollfd){.fd = fds[0], .events = POLLIN};
	round->running++;
}

/* Is it a result of this check? */
static bool is_sound(const PostureResult *result, ssize_t size, const PostureCheck *check)
{
	return size == sizeof(*result) && sk_check_posture_result(&result->head) &&
	       sk_str_eq(result->id, check->id) && sk_str_eq(result->requirement, check->requirement);
}

/* said: how many bytes. Who has said something ended by itself or by us, whichever was quicker. */
static void describe_end(int status, ssize_t said, char *why, size_t size)
{
	if (said > 0)
		sk_str_copy(why, size, "its answer is none");
	else if (WIFSIGNALED(status))
		sk_str_format(why, size, "ended by signal %d", WTERMSIG(status));
	else
		sk_str_format(why, size, "ended with status %d", WEXITSTATUS(status));
}

/* It has said something, or has ended: that is all there will be. */
static void finish(Round *round, uint32_t i, bool too_late)
{
	Child *child = &round->children[i];
	PostureResult result;
	ssize_t size = too_late ? -1 : sk_io_read_up_to(child->fd, &result, sizeof(result));
	char why[64] = "took too long";
	int status = 0;

	kill(child->pid, SIGKILL);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	close(child->fd);
	child->pid = 0;
	round->pollers[i].fd = -1;
	round->running--;
	if (is_sound(&result, size, child->check)) {
		round->tell(round->userdata, &result);
		round->told++;
		return;
	}
	if (!too_late)
		describe_end(status, size, why, sizeof(why));
	tell_failure(round, child->check, why);
}

static void collect(Round *round)
{
	uint64_t end = now_msec() + ROUND_MSEC, now;

	while (round->running > 0 && (now = now_msec()) < end) {
		if (poll(round->pollers, round->count, (int)(end - now)) < 0 && errno != EINTR)
			break;
		for (uint32_t i = 0; i < round->count; i++)
			if (round->children[i].pid > 0 && round->pollers[i].revents)
				finish(round, i, false);
	}
	for (uint32_t i = 0; i < round->count; i++)
		if (round->children[i].pid > 0)
			finish(round, i, true);
}

uint32_t round_run(const Posture *posture, const PostureCheck *const *checks, const char *root,
	RoundTell tell, void *userdata)
{
	own_free Round *round = calloc(1, sizeof(*round));

	if (!round)
		return 0;
	*round = (Round){.posture = posture, .root = root, .tell = tell, .userdata = userdata};
	for (uint32_t i = 0; checks[i] && i < SK_POSTURE_CHECKS_MAX; i++)
		start(round, checks[i]);
	collect(round);
	return round->told;
}

static uint32_t msec_of(int who)
{
	struct rusage usage = {0};

	getrusage(who, &usage);
	return (uint32_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
	       (uint32_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

uint32_t round_cpu_msec(void)
{
	return msec_of(RUSAGE_SELF) + msec_of(RUSAGE_CHILDREN);
}
