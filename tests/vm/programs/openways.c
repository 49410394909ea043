/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * openways: every way in which a user's program can try to get at the bytes of a file. For the scenarios,
 * which copy it into the guest and run it there as the person at the desk.
 *
 * usage: openways WAY[,WAY...] <list        list: one path a line
 *
 * Prints one line for each way and path, "WAY<tab>RESULT<tab>PATH". RESULT is "read" when at least one byte
 * came out (execve: when it started), "empty" when the file was readable and had none, otherwise the name of
 * the error.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each way returns the number of bytes it got (at most one read's worth), or negative errno. */
typedef long (*Way)(const char *path);

static char bytes[4096];

static long take(int fd)
{
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, bytes, sizeof(bytes));
	n = n < 0 ? -errno : n;
	close(fd);
	return n;
}

static long by_open(const char *path)
{
	return take(open(path, O_RDONLY));
}

static long by_openat2(const char *path)
{
	struct open_how how = {.flags = O_RDONLY};

	return take((int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
}

static long by_write(const char *path)
{
	return take(open(path, O_RDWR));
}

static long by_mmap(const char *path)
{
	int fd = open(path, O_RDONLY);
	const volatile char *map;

	if (fd < 0)
		return -errno;
	map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return -errno;
	bytes[0] = map[0];
	munmap((void *)map, 4096);
	return 1;
}

static long by_sendfile(const char *path)
{
	int from = open(path, O_RDONLY), to;
	long n;

	if (from < 0)
		return -errno;
	to = memfd_create("copy", 0);
	n = sendfile(to, from, NULL, sizeof(bytes));
	n = n < 0 ? -errno : n;
	close(from);
	close(to);
	return n;
}

/* The kernel opens for us, from a ring: no open() of ours is ever made. */
static long by_io_uring(const char *path)
{
	struct io_uring_params params = {0};
	int ring = (int)syscall(SYS_io_uring_setup, 1, &params);
	size_t sq_size = params.sq_off.array + params.sq_entries * sizeof(uint32_t);
	size_t cq_size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	struct io_uring_sqe *entry;
	struct io_uring_cqe *done;
	char *sq, *cq;
	long result;

	if (ring < 0)
		return -errno;
	sq = mmap(NULL, sq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, cq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	entry = mmap(NULL, params.sq_entries * sizeof(*entry), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || entry == MAP_FAILED)
		return -errno;
	*entry = (struct io_uring_sqe){
		.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)path, .open_flags = O_RDONLY};
	*(uint32_t *)(sq + params.sq_off.array) = 0;
	__atomic_store_n((uint32_t *)(sq + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	done = (struct io_uring_cqe *)(cq + params.cq_off.cqes);
	result = done->res < 0 ? done->res : take(done->res);
	close(ring);
	return result;
}

static long by_execve(const char *path)
{
	int tell[2], error = 0;
	pid_t child;

	if (pipe2(tell, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child == 0) {
		execve(path, (char *[]){(char *)path, NULL}, (char *[]){NULL});
		error = errno;
		_exit(write(tell[1], &error, sizeof(error)) < 0);
	}
	close(tell[1]);
	error = read(tell[0], &error, sizeof(error)) == sizeof(error) ? error : 0;
	close(tell[0]);
	waitpid(child, NULL, 0);
	return error ? -error : 1;
}

/* O_PATH asks nobody; opening what it stands for does. */
static long by_path(const char *path)
{
	char link[64];
	int fd = open(path, O_PATH);
	long n;

	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = take(open(link, O_RDONLY));
	close(fd);
	return n;
}

static long by_handle(const char *path)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = {.handle = {.handle_bytes = MAX_HANDLE_SZ}};
	int mount_id, folder;
	char *slash = strdup(path);
	long n;

	if (name_to_handle_at(AT_FDCWD, path, &u.handle, &mount_id, 0) < 0)
		return -errno;
	*strrchr(slash, '/') = 0;
	folder = open(slash, O_RDONLY | O_DIRECTORY);
	n = take(open_by_handle_at(folder, &u.handle, O_RDONLY));
	close(folder);
	free(slash);
	return n;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int r = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

/* Root of namespaces of our own. */
static int become_root(void)
{
	char map[64];
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -errno;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (write_text("/proc/self/setgroups", "deny") < 0 || write_text("/proc/self/uid_map", map) < 0)
		return -errno;
	snprintf(map, sizeof(map), "0 %u 1", gid);
	if (write_text("/proc/self/gid_map", map) < 0)
		return -errno;
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

/* In a child, because namespaces cannot be left again. */
static long in_namespace(const char *path, long (*inside)(const char *path))
{
	long result = -ECHILD;
	int tell[2];
	pid_t child;

	if (pipe(tell) < 0)
		return -errno;
	child = fork();
	if (child == 0) {
		long n = become_root();

		n = n < 0 ? n : inside(path);
		_exit(write(tell[1], &n, sizeof(n)) < 0);
	}
	close(tell[1]);
	if (read(tell[0], &result, sizeof(result)) != sizeof(result))
		result = -ECHILD;
	close(tell[0]);
	waitpid(child, NULL, 0);
	return result;
}

/* The mount that holds the path: /media/USER/LABEL. */
static char *medium_of(const char *path)
{
	char *medium = strdup(path);
	char *p = medium;

	for (int i = 0; i < 4 && p; i++)
		p = strchr(p + (i > 0), '/');
	if (p)
		*p = 0;
	return medium;
}

static long bind_inside(const char *path)
{
	char target[4096], *medium = medium_of(path);

	/* Rights to what is mounted come with it only in one piece. */
	if (mount("tmpfs", "/mnt", "tmpfs", 0, NULL) < 0 || mkdir("/mnt/m", 0700) < 0 ||
		mount(medium, "/mnt/m", NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	snprintf(target, sizeof(target), "/mnt/m%s", path + strlen(medium));
	return by_open(target);
}

static long by_bind(const char *path)
{
	return in_namespace(path, bind_inside);
}

/* An overlay opens the files of its lower layer with the kernel's hand: those opens ask no gate. */
static long overlay_inside(const char *path)
{
	char options[4096], target[4096], *medium = medium_of(path);

	if (mount("tmpfs", "/mnt", "tmpfs", 0, NULL) < 0 || mkdir("/mnt/m", 0700) < 0 ||
		mkdir("/mnt/up", 0700) < 0 || mkdir("/mnt/work", 0700) < 0)
		return -errno;
	snprintf(
		options, sizeof(options), "lowerdir=%s,upperdir=/mnt/up,workdir=/mnt/work,userxattr", medium);
	if (mount("overlay", "/mnt/m", "overlay", 0, options) < 0)
		return -errno;
	snprintf(target, sizeof(target), "/mnt/m%s", path + strlen(medium));
	return by_open(target);
}

static long by_overlay(const char *path)
{
	return in_namespace(path, overlay_inside);
}

static const struct {
	const char *name;
	Way way;
} ways[] = {
	{"open", by_open},
	{"openat2", by_openat2},
	{"write", by_write},
	{"mmap", by_mmap},
	{"sendfile", by_sendfile},
	{"io_uring", by_io_uring},
	{"execve", by_execve},
	{"path", by_path},
	{"handle", by_handle},
	{"bind", by_bind},
	{"overlay", by_overlay},
};

static void try_way(const char *name, const char *path)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (strcmp(ways[i].name, name) == 0) {
			long n = ways[i].way(path);

			printf("%s\t%s\t%s\n", name,
				n > 0	 ? "read"
				: n == 0 ? "empty"
					 : strerrorname_np((int)-n),
				path);
			fflush(stdout);
			return;
		}
	fprintf(stderr, "openways: no way is named %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	char path[4096];

	if (argc != 2) {
		fprintf(stderr, "usage: openways WAY[,WAY...] <list\n");
		return 2;
	}
	while (fgets(path, sizeof(path), stdin)) {
		char *names = strdup(argv[1]);

		path[strcspn(path, "\n")] = 0;
		for (char *name = strtok(names, ","); name; name = strtok(NULL, ","))
			try_way(name, path);
		free(names);
	}
	return 0;
}
