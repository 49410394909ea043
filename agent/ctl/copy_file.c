/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/ctl/copy_inside.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

int copy_open(int root_fd, const char *path, uint64_t flags)
{
	const uint64_t waits_for_nobody = flags & O_PATH ? 0 : O_NOCTTY | O_NONBLOCK;
	const struct open_how how = {.flags = flags | waits_for_nobody | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
	long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

bool copy_is_loss(int error)
{
	return error == -EIO || error == -ENODEV || error == -ENXIO || error == -ESTALE || error == -EROFS ||
	       error == -ENOSPC || error == -EDQUOT || error == -ENOMEM || error == -EMFILE;
}

/* A regular file, that nobody exchanged since it was listed. */
static int open_regular(int root_fd, const char *path)
{
	own_fd int fd = copy_open(root_fd, path, O_RDONLY);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? own_take_fd(&fd) : -EEXIST;
}

int copy_look(const Copy *copy, uint64_t *ret_size)
{
	own_fd int fd = copy_open(copy->order->to_fd, copy->path, O_PATH);
	struct stat st;

	/* A link, or a file where a folder must be. */
	if (fd < 0)
		return fd == -ELOOP || fd == -ENOTDIR || fd == -EXDEV ? -EEXIST : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EEXIST;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

/* As the medium has it, not as it was kept in memory when it was written. */
static int hash(Copy *copy, int fd, uint8_t digest[SK_SHA256_SIZE])
{
	SkSha256 state;
	ssize_t n;

	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	sk_sha256_init(&state);
	while ((n = sk_io_read_up_to(fd, copy->piece, COPY_PIECE_SIZE)) > 0) {
		sk_sha256_update(&state, copy->piece, (size_t)n);
		copy_tell_progress(copy, (uint64_t)n / 2);
	}
	sk_sha256_final(&state, digest);
	return n < 0 ? (int)n : 0;
}

/* Return: 0 and whether they are; -ENODATA FROM cannot be read; other negative errno: of TO. */
static int is_same(Copy *copy, int from_fd, bool *ret_same)
{
	uint8_t here[SK_SHA256_SIZE], there[SK_SHA256_SIZE];
	own_fd int to_fd = open_regular(copy->order->to_fd, copy->path);

	if (to_fd < 0)
		return to_fd;
	if (hash(copy, from_fd, here) < 0)
		return -ENODATA;
	int r = hash(copy, to_fd, there);

	if (r == 0)
		*ret_same = memcmp(here, there, sizeof(here)) == 0;
	return r;
}

int copy_compare(Copy *copy)
{
	own_fd int from_fd = open_regular(copy->order->from_fd, copy->path);
	bool same = false;

	if (from_fd < 0) {
		copy_tell(copy, COPY_UNREADABLE, from_fd);
		return 0;
	}
	int r = is_same(copy, from_fd, &same);

	if (r == 0 && same) {
		copy->result->same.files++;
		copy->result->same.bytes += (uint64_t)lseek(from_fd, 0, SEEK_END);
	} else if (copy_is_loss(r)) {
		return r;
	} else {
		copy_tell(copy,
			r == -ENODATA		      ? COPY_UNREADABLE
			: r == 0		      ? COPY_CHANGED
			: r == -ENOENT		      ? COPY_MISSING
			: r == -EEXIST || r == -ELOOP ? COPY_OTHER
						      : COPY_FAILED,
			r);
	}
	return 0;
}

/* The folder on TO in which the path is, and its last word. */
static int open_parent(const Copy *copy, const char **ret_name)
{
	const char *slash = strrchr(copy->path, '/');
	char parent[COPY_PATH_MAX];

	*ret_name = slash ? slash + 1 : copy->path;
	if (!slash)
		return copy_open(copy->order->to_fd, ".", O_RDONLY | O_DIRECTORY);
	sk_str_format(parent, sizeof(parent), "%.*s", (int)(slash - copy->path), copy->path);
	return copy_open(copy->order->to_fd, parent, O_RDONLY | O_DIRECTORY);
}

/* What is wrong with the name or the file is told; what is wrong with TO ends the copy. */
static int tell_or_end(Copy *copy, int error)
{
	if (error == 0 || copy_is_loss(error) || error == -EACCES || error == -EPERM)
		return error;
	/* Its folder could not be made, which was told; the comparison tells of the file. */
	if (error == -ENOENT)
		return 0;
	copy_tell(copy,
		error == -EINVAL || error == -EILSEQ || error == -ENAMETOOLONG ? COPY_NO_NAME
		: error == -EFBIG					       ? COPY_TOO_LARGE
		: error == -EEXIST || error == -ENOTDIR || error == -EISDIR    ? COPY_OTHER
		: error == -ENODATA					       ? COPY_UNREADABLE
									       : COPY_FAILED,
		error);
	return 0;
}

int copy_folder(Copy *copy)
{
	const char *name;
	own_fd int parent = open_parent(copy, &name);

	if (parent < 0)
		return tell_or_end(copy, parent);
	if (mkdirat(parent, name, 0700) == 0)
		return 0;
	own_fd int there = errno == EEXIST ? copy_open(parent, name, O_RDONLY | O_DIRECTORY) : -errno;

	return there < 0 ? tell_or_end(copy, there) : 0;
}

/* Return: 0; -ENODATA FROM cannot be read; other negative errno: of TO. */
static int write_content(Copy *copy, int from_fd, int part_fd)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
	struct stat st;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = sk_io_read_up_to(from_fd, copy->piece, COPY_PIECE_SIZE)) != 0) {
		if (n < 0)
			return -ENODATA;
		r = sk_io_write_all(part_fd, copy->piece, (size_t)n);
		copy->result->copied.bytes += (uint64_t)n;
		copy_tell_progress(copy, (uint64_t)n);
	}
	if (r < 0)
		return r;
	if (fstat(from_fd, &st) < 0)
		return -ENODATA;
	times[1] = st.st_mtim;
	/* A file system that cannot have the time has the file. */
	(void)futimens(part_fd, times);
	return fsync(part_fd) < 0 ? -errno : 0;
}

