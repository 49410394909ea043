/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/temporary.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

/* libclamav nests a folder or two for each archive in an archive. */
#define DEPTH_MAX 128

int temporary_new(const char *parent, char *ret_path, size_t size)
{
	if (!sk_str_format(ret_path, size, "%s/sekisho-scanner-XXXXXX", parent))
		return -ENAMETOOLONG;
	return mkdtemp(ret_path) ? 0 : -errno;
}

int temporary_add(const char *folder, unsigned number, char *ret_path, size_t size)
{
	if (!sk_str_format(ret_path, size, "%s/%u", folder, number))
		return -ENAMETOOLONG;
	if (mkdir(ret_path, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	temporary_empty(ret_path);
	return 0;
}

/* A worker that wrote here is not believed: no symbolic link is followed. */
static void empty_at(int dir_fd, const char *name, unsigned depth)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		if (sk_str_eq(entry->d_name, ".") || sk_str_eq(entry->d_name, ".."))
			continue;
		if (unlinkat(fd, entry->d_name, 0) == 0 || depth == 0)
			continue;
		empty_at(fd, entry->d_name, depth - 1);
		unlinkat(fd, entry->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}

void temporary_empty(const char *path)
{
	empty_at(AT_FDCWD, path, DEPTH_MAX);
}

void temporary_remove(const char *path)
{
	temporary_empty(path);
	rmdir(path);
}
