/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Enters the very jail of sekisho-probe in a child, once for each thing that must be impossible there, and
 * tries it. The child must die (status 159) or be refused; one that gets through ends with 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/probe/probe.h"
#include "lib/base/str.h"

#define TEST_ID 64123
#define STATUS_JAILED 159
#define STATUS_REFUSED 40
#define STATUS_NO_JAIL 41

static int try_open(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static int try_openat2(void)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = {0, 0, 0};

	return (int)syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof(how));
}

static int try_create(void)
{
	return creat("/tmp/sekisho-probe-jail", 0600);
}

static int try_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static int try_socketpair(void)
{
	int fds[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
}

static int try_fork(void)
{
	return (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static int try_exec(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int try_kill(void)
{
	return kill(getppid(), 0);
}

static int try_ptrace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int try_setuid(void)
{
	return setuid(0);
}

static int try_prctl(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int try_mount(void)
{
	return mount("none", "/mnt", "tmpfs", 0, NULL);
}

static int try_unshare(void)
{
	return unshare(CLONE_NEWUSER);
}

static int try_executable_memory(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? -1 : mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int try_other_ioctl(void)
{
	return ioctl(STDIN_FILENO, BLKROSET, &(int){0});
}

static int try_unlink(void)
{
	return unlink("/tmp/sekisho-probe-jail");
}

static int try_bpf(void)
{
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int try_io_uring(void)
{
	return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int run_child(int (*attempt)(void), uid_t uid, gid_t gid)
{
	if (probe_jail_enter(uid, gid) < 0)
		_exit(STATUS_NO_JAIL);
	_exit(attempt() < 0 && errno == EACCES ? STATUS_REFUSED : 0);
}

static bool is_impossible(const char *name, int (*attempt)(void))
{
	uid_t uid = geteuid() == 0 ? TEST_ID : geteuid();
	gid_t gid = geteuid() == 0 ? TEST_ID : getegid();
	pid_t pid = fork();
	int status;

	if (pid == 0)
		run_child(attempt, uid, gid);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return false;
	printf("%-18s wait status %#x\n", name, (unsigned)status);
	return WIFEXITED(status) &&
	       (WEXITSTATUS(status) == STATUS_JAILED || WEXITSTATUS(status) == STATUS_REFUSED);
}

/* What the probe does need must work, or a jail that kills at once would pass. */
static int try_reading(void)
{
	char byte;

	errno = EACCES;
	return read(STDIN_FILENO, &byte, 0) == 0 && malloc(100000) ? 0 : -1;
}

static bool is_possible(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		run_child(try_reading, geteuid() == 0 ? TEST_ID : geteuid(),
			geteuid() == 0 ? TEST_ID : getegid());
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(void)
{
	static const struct {
		const char *name;
		int (*attempt)(void);
	} attempts[] = {
		{"open", try_open},
		{"openat2", try_openat2},
		{"create", try_create},
		{"socket", try_socket},
		{"socketpair", try_socketpair},
		{"fork", try_fork},
		{"exec", try_exec},
		{"kill", try_kill},
		{"ptrace", try_ptrace},
		{"setuid", try_setuid},
		{"prctl", try_prctl},
		{"mount", try_mount},
		{"unshare", try_unshare},
		{"executable memory", try_executable_memory},
		{"another ioctl", try_other_ioctl},
		{"unlink", try_unlink},
		{"bpf", try_bpf},
		{"io_uring", try_io_uring},
	};
	bool ok = is_possible();

	if (!ok)
		puts("the jail does not even let it read");
	for (size_t i = 0; i < SK_ARRAY_SIZE(attempts); i++)
		if (!is_impossible(attempts[i].name, attempts[i].attempt)) {
			printf("%s: possible in the jail\n", attempts[i].name);
			ok = false;
		}
	return ok ? 0 : 1;
}
