/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Files beneath the root of a Posture, where links end too. Whatever lies there: nothing is waited for, and
 * no more is read than a check asked for.
 */
#include <dirent.h>
#include <stddef.h>
#include <sys/stat.h>

#include "agent/posture/posture.h"

/* path: absolute. A regular file (also of sysfs and procfs), for reading. Return: a descriptor or negative
 * errno; -ENOENT, -ENOTDIR: it is not there; -EINVAL it is something else. */
int file_open(const Posture *posture, const char *path);

/*
 * The whole of it, in memory that the caller frees. Text ends at its first 0 for most of us, so 0 bytes
 * become
 * '?'; a 0 is appended. Return: 0; -EFBIG larger than max; as file_open().
 */
int file_read(const Posture *posture, const char *path, size_t max, char **ret_text, size_t *ret_size);
int file_read_fd(int fd, size_t max, char **ret_text, size_t *ret_size);

/* One line without its end and blanks around it, for attributes of sysfs. Return: as file_read(). */
int file_read_word(const Posture *posture, const char *path, char *word, size_t size);

/* What is at the path itself (a link is not followed). Return: 0 or negative errno. */
int file_stat(const Posture *posture, const char *path, struct stat *ret_stat);
bool file_exists(const Posture *posture, const char *path);

/* The next line of a text that file_read() gave, terminated in place; NULL: the end. */
char *file_next_line(char **text);

/* The next word, ended by blanks; NULL: there is none. */
char *file_next_word(char **text);

/*
 * Calls back for the names in a directory, . and .. aside, until one returns not 0, at most FILE_NAMES_MAX of
 * them. Return: what it returned; 0; -E2BIG there are more; negative errno.
 */
#define FILE_NAMES_MAX 65536
typedef int (*FileEach)(void *userdata, const char *name);
int file_each(const Posture *posture, const char *path, FileEach each, void *userdata);

static inline void file_closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}
#define own_dir __attribute__((cleanup(file_closedirp)))
