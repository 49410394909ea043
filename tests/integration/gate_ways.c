/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/integration/gate_ways.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/media/newmount.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

/* Every file of the test begins with this. */
#define CONTENT "exit 0"

static int is_content(const char *bytes, ssize_t n)
{
	if (n < 0)
		return errno;
	return n >= (ssize_t)strlen(CONTENT) && memcmp(bytes, CONTENT, strlen(CONTENT)) == 0 ? WAY_CONTENT
											     : EBADMSG;
}

static int read_fd(int fd)
{
	char bytes[16];

	return fd < 0 ? errno : is_content(bytes, read(fd, bytes, sizeof(bytes)));
}

static int try_open(const char *file)
{
	own_fd int fd = open(file, O_RDONLY | O_CLOEXEC);

	return read_fd(fd);
}

static int try_hard_link(const char *file)
{
	char link[64];

	sk_str_format(link, sizeof(link), "%s-link", file);
	return try_open(link);
}

static int try_symbolic_link(const char *file)
{
	char link[64];

	sk_str_format(link, sizeof(link), "%s-symlink", file);
	return try_open(link);
}

static int try_openat2(const char *file)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
	own_fd int fd = (int)syscall(SYS_openat2, AT_FDCWD, file, &how, sizeof(how));

	return read_fd(fd);
}

static int try_other_flags(const char *file)
{
	own_fd int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);

	return read_fd(fd);
}

static int try_reopen_of_path_descriptor(const char *file)
{
	char link[64];
	own_fd int path = open(file, O_PATH | O_CLOEXEC);

	if (path < 0)
		return errno;
	sk_str_format(link, sizeof(link), "/proc/self/fd/%d", path);
	return try_open(link);
}

static int try_read_of_path_descriptor(const char *file)
{
	own_fd int path = open(file, O_PATH | O_CLOEXEC);

	return read_fd(path);
}

static int try_mmap(const char *file)
{
	own_fd int fd = open(file, O_RDONLY | O_CLOEXEC);
	const char *bytes = fd < 0 ? MAP_FAILED : mmap(NULL, 6, PROT_READ, MAP_PRIVATE, fd, 0);

	return bytes == MAP_FAILED ? errno : is_content(bytes, 6);
}

static int try_mmap_of_path_descriptor(const char *file)
{
	own_fd int fd = open(file, O_PATH | O_CLOEXEC);
	const char *bytes = fd < 0 ? MAP_FAILED : mmap(NULL, 6, PROT_READ, MAP_PRIVATE, fd, 0);

	return bytes == MAP_FAILED ? errno : is_content(bytes, 6);
}

/* From a descriptor into a pipe and out again. */
static int through_pipe(int fd, ssize_t (*move)(int from, int to))
{
	int ends[2];

	if (fd < 0 || pipe(ends) < 0)
		return errno;
	ssize_t n = move(fd, ends[1]);

	return n < 0 ? errno : read_fd(ends[0]);
}

static ssize_t move_by_sendfile(int from, int to)
{
	return sendfile(to, from, NULL, 6);
}

static ssize_t move_by_splice(int from, int to)
{
	return splice(from, NULL, to, NULL, 6, 0);
}

static int try_sendfile(const char *file)
{
	own_fd int fd = open(file, O_RDONLY | O_CLOEXEC);

	return through_pipe(fd, move_by_sendfile);
}

static int try_splice(const char *file)
{
	own_fd int fd = open(file, O_RDONLY | O_CLOEXEC);

	return through_pipe(fd, move_by_splice);
}

static int try_splice_of_path_descriptor(const char *file)
{
	own_fd int fd = open(file, O_PATH | O_CLOEXEC);

	return through_pipe(fd, move_by_splice);
}

/* One request through a ring without a library: the kernel opens in our name, or in a thread of its own. */
static int open_by_ring(const char *file, unsigned char flags)
{
	struct io_uring_params params = {0};
	own_fd int ring = (int)syscall(SYS_io_uring_setup, 2, &params);

	if (ring < 0)
		return -errno;
	char *sq = mmap(NULL, params.sq_off.array + params.sq_entries * 4, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	char *cq = mmap(NULL, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_CQ_RING);
	struct io_uring_sqe *entries = mmap(NULL, params.sq_entries * sizeof(*entries),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);

	if (sq == MAP_FAILED || cq == MAP_FAILED || entries == MAP_FAILED)
		return -errno;
	entries[0] = (struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
		.flags = flags,
		.fd = AT_FDCWD,
		.addr = (uintptr_t)file,
		.open_flags = O_RDONLY};
	((unsigned *)(sq + params.sq_off.array))[0] = 0;
	atomic_store((atomic_uint *)(sq + params.sq_off.tail), 1);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	return ((struct io_uring_cqe *)(cq + params.cq_off.cqes))[0].res;
}

static int try_ring(const char *file)
{
	int r = open_by_ring(file, 0);
	own_fd int fd = r;

	return r < 0 ? -r : read_fd(fd);
}

static int try_ring_in_kernel_thread(const char *file)
{
	int r = open_by_ring(file, IOSQE_ASYNC);
	own_fd int fd = r;

	return r < 0 ? -r : read_fd(fd);
}

static int try_handle(const char *file)
{
	struct {
		alignas(struct file_handle) char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} space = {0};
	struct file_handle *handle = (struct file_handle *)space.bytes;
	own_fd int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int mount_id;

	handle->handle_bytes = MAX_HANDLE_SZ;
	if (here < 0 || name_to_handle_at(AT_FDCWD, file, handle, &mount_id, 0) < 0)
		return errno;
	own_fd int fd = open_by_handle_at(here, handle, O_RDONLY | O_CLOEXEC);

	return read_fd(fd);
}

/* Runs a program; its success is the content's. */
static int run(const char *const *arguments)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		own_fd int nothing = open("/dev/null", O_WRONLY);

		dup2(nothing, 2);
		execv(arguments[0], (char *const *)arguments);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static int try_execve(const char *file)
{
	char path[64];

	sk_str_format(path, sizeof(path), "./%s", file);
	return run((const char *const[]){path, NULL});
}

static int try_execveat_of_path_descriptor(const char *file)
{
	own_fd int fd = open(file, O_PATH | O_CLOEXEC);
	char *const none[] = {NULL};

	if (fd < 0)
		return errno;
	syscall(SYS_execveat, fd, "", none, none, AT_EMPTY_PATH);
	return errno;
}

static int try_interpreter(const char *file)
{
	return run((const char *const[]){"/bin/sh", file, NULL});
}

static int enter_namespaces(int more)
{
	char users[32], groups[32];

	/* Who changed its user is not dumpable, and its files in /proc are root's. */
	prctl(PR_SET_DUMPABLE, 1);
	snprintf(users, sizeof(users), "0 %u 1", (unsigned)geteuid());
	snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | more) < 0)
		return errno;
	if (sk_io_write_attr_at(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 ||
		sk_io_write_attr_at(AT_FDCWD, "/proc/self/uid_map", users) < 0 ||
		sk_io_write_attr_at(AT_FDCWD, "/proc/self/gid_map", groups) < 0)
		return EPERM;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? errno : 0;
}

