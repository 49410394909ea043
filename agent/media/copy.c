/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/media/newmount.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#define TEXT(key_, value_)                                                                                   \
	{                                                                                                    \
		MEDIA_OPTION_TEXT, key_, value_, false                                                       \
	}
#define END                                                                                                  \
	{                                                                                                    \
		MEDIA_OPTION_END, NULL, NULL, false                                                          \
	}

#define PIECE (1u << 20)

typedef struct Copying {
	uint64_t bytes_left;
	unsigned entries_left;
	MediaDetail *detail;
} Copying;

static void dir_close(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int fail(Copying *copying, const char *name, int error)
{
	if (copying->detail->text[0] == 0)
		sk_utf8_escape(copying->detail->text, sizeof(copying->detail->text), name, strlen(name));
	return error;
}

static int copy_bytes(Copying *copying, int from, int to)
{
	for (;;) {
		ssize_t n = sendfile(to, from, NULL, PIECE);

		if (n == 0)
			return 0;
		if (n < 0)
			return errno == ENOSPC ? -EFBIG : -errno;
		if ((uint64_t)n > copying->bytes_left)
			return -EFBIG;
		copying->bytes_left -= (uint64_t)n;
	}
}

/* mode: what the copy gets when it is complete. */
static int finish(int fd, const struct stat *st, mode_t mode)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (futimens(fd, times) < 0 || fchmod(fd, mode) < 0)
		return -errno;
	return 0;
}

static int copy_file(Copying *copying, int from, int to_dir, const char *name, const struct stat *st)
{
	own_fd int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = to < 0 ? -errno : copy_bytes(copying, from, to);

	return r < 0 ? r : finish(to, st, 0440);
}

static int copy_tree(Copying *copying, int from, int to, unsigned depth);

static int copy_directory(Copying *copying, int from, int to_dir, const char *name, unsigned depth)
{
	struct stat st;

	if (mkdirat(to_dir, name, 0700) < 0)
		return -errno;
	own_fd int to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (to < 0 || fstat(from, &st) < 0)
		return -errno;
	int r = copy_tree(copying, from, to, depth + 1);

	return r < 0 ? r : finish(to, &st, 0550);
}

/* A damaged directory may hold names that no program could have made. */
static bool is_name(const char *name)
{
	size_t size = strlen(name);

	return size > 0 && size <= NAME_MAX && !strchr(name, '/') && !sk_str_eq(name, ".") &&
	       !sk_str_eq(name, "..");
}

static int copy_entry(Copying *copying, int from_dir, int to_dir, const char *name, unsigned depth)
{
	struct stat st;
	/* O_NONBLOCK: a FIFO must not hold us up before we know that it is one. */
	own_fd int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	/* Symbolic links, sockets, devices, and what the session user may not read on the medium either. */
	if (from < 0 && (errno == ELOOP || errno == ENXIO || errno == EACCES))
		return 0;
	if (from < 0 || fstat(from, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return depth < MEDIA_COPY_DEPTH_MAX ? copy_directory(copying, from, to_dir, name, depth)
						    : -EFBIG;
	return S_ISREG(st.st_mode) ? copy_file(copying, from, to_dir, name, &st) : 0;
}

static int copy_tree(Copying *copying, int from, int to, unsigned depth)
{
	const struct dirent *entry;
	own_fd int copy = fcntl(from, F_DUPFD_CLOEXEC, 3);
	own_(dir_close) DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (!dir)
		return -errno;
	copy = -1; /* the stream's */
	while (errno = 0, (entry = readdir(dir)) != NULL) {
		if (sk_str_eq(entry->d_name, ".") || sk_str_eq(entry->d_name, ".."))
			continue;
		if (!is_name(entry->d_name))
			return fail(copying, entry->d_name, -EUCLEAN);
		if (copying->entries_left-- == 0)
			return -EFBIG;
		int r = copy_entry(copying, from, to, entry->d_name, depth);

		if (r < 0)
			return fail(copying, entry->d_name, r);
	}
	return -errno;
}

/* Writable until it is filled; a few kilobytes more than copy_max for directories and partly filled pages
 * would be guesswork, so pages are counted by the kernel and bytes by us: whichever ends first. */
static int new_memory(const MediaCopyOrder *order, MediaDetail *detail)
{
	char size[32], inodes[16];

	snprintf(size, sizeof(size), "%" PRIu64, order->copy_max);
	snprintf(inodes, sizeof(inodes), "%d", MEDIA_COPY_FILES_MAX + 1);
	const MediaOption options[] = {{MEDIA_OPTION_UID, "uid", NULL, false},
		{MEDIA_OPTION_GID, "gid", NULL, false}, TEXT("mode", "0700"), TEXT("size", size),
		TEXT("nr_inodes", inodes), END};

	return media_mount_new(&(MediaMountOrder){.type = "tmpfs",
				       .source = "sekisho",
				       .options = options,
				       .owner = order->owner,
				       .writable = true},
		MEDIA_ATTR_COMMON, detail);
}

static int fill(const MediaCopyOrder *order, int mount_fd, MediaDetail *detail)
{
	Copying copying = {
		.bytes_left = order->copy_max, .entries_left = MEDIA_COPY_FILES_MAX, .detail = detail};
	own_fd int to = media_root_open(mount_fd);
	struct stat st;

	if (to < 0)
		return to;
	setfsgid(order->owner.gid);
	setfsuid(order->owner.uid);
	/* They cannot fail visibly, but the second call tells. */
	if (setfsuid((uid_t)-1) != (int)order->owner.uid || setfsgid((gid_t)-1) != (int)order->owner.gid)
		return -EPERM;
	if (fstat(order->source_root, &st) < 0)
		return -errno;
	int r = copy_tree(&copying, order->source_root, to, 0);

	if (r == 0)
		r = finish(to, &st, 0550);
	setfsuid(0);
	setfsgid(0);
	return r;
}

int media_copy(const MediaCopyOrder *order, MediaDetail *detail)
{
	own_fd int mount_fd = order->copy_max == 0 ? -EFBIG : new_memory(order, detail);

	if (mount_fd < 0)
		return mount_fd;
	int r = fill(order, mount_fd, detail);

	if (r == 0)
		r = media_mount_freeze(mount_fd);
	return r < 0 ? r : own_take_fd(&mount_fd);
}
