/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/ntfs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/jail/ask.h"

#define PROGRAM "/usr/bin/ntfs-3g"

/* Reading the start of a slow medium; a stick that does not answer keeps nobody waiting longer. */
#define START_SECONDS 60

/* What ntfs-3g makes before and while it serves; it has its device and its channel to the kernel, and nothing
 * else can be opened once it serves. */
static const SkJailCall calls[] = {
	SK_JAIL_CALL("execve"),	 /* once: our own, into it */
	SK_JAIL_CALL("sendmsg"), /* the listener on its way to us */
	SK_JAIL_CALL("arch_prctl"),
	SK_JAIL_CALL("set_tid_address"),
	SK_JAIL_CALL("set_robust_list"),
	SK_JAIL_CALL("rseq"),
	SK_JAIL_CALL("prlimit64"), /* start of the C library */
	SK_JAIL_CALL("pread64"),
	SK_JAIL_CALL("readv"),
	SK_JAIL_CALL("writev"),
	SK_JAIL_CALL("poll"),
	SK_JAIL_CALL("ppoll"),
	SK_JAIL_CALL("ioctl"), /* of the device: size, geometry; without capabilities none that changes it */
	SK_JAIL_CALL("getuid"),
	SK_JAIL_CALL("geteuid"),
	SK_JAIL_CALL("getgid"),
	SK_JAIL_CALL("getegid"),
	SK_JAIL_CALL("getresuid"),
	SK_JAIL_CALL("getresgid"),
	SK_JAIL_CALL("setresuid"),
	SK_JAIL_CALL("setresgid"), /* to what it is already */
	SK_JAIL_CALL("umask"),
	SK_JAIL_CALL("getcwd"),
	SK_JAIL_CALL("chdir"),
	SK_JAIL_CALL("fchdir"),
	SK_JAIL_CALL("readlink"),
	SK_JAIL_CALL("readlinkat"),
	SK_JAIL_CALL("statfs"),
	SK_JAIL_CALL("getdents64"),
	{.name = NULL},
};

static const char *const asked[] = {"openat", "access", "faccessat", "faccessat2", "mount", NULL};

static int send_fd(int socket_fd, int fd)
{
	char byte = 0;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int receive_fd(int socket_fd)
{
	char byte;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t n = TEMP_FAILURE_RETRY(recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC));
	struct cmsghdr *header = n == 1 ? CMSG_FIRSTHDR(&message) : NULL;
	int fd;

	if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/*
 * Named streams are left out: they would be further contents behind one file, with one verdict for all.
 * `ignore_case` is not given, so that two names never mean one file in one place and two in another.
 */
static int format_options(const MediaNtfs *ntfs, char *options, size_t size)
{
	return sk_str_format(options, size,
		       "ro,no_detach,allow_other,default_permissions,noatime,uid=%u,gid=%u,fmask=0337,dmask="
		       "0227,"
		       "streams_interface=none,no_def_opts,silent",
		       (unsigned)ntfs->owner.uid, (unsigned)ntfs->owner.gid)
		       ? 0
		       : -ENAMETOOLONG;
}

_Noreturn static void run_program(const MediaNtfs *ntfs, int socket_fd)
{
	char options[256];
	const char *const arguments[] = {"ntfs-3g", ntfs->source, "/", "-o", options, NULL};
	const char *const environment[] = {"LC_ALL=C.UTF-8", "PATH=/usr/bin", NULL};
	int listener = -1;

	own_fd int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Nothing is left to it, not even messages: they hold text of the medium as it stands there. The
	 * socket ends with the program's start. */
	for (int fd = 0; fd < 3; fd++)
		if (dup2(nothing, fd) != fd)
			_exit(120);
	if (dup2(socket_fd, 3) != 3 || fcntl(3, F_SETFD, FD_CLOEXEC) < 0 || close_range(4, ~0u, 0) < 0)
		_exit(120);
	if (format_options(ntfs, options, sizeof(options)) < 0 || sk_ask_apply(calls, asked, &listener) < 0 ||
		send_fd(3, listener) < 0)
		_exit(120);
	close(listener);
	execve(PROGRAM, (char *const *)arguments, (char *const *)environment);
	_exit(errno == ENOENT ? 127 : 126);
}

static int answer_open(const MediaNtfs *ntfs, int fuse_fd, int listener, const SkAsk *ask)
{
	char path[256];

	/* What else it opens, it opens with its own rights, which are nobody's. */
	if (sk_ask_read_text(listener, ask, ask->arguments[1], path, sizeof(path)) < 0)
		return sk_ask_continue(listener, ask);
	if (sk_str_eq(path, ntfs->source))
		return sk_ask_give_fd(listener, ask, ntfs->device_fd);
	if (sk_str_eq(path, "/dev/fuse"))
		return sk_ask_give_fd(listener, ask, fuse_fd);
	return sk_ask_continue(listener, ask);
}

/* Return: 1 it has mounted (so it believes) and serves; 0 more questions; negative errno. */
static int answer(const MediaNtfs *ntfs, int fuse_fd, int listener)
{
	SkAsk ask;
	int r = sk_ask_receive(listener, asked, &ask);

	if (r < 0)
		return r;
	if (sk_str_eq(ask.name, "openat"))
		r = answer_open(ntfs, fuse_fd, listener, &ask);
	else
		r = sk_ask_answer(listener, &ask, 0); /* may it write to the mount point? it never will */
	if (r < 0)
		return r;
	return sk_str_eq(ask.name, "mount");
}

/* ntfs-3g tells by its exit status: 12 no NTFS, 13 inconsistent, 14 hibernated, 15 in use by Windows, 16
 * volume is locked, 17 RAID, 18 unknown version. */
static int explain(pid_t pid)
{
	int status = 0;

	if (TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)) < 0)
		return -errno;
	if (!WIFEXITED(status))
		return -EUCLEAN;
	if (WEXITSTATUS(status) == 127)
		return -ENOSYS;
	return WEXITSTATUS(status) >= 12 && WEXITSTATUS(status) <= 18 ? -EUCLEAN : -EIO;
}

/* The listener alone does not tell of the program's end before somebody has waited for it (Linux 6.1). */
static int answer_until_mounted(const MediaNtfs *ntfs, int fuse_fd, int listener, pid_t pid)
{
	own_fd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd waiting[2] = {{.fd = listener, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
	int r = pidfd < 0 ? -errno : 0;

	while (r == 0) {
		int n = poll(waiting, SK_ARRAY_SIZE(waiting), START_SECONDS * 1000);

		if (n == 0)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && (waiting[0].revents & POLLIN))
			r = answer(ntfs, fuse_fd, listener);
		else if (n > 0)
			return -ECHILD;
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}

int media_ntfs_serve(const MediaNtfs *ntfs, int fuse_fd)
{
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	own_fd int here = sockets[0], there = sockets[1];
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_program(ntfs, there);
	close(own_take_fd(&there));
	own_fd int listener = receive_fd(here);

	if (listener < 0)
		return explain(pid);
	int r = answer_until_mounted(ntfs, fuse_fd, listener, pid);

	if (r == 1)
		return 0;
	if (r == -ECHILD)
		return explain(pid);
	kill(pid, SIGKILL);
	return r;
}
