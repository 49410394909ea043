/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

#define ENTRIES_SIZE 32768u

typedef struct Folder {
	struct Folder *prev, *next;
	unsigned depth;
	char path[]; /* below the root; "" is the root itself */
} Folder;

/* What getdents64(2) writes. */
typedef struct Entry {
	uint64_t ino;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
} Entry;

struct Walk {
	int root_fd;
	WalkKnown known;
	Folder *waiting;
	size_t n_waiting, n_read;
	uint64_t passed_over;
	Folder *folder; /* being read */
	int folder_fd;
	size_t filled, at;
	char path[SK_PATH_SIZE];
	alignas(8) char entries[ENTRIES_SIZE];
};

static int open_beneath(int dir_fd, const char *path, uint64_t flags)
{
	const struct open_how how = {
		.flags = flags | O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
	long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* The medium is gone or broken as a whole, not one name on it. */
static bool is_loss(int error)
{
	return error == -EIO || error == -ENODEV || error == -ENXIO || error == -ENOMEDIUM ||
	       error == -ESTALE || error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

static int add_folder(Walk *walk, const char *path, unsigned depth)
{
	size_t size = strlen(path) + 1;
	Folder *folder;

	if (depth > WALK_DEPTH_MAX || walk->n_waiting >= WALK_FOLDERS_KEPT_MAX) {
		walk->passed_over++;
		return 0;
	}
	folder = malloc(sizeof(*folder) + size);
	if (!folder)
		return -ENOMEM;
	memcpy(folder->path, path, size);
	folder->depth = depth;
	DL_APPEND(walk->waiting, folder);
	walk->n_waiting++;
	return 0;
}

Walk *walk_new(int root_fd, const WalkKnown *known)
{
	Walk *walk = calloc(1, sizeof(*walk));

	if (!walk)
		return NULL;
	walk->root_fd = root_fd;
	if (known)
		walk->known = *known;
	walk->folder_fd = -1;
	return add_folder(walk, "", 0) < 0 ? walk_free(walk) : walk;
}

static void end_folder(Walk *walk)
{
	if (walk->folder_fd >= 0)
		close(walk->folder_fd);
	walk->folder_fd = -1;
	free(walk->folder);
	walk->folder = NULL;
	walk->filled = walk->at = 0;
}

Walk *walk_free(Walk *walk)
{
	Folder *folder, *next;

	if (!walk)
		return NULL;
	end_folder(walk);
	DL_FOREACH_SAFE(walk->waiting, folder, next)
	{
		DL_DELETE(walk->waiting, folder);
		free(folder);
	}
	free(walk);
	return NULL;
}

/* Return: 1; 0 when no folder is left; negative errno when the medium is lost. */
static int begin_folder(Walk *walk)
{
	while (walk->waiting && walk->n_read < WALK_FOLDERS_READ_MAX) {
		Folder *folder = walk->waiting;
		int fd;

		DL_DELETE(walk->waiting, folder);
		walk->n_waiting--;
		walk->n_read++;
		fd = open_beneath(walk->root_fd, folder->path[0] ? folder->path : ".", O_DIRECTORY);
		if (fd >= 0) {
			walk->folder = folder;
			walk->folder_fd = fd;
			return 1;
		}
		/* Without its root nothing was walked: that is no clean medium. */
		bool lost = is_loss(fd) || folder->path[0] == 0;

		free(folder);
		if (lost)
			return fd;
		walk->passed_over++;
	}
	walk->passed_over += walk->n_waiting;
	return 0;
}

static int fill(Walk *walk)
{
	long n = syscall(SYS_getdents64, walk->folder_fd, walk->entries, ENTRIES_SIZE);

	walk->at = 0;
	walk->filled = n > 0 ? (size_t)n : 0;
	return n < 0 ? -errno : n > 0;
}

/* The next entry of the folder that is being read. Return: 1, 0 (the folder ends), or negative errno. */
static int next_entry(Walk *walk, const Entry **ret_entry)
{
	const Entry *entry;

	if (walk->at >= walk->filled) {
		int r = fill(walk);

		/* A damaged folder ends here; the others go on. */
		if (r <= 0)
			return is_loss(r) ? r : 0;
	}
	entry = (const Entry *)(walk->entries + walk->at);
	walk->at += entry->size;
	*ret_entry = entry;
	return 1;
}

static bool make_path(Walk *walk, const char *name)
{
	const char *folder = walk->folder->path;

	return sk_str_format(walk->path, sizeof(walk->path), "%s%s%s", folder, folder[0] ? "/" : "", name);
}

static SkFileId file_id(const struct stat *st)
{
	return (SkFileId){.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_nsec = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
		.ctime_nsec = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec};
}

/* Return: 1 a file; 0 pass over; negative errno when the medium is lost. */
static int open_entry(Walk *walk, const Entry *entry, int *ret_fd, SkFileId *ret_file)
{
	own_fd int fd = open_beneath(walk->folder_fd, entry->name, 0);
	struct stat st;

	if (fd < 0 && is_loss(fd))
		return fd;
	if (fd < 0) {
		walk->passed_over++;
		return 0;
	}
	if (fstat(fd, &st) < 0)
		return is_loss(-errno) ? -errno : 0;
	if (S_ISDIR(st.st_mode))
		return add_folder(walk, walk->path, walk->folder->depth + 1);
	if (!S_ISREG(st.st_mode))
		return 0;
	*ret_file = file_id(&st);
	*ret_fd = own_take_fd(&fd);
	return 1;
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(SkFileId));
}

/* Looked at without being opened. Return: 1 it is known, and that is all; 0 it is to be opened; negative
 * errno. */
static int list_entry(const Walk *walk, const Entry *entry, SkFileId *ret_file)
{
	struct stat st;
	SkFileId file;

	if (!walk->known.all && walk->known.n == 0)
		return 0;
	if (fstatat(walk->folder_fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return is_loss(-errno) ? -errno : 0;
	if (!S_ISREG(st.st_mode))
		return 0;
	file = file_id(&st);
	*ret_file = file;
	return walk->known.all ||
	       bsearch(&file, walk->known.files, walk->known.n, sizeof(file), compare_ids) != NULL;
}

static bool is_dot(const char *name)
{
	return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

/* Return: 1 a file; 0 nothing to open; negative errno when the medium is lost. */
static int visit(Walk *walk, const Entry *entry, int *ret_fd, SkFileId *ret_file)
{
	if (is_dot(entry->name) || !make_path(walk, entry->name))
		return 0;
	if (entry->type == DT_DIR && walk->folder->depth == 0 && sk_str_eq(entry->name, "lost+found"))
		return 0; /* the file system's own, for root alone; what is in it is checked if root opens it
			   */
	if (entry->type == DT_DIR)
		return add_folder(walk, walk->path, walk->folder->depth + 1);
	/* Opening a device or a pipe can have effects; a file system that does not tell has the entry looked
	 * at. */
	if (entry->type == DT_UNKNOWN) {
		struct stat st;

		if (fstatat(walk->folder_fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return is_loss(-errno) ? -errno : 0;
		if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
			return 0;
	} else if (entry->type != DT_REG) {
		return 0;
	}
	int r = list_entry(walk, entry, ret_file);

	*ret_fd = -1;
	return r != 0 ? r : open_entry(walk, entry, ret_fd, ret_file);
}

int walk_next(Walk *walk, int *ret_fd, SkFileId *ret_file, const char **ret_path)
{
	for (;;) {
		const Entry *entry;
		int r;

		if (!walk->folder) {
			r = begin_folder(walk);
			if (r <= 0)
				return r;
		}
		r = next_entry(walk, &entry);
		if (r < 0)
			return r;
		if (r == 0) {
			end_folder(walk);
			continue;
		}
		r = visit(walk, entry, ret_fd, ret_file);
		if (r == 1)
			*ret_path = walk->path;
		if (r != 0)
			return r;
	}
}

uint64_t walk_passed_over(const Walk *walk)
{
	return walk->passed_over;
}
