/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "verify/verify.h"

/* More names than any medium has; beyond that nobody waits for an answer. */
#define PATHS_MAX 20000000

/* Step by step and not by openat2(): the PC of the receiver may be an old one. */
int tree_open(int dir_fd, const char *path, int flags)
{
	own_fd int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
	char part[NAME_MAX + 1];

	while (fd >= 0) {
		size_t length = strcspn(path, "/");
		bool last = path[length] == 0;
		int next;

		if (length == 0 || length >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, path, length);
		part[length] = 0;
		next = openat(fd, part,
			(last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
				O_NOCTTY);
		if (next < 0 || last)
			return next < 0 ? -errno : next;
		close(fd);
		fd = next;
		path += length + 1;
	}
	return -errno;
}

static int add(Tree *tree, const char *path)
{
	if (tree->n >= PATHS_MAX)
		return -E2BIG;
	if (tree->n == tree->room) {
		size_t room = tree->room ? 2 * tree->room : 1024;
		char **paths = realloc(tree->paths, room * sizeof(*paths));

		if (!paths)
			return -ENOMEM;
		tree->paths = paths;
		tree->room = room;
	}
	tree->paths[tree->n] = strdup(path);
	return tree->paths[tree->n] ? (tree->n++, 0) : -ENOMEM;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Its files into tree, its folders into folders. */
static int read_folder(int dir_fd, const char *folder, Tree *tree, Tree *folders)
{
	int fd = folder[0] ? tree_open(dir_fd, folder, O_RDONLY | O_DIRECTORY)
			   : openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_(close_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	char path[SK_SLIP_PATH_MAX + 1];
	int r = 0;

	if (!dir)
		return fd < 0 ? (folder[0] ? fd : -errno) : -errno;
	while (r == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
		struct stat st;

		if (sk_str_eq(entry->d_name, ".") || sk_str_eq(entry->d_name, ".."))
			continue;
		if (!sk_str_format(path, sizeof(path), "%s%s%s", folder, folder[0] ? "/" : "", entry->d_name))
			return -ENAMETOOLONG;
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		r = add(S_ISDIR(st.st_mode) ? folders : tree, path);
	}
	return r < 0 ? r : -errno;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int tree_read(int dir_fd, Tree *ret_tree)
{
	Tree folders = {.n = 0};
	int r = add(&folders, "");

	for (size_t i = 0; r == 0 && i < folders.n; i++) {
		r = read_folder(dir_fd, folders.paths[i], ret_tree, &folders);
		if (r < 0 && r != -ENOMEM && r != -E2BIG && i > 0) {
			/* The others are still worth looking at. */
			ret_tree->failed = true;
			r = add(ret_tree, folders.paths[i]);
		}
	}
	tree_free(&folders);
	if (ret_tree->n > 1)
		qsort(ret_tree->paths, ret_tree->n, sizeof(*ret_tree->paths), compare_paths);
	return r;
}

void tree_free(Tree *tree)
{
	for (size_t i = 0; i < tree->n; i++)
		free(tree->paths[i]);
	free(tree->paths);
	*tree = (Tree){.n = 0};
}
