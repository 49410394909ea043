/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * File systems as detached mounts: nobody but the holder of the descriptor sees them. Works on what the
 * kernel says of the device; no byte of the medium is read here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Why something went wrong, for people: from the kernel, escaped. */
typedef struct MediaDetail {
	char text[256];
	uint32_t code; /* SkReason why a carry-out medium was refused; 0: none */
} MediaDetail;

/* Who the files of a medium belong to. */
typedef struct MediaOwner {
	uid_t uid; /* the session user */
	gid_t gid; /* the scanner's group: it may read too */
} MediaOwner;

/* One option of a file system, in the order in which they are given. */
typedef enum MediaOptionKind {
	MEDIA_OPTION_END = 0,
	MEDIA_OPTION_FLAG,
	MEDIA_OPTION_TEXT,
	MEDIA_OPTION_UID,
	MEDIA_OPTION_GID,
} MediaOptionKind;

typedef struct MediaOption {
	MediaOptionKind kind;
	const char *key, *value;
	bool optional; /* left out at the second try: the kernel may lack what it needs */
} MediaOption;

typedef struct MediaFilesystem {
	uint32_t content; /* SK_CONTENT_* */
	const char *type;
	/* A user may put overlayfs above it and open files past the gate: see stack.h. */
	bool stackable;
	const MediaOption *options;
} MediaFilesystem;

/* NULL: never mounted. NTFS is here for kernels that have a driver of their own; see ntfs.h. */
const MediaFilesystem *media_filesystem_find(uint32_t content);

/*
 * The descriptor is a block device that the kernel will not write to. Return: 0, and the name under which
 * mount tables shall show it; -ENOTBLK; -EPERM it is writable; other negative errno.
 */
int media_device_check(int fd, char *ret_path, size_t size);

/* The name of a block device that is held, which is it as long as it is. Return: 0; -ENOTBLK; other negative
 * errno. */
int media_device_path(int fd, char *ret_path, size_t size);

/*
 * A detached, read-only mount. Return: descriptor (O_PATH); -ENOSYS the kernel lacks the file system;
 * -EUCLEAN it is damaged; other negative errno; detail says what the kernel said.
 */
int media_mount_device(
	const MediaFilesystem *filesystem, const char *source, const MediaOwner *owner, MediaDetail *detail);

/*
 * The same for any type without a device and any options. attributes: MOUNT_ATTR_*. Return: as above.
 */
typedef struct MediaMountOrder {
	const char *type, *source;
	const MediaOption *options;
	MediaOwner owner;
	bool writable;
	bool without_optional;
} MediaMountOrder;
int media_mount_new(const MediaMountOrder *order, unsigned attributes, MediaDetail *detail);

/* Makes the whole file system read-only, whoever else has it mounted. Return: 0 or negative errno. */
int media_mount_freeze(int mount_fd);

/* And writable, when it was mounted by a device that is. */
int media_mount_thaw(int mount_fd);

/* The root of a mount, for openat2() beneath it: O_RDONLY | O_DIRECTORY. Return: descriptor or negative
 * errno. */
int media_root_open(int mount_fd);
