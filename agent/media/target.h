/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Where people see a medium: /media/USER/LABEL. Every directory here belongs to root; the one of a user can
 * be entered by that user alone (an access control list, as udisks does it).
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Room for a label made safe: a name of a file. */
#define MEDIA_NAME_SIZE 256

/* An attribute of our mount points, which only CAP_SYS_ADMIN can set. */
#define MEDIA_MARK "trusted.sekisho.media"

/* How often a label may be there at the same time. */
#define MEDIA_SAME_LABEL_MAX 99

/*
 * A name that shows what the label says and cannot lie: no '/', no leading dot, no control or direction
 * characters (escaped), never empty, at most 200 bytes.
 */
void media_name_format(char name[MEDIA_NAME_SIZE], const char *label, size_t size);

/* May this be the name of a user's directory? */
bool media_user_check(const char *user);

/* Opens or makes the directory that holds all of them. Return: descriptor or negative errno. */
int media_base_open(const char *path);

typedef struct MediaTarget {
	int base_fd;
	const char *base;
	const char *user;
	uid_t uid;
	const char *label;
} MediaTarget;

/* Makes the mount point and attaches the mount. Return: 0 and the path, or negative errno and no trace. */
int media_target_attach(const MediaTarget *target, int mount_fd, char *ret_path, size_t size);

/*
 * Takes away what people mounted over or on the mount of ours there (FUSE needs no right but to write to the
 * directory): it would hide ours, and keep it busy.
 */
void media_target_uncover(int user_fd, const char *name);

/*
 * Detaches the mount at a path given by media_target_attach() and removes its directory. Return: 0; -EINVAL
 * not a path of ours; -EPERM not a mount of ours; -ENOENT nothing is mounted there; -EBUSY in use (never with
 * lazy).
 */
int media_target_detach(int base_fd, const char *base, const char *path, bool lazy);

/* The directory of a user beneath the base. Return: descriptor; -EPERM not root's alone; other negative
 * errno. */
int media_user_open(int base_fd, const char *user);

/* Is a mount of ours there? Return: 0; -ENOENT nothing is mounted; -EPERM not ours; other negative errno. */
int media_target_check(int user_fd, const char *name);

/* The user whose directory holds the path, from its access control list. Return: 0 or negative errno. */
int media_target_user(int base_fd, const char *base, const char *path, uid_t *ret_uid);
