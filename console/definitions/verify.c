/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/definitions/verify.h"

#include <clamav.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/jail/jail.h"

#define MEMORY_MAX (1024ull << 20)
#define CPU_SEC 120

typedef struct Answer {
	int32_t result;
	Verified verified;
} Answer;

static void be_silent(enum cl_msg severity, const char *full, const char *message, void *context)
{
}

int verify_init(void)
{
	cl_set_clcb_msg(be_silent);
	return cl_init(CL_INIT_DEFAULT) == CL_SUCCESS ? 0 : -ENOTSUP;
}

static const SkJailCall calls[] = {
	/* the database, and nothing else: Landlock says where */
	SK_JAIL_CALL("open"),
	SK_JAIL_CALL("openat"),
	SK_JAIL_CALL("stat"),
	SK_JAIL_CALL("lstat"),
	SK_JAIL_CALL("statx"),
	SK_JAIL_CALL("dup"), /* of its descriptor, for a stream */
	SK_JAIL_CALL("pread64"),
	SK_JAIL_CALL("readlink"),
	SK_JAIL_CALL("access"),
	SK_JAIL_CALL("getcwd"),
	SK_JAIL_CALL("sysinfo"),
	SK_JAIL_CALL("prlimit64"),
	SK_JAIL_CALL("sched_getaffinity"),
	{.name = NULL},
};

static Answer look(const char *path)
{
	Answer answer = {.result = -EBADMSG};
	struct cl_cvd *header = cl_cvdhead(path);

	if (!header)
		return answer;
	answer.verified = (Verified){.number = (int64_t)header->version,
		.built = (int64_t)header->stime,
		.signatures = header->sigs};
	cl_cvdfree(header);
	if (cl_cvdverify(path) == CL_SUCCESS && answer.verified.number > 0)
		answer.result = 0;
	return answer;
}

static void be_child(int out_fd, const char *directory, const char *path)
{
	static const SkJailLimit limits[] = {
#ifndef __SANITIZE_ADDRESS__ /* its shadow memory is terabytes of address space */
		{RLIMIT_AS, MEMORY_MAX},
#endif
		{RLIMIT_CORE, 0}, {RLIMIT_CPU, CPU_SEC}, {RLIMIT_FSIZE, 0}, {RLIMIT_NPROC, 0}, {-1, 0}};
	const SkJailPath paths[] = {{directory, SK_JAIL_READ}, {NULL, 0}};
	const SkJail jail = {.name = "sekisho-definitions (verify)",
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.limits = limits,
		.paths = paths,
		.calls = calls};
	Answer answer = {.result = sk_jail_enter(&jail)};

	if (answer.result == 0)
		answer = look(path);
	_exit(sk_io_write_all(out_fd, &answer, sizeof(answer)) < 0 ? 1 : 0);
}

int verify_database(const char *directory, const char *name, Verified *ret_verified)
{
	own_fd int in_fd = -1, out_fd = -1;
	char path[PATH_MAX];
	Answer answer;
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	if (!sk_str_format(path, sizeof(path), "%s/%s", directory, name))
		return -ENAMETOOLONG;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	in_fd = ends[0];
	out_fd = ends[1];
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		be_child(out_fd, directory, path);
	close(own_take_fd(&out_fd));
	n = sk_io_read_up_to(in_fd, &answer, sizeof(answer));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* A file that ends who reads it is none that anybody should read. */
	if (n != (ssize_t)sizeof(answer) || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return -EBADMSG;
	*ret_verified = answer.verified;
	return answer.result;
}
