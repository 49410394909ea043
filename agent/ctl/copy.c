/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/ctl/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/ctl/copy_inside.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/slip/name.h"

static void dir_close(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

void copy_tell(Copy *copy, CopyWhat what, int error)
{
	const CopyCalls *calls = &copy->order->calls;
	size_t size = strlen(copy->path) + 1;
	CopyTold *told = NULL;

	HASH_FIND_STR(copy->told, copy->path, told);
	if (told)
		return;
	copy->result->n_found++;
	calls->found(calls->userdata, copy->path, what, error);
	told = malloc(sizeof(*told) + size);
	if (!told)
		return; /* then it may be told again */
	memcpy(told->path, copy->path, size);
	HASH_ADD_STR(copy->told, path, told);
}

void copy_tell_progress(Copy *copy, uint64_t bytes)
{
	const CopyCalls *calls = &copy->order->calls;

	copy->done.bytes += bytes;
	calls->progress(calls->userdata, copy->stage, copy->done.files, copy->done.bytes);
}

/* Also what is still to be written, in the units in which TO gives room. */
static int count_file(Copy *copy, const struct stat *st)
{
	uint64_t size = (uint64_t)st->st_size, there = 0;
	int r = copy_look(copy, &there);

	copy->result->all.files++;
	copy->result->all.bytes += size;
	if (r < 0 || there != size)
		copy->result->room_wanted += (size + copy->unit - 1) / copy->unit * copy->unit;
	return 0;
}

static int do_file(Copy *copy, const struct stat *st)
{
	int r = copy->stage == COPY_COUNTING  ? count_file(copy, st)
		: copy->stage == COPY_COPYING ? copy_file(copy)
					      : copy_compare(copy);

	copy->done.files++;
	copy_tell_progress(copy, 0);
	return r;
}

static int walk(Copy *copy, unsigned depth);

static int do_entry(Copy *copy, int folder_fd, const char *name, unsigned depth)
{
	struct stat st;
	int r = 0;

	if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		copy_tell(copy, COPY_UNREADABLE, -errno);
		return 0;
	}
	if (S_ISREG(st.st_mode))
		return do_file(copy, &st);
	if (!S_ISDIR(st.st_mode) || depth >= COPY_DEPTH_MAX) {
		copy_tell(copy, COPY_LEFT_OUT, 0);
		return 0;
	}
	if (copy->stage == COPY_COPYING)
		r = copy_folder(copy);
	return r < 0 ? r : walk(copy, depth + 1);
}

/* The slip of the one medium is not the other's, and what an earlier copy left is nothing. */
static bool is_own(const char *name, unsigned depth)
{
	return depth == 0 && (sk_str_eq(name, SK_SLIP_FOLDER) || sk_str_eq(name, COPY_PART_NAME));
}

/* Of the folder that copy->path names; it is the same again afterwards. */
static int walk(Copy *copy, unsigned depth)
{
	size_t size = strlen(copy->path);
	int fd = copy_open(copy->order->from_fd, size ? copy->path : ".", O_RDONLY | O_DIRECTORY);
	own_(dir_close) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry = NULL;
	int r = 0;

	if (!dir) {
		r = fd < 0 ? fd : -errno;
		if (fd >= 0)
			close(fd);
		if (depth == 0)
			return -EIO; /* the medium is gone */
		copy_tell(copy, COPY_UNREADABLE, r);
		return 0;
	}
	while (r == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;

		if (sk_str_eq(name, ".") || sk_str_eq(name, "..") || is_own(name, depth))
			continue;
		if (!sk_str_format(copy->path + size, COPY_PATH_MAX - size, "%s%s", size ? "/" : "", name)) {
			copy->path[size] = 0;
			copy_tell(copy, COPY_LEFT_OUT, -ENAMETOOLONG);
			continue;
		}
		r = do_entry(copy, dirfd(dir), name, depth);
		copy->path[size] = 0;
	}
	if (r == 0 && errno != 0)
		copy_tell(copy, COPY_UNREADABLE, -errno);
	return r;
}

static int run_stage(Copy *copy, CopyStage stage)
{
	copy->stage = stage;
	copy->done = (CopyCount){0};
	copy->path[0] = 0;
	return walk(copy, 0);
}

static int check_room(Copy *copy)
{
	struct statvfs fs;

	if (fstatvfs(copy->order->to_fd, &fs) < 0)
		return -errno;
	copy->result->room_free = (uint64_t)fs.f_bavail * fs.f_frsize;
	return copy->result->room_wanted > copy->result->room_free ? -ENOSPC : 0;
}

/* Two media; TO ours alone, and what a cut left there removed. */
static int begin(Copy *copy)
{
	const CopyOrder *order = copy->order;
	struct stat from, to;
	struct statvfs fs;

	if (fstat(order->from_fd, &from) < 0 || fstat(order->to_fd, &to) < 0 ||
		fstatvfs(order->to_fd, &fs) < 0)
		return -errno;
	if (from.st_dev == to.st_dev)
		return -EXDEV;
	if (fs.f_flag & ST_RDONLY)
		return -EROFS;
	if (flock(order->to_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (unlinkat(order->to_fd, COPY_PART_NAME, 0) < 0 && errno != ENOENT)
		return -errno;
	copy->unit = fs.f_frsize ? fs.f_frsize : 1;
	copy->piece = malloc(COPY_PIECE_SIZE);
	return copy->piece ? 0 : -ENOMEM;
}

int copy_run(const CopyOrder *order, CopyResult *ret_result)
{
	Copy copy = {.order = order, .result = ret_result};
	CopyTold *told, *next;

	*ret_result = (CopyResult){0};
	int r = begin(&copy);

	if (r == 0)
		r = run_stage(&copy, COPY_COUNTING);
	if (r == 0)
		r = check_room(&copy);
	if (r == 0)
		r = run_stage(&copy, COPY_COPYING);
	if (r == 0 && syncfs(order->to_fd) < 0)
		r = -errno;
	if (r == 0)
		r = run_stage(&copy, COPY_COMPARING);
	HASH_ITER (hh, copy.told, told, next) {
		HASH_DEL(copy.told, told);
		free(told);
	}
	free(copy.piece);
	return r;
}