int gate_ways_namespaces(const char *file)
{
	return enter_namespaces(0);
}

static int try_user_namespace(const char *file)
{
	int error = enter_namespaces(0);

	return error ? error : try_open(file);
}

static int try_pid_namespace(const char *file)
{
	int status = 0, error = enter_namespaces(CLONE_NEWPID);

	if (error)
		return error;
	pid_t pid = fork();

	if (pid == 0)
		_exit(try_open(file));
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

/* A place of one's own for mounts; the working directory stays. */
static int enter_with_place(void)
{
	int error = enter_namespaces(0);

	if (error)
		return error;
	if (mount("place", "/mnt", "tmpfs", 0, NULL) < 0 || mkdir("/mnt/a", 0755) < 0 ||
		mkdir("/mnt/b", 0755) < 0)
		return errno;
	return 0;
}

static int try_bind_mount(const char *file)
{
	char path[64];
	int error = enter_with_place();

	if (error)
		return error;
	if (mount(".", "/mnt/a", NULL, MS_BIND, NULL) < 0)
		return errno;
	sk_str_format(path, sizeof(path), "/mnt/a/%s", file);
	return try_open(path);
}

static int try_detached_clone(const char *file)
{
	int error = enter_with_place();
	own_fd int tree = error ? -1 : (int)syscall(SYS_open_tree, AT_FDCWD, ".", OPEN_TREE_CLONE);

	if (tree < 0)
		return error ? error : errno;
	own_fd int fd = openat(tree, file, O_RDONLY | O_CLOEXEC);

	return read_fd(fd);
}

static int try_overlay(const char *file)
{
	char path[64];
	int error = enter_with_place();

	if (error)
		return error;
	if (mount("over", "/mnt/b", "overlay", 0, "lowerdir=.:/mnt/a") < 0)
		return errno;
	sk_str_format(path, sizeof(path), "/mnt/b/%s", file);
	return try_open(path);
}

const Way gate_ways[] = {
	{"open", try_open, WAY_CONTENT, EPERM},
	{"hard link", try_hard_link, WAY_CONTENT, EPERM},
	{"symbolic link", try_symbolic_link, ELOOP, ELOOP},
	{"openat2", try_openat2, WAY_CONTENT, EPERM},
	{"open with other flags", try_other_flags, WAY_CONTENT, EPERM},
	{"O_PATH, then /proc/self/fd", try_reopen_of_path_descriptor, WAY_CONTENT, EPERM},
	{"O_PATH, then read", try_read_of_path_descriptor, EBADF, EBADF},
	{"mmap", try_mmap, WAY_CONTENT, EPERM},
	{"O_PATH, then mmap", try_mmap_of_path_descriptor, EBADF, EBADF},
	{"sendfile", try_sendfile, WAY_CONTENT, EPERM},
	{"splice", try_splice, WAY_CONTENT, EPERM},
	{"O_PATH, then splice", try_splice_of_path_descriptor, EBADF, EBADF},
	{"io_uring", try_ring, WAY_CONTENT, EPERM},
	{"io_uring, kernel thread", try_ring_in_kernel_thread, WAY_CONTENT, EPERM},
	{"file handle", try_handle, WAY_ANY_ERROR, WAY_ANY_ERROR},
	{"execve", try_execve, EACCES, WAY_ANY_ERROR},
	{"O_PATH, then execveat", try_execveat_of_path_descriptor, EACCES, WAY_ANY_ERROR},
	{"sh FILE", try_interpreter, WAY_CONTENT, WAY_ANY_ERROR},
	{"user namespace", try_user_namespace, WAY_CONTENT, EPERM, .needs_namespace = true},
	{"process namespace", try_pid_namespace, WAY_CONTENT, EPERM, .needs_namespace = true},
	{"bind mount", try_bind_mount, WAY_CONTENT, EPERM, .needs_namespace = true},
	{"open_tree clone", try_detached_clone, WAY_CONTENT, EPERM, .needs_namespace = true},
	{"overlayfs", try_overlay, WAY_ANY_ERROR, WAY_ANY_ERROR, .needs_namespace = true},
};

const size_t n_gate_ways = SK_ARRAY_SIZE(gate_ways);