static int write_file(Copy *copy, int from_fd)
{
	int to_fd = copy->order->to_fd;
	const char *name;
	own_fd int parent = open_parent(copy, &name);

	if (parent < 0)
		return parent;
	(void)unlinkat(to_fd, COPY_PART_NAME, 0);
	int part_fd =
		openat(to_fd, COPY_PART_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (part_fd < 0)
		return -errno;
	int r = write_content(copy, from_fd, part_fd);

	if (close(part_fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat2(to_fd, COPY_PART_NAME, parent, name,
			      copy->order->replace ? 0 : RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(to_fd, COPY_PART_NAME, 0);
	else
		copy->result->copied.files++;
	return r;
}

/* One that has its name and its size is whole; whether it is the same is compared at the end, or now where it
 * would be replaced. */
int copy_file(Copy *copy)
{
	own_fd int from_fd = open_regular(copy->order->from_fd, copy->path);
	uint64_t size = 0;
	bool same = true;
	struct stat st;

	if (from_fd < 0 || fstat(from_fd, &st) < 0)
		return tell_or_end(copy, -ENODATA);
	int r = copy_look(copy, &size);

	if (r == -ENOENT)
		return tell_or_end(copy, write_file(copy, from_fd));
	if (r < 0)
		return tell_or_end(copy, r);
	if (size != (uint64_t)st.st_size)
		same = false;
	else if (copy->order->replace)
		r = is_same(copy, from_fd, &same);
	if (r < 0 && !copy_is_loss(r))
		copy_tell(copy, COPY_FAILED, r);
	if (r < 0 || same)
		return copy_is_loss(r) ? r : 0;
	if (!copy->order->replace)
		return tell_or_end(copy, -EEXIST);
	if (lseek(from_fd, 0, SEEK_SET) < 0)
		return -errno;
	return tell_or_end(copy, write_file(copy, from_fd));
}
