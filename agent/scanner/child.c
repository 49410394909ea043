/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/own.h"

/* Out of memory: the child with the greedy file goes first, then everything else, as systemd set it for us.
 */
#define SACRIFICE "950"

static int score_fd = -1;
static char score_own[16];

void child_init(void)
{
	ssize_t n;

	score_fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (score_fd < 0)
		return;
	n = pread(score_fd, score_own, sizeof(score_own) - 1, 0);
	if (n <= 0)
		close(own_take_fd(&score_fd));
}

/* A child inherits the score; an unprivileged process may lower its own again to what it was given. */
static void set_score(const char *score)
{
	if (score_fd >= 0 && pwrite(score_fd, score, strlen(score), 0) < 0)
		close(own_take_fd(&score_fd));
}

static _Noreturn void begin(int fd, pid_t parent, ChildRun run, void *userdata)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGTERM, SIG_DFL);
	/* A file that unpacks to more than the limit is an error of writing, not the end of the worker. */
	signal(SIGXFSZ, SIG_IGN);
	/* A parent that died before this line leaves nobody to send the signal. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
	if (dup2(fd, STDERR_FILENO + 1) < 0 || syscall(SYS_close_range, STDERR_FILENO + 2, ~0u, 0) < 0)
		_exit(EXIT_FAILURE);
	run(STDERR_FILENO + 1, userdata);
	_exit(EXIT_FAILURE);
}

pid_t child_spawn(ChildRun run, void *userdata, int *ret_fd)
{
	own_fd int here = -1, there = -1;
	pid_t parent = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	here = pair[0];
	there = pair[1];
	if (fcntl(here, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	fflush(stderr);
	set_score(SACRIFICE);
	pid = fork();
	if (pid == 0)
		begin(there, parent, run, userdata);
	if (pid < 0)
		pid = -errno;
	set_score(score_own);
	if (pid > 0)
		*ret_fd = own_take_fd(&here);
	return pid;
}
