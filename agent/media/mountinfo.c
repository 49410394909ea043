/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/mountinfo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

static int read_mount_id(int fd, int *ret_id)
{
	char path[64], line[128];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	own_file FILE *file = fopen(path, "re");

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "mnt_id: %d", ret_id) == 1)
			return 0;
	return -ENOENT;
}

/* Is the word in a list separated by commas? */
static bool has_option(const char *options, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = options; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, size) == 0 && (at[size] == ',' || at[size] == 0))
			return true;
	}
	return false;
}

/* What can be written to is behind a mapping, and of the one type that is in there. */
static bool is_ours(const char *options, const char *type, const char *source)
{
	static const char *const wanted[] = {"nosuid", "nodev", "noexec"};
	static const char *const types[] = {
		"vfat", "exfat", "ext4", "iso9660", "udf", "ntfs3", "fuse.ntfs", "overlay", "tmpfs"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(wanted); i++)
		if (!has_option(options, wanted[i]))
			return false;
	if (!has_option(options, "ro"))
		return sk_str_eq(type, "exfat") && sk_str_starts(source, "/dev/dm-");
	for (size_t i = 0; i < SK_ARRAY_SIZE(types); i++)
		if (sk_str_eq(types[i], type))
			return true;
	return false;
}

/* "36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw": blanks in paths are escaped. */
static int parse_line(const char *line, MediaMountInfo *info)
{
	char options[256], type[64];
	const char *dash = strstr(line, " - ");

	if (!dash || sscanf(line, "%d %d %*s %*s %*s %255s", &info->id, &info->parent, options) != 3 ||
		sscanf(dash + 3, "%63s %63s", type, info->source) != 2)
		return -EINVAL;
	info->ours = is_ours(options, type, info->source);
	return 0;
}

/* Blanks, line feeds and backslashes of a path are three octal digits behind a backslash. */
static bool unescape(const char *text, size_t length, char *path, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned value = (unsigned char)text[i];

		if (n + 1 >= size)
			return false;
		if (text[i] == '\\' && i + 3 < length && sscanf(text + i + 1, "%3o", &value) == 1)
			i += 3;
		path[n++] = (char)value;
	}
	path[n] = 0;
	return true;
}

int media_mountinfo_child(int parent, char *path, size_t size)
{
	own_free char *line = NULL;
	size_t line_size = 0;
	own_file FILE *file = fopen("/proc/self/mountinfo", "re");

	if (!file)
		return -errno;
	while (getline(&line, &line_size, file) > 0) {
		int on = 0, at = 0, end = 0;

		if (sscanf(line, "%*d %d %*s %*s %n%*s%n", &on, &at, &end) == 1 && end > at && on == parent)
			return unescape(line + at, (size_t)(end - at), path, size) ? 0 : -ENAMETOOLONG;
	}
	return -ENOENT;
}

int media_mountinfo_read(int fd, MediaMountInfo *ret_info)
{
	own_free char *line = NULL;
	size_t size = 0;
	int id = 0, r = read_mount_id(fd, &id);

	if (r < 0)
		return r;
	own_file FILE *file = fopen("/proc/self/mountinfo", "re");

	if (!file)
		return -errno;
	while (getline(&line, &size, file) > 0) {
		MediaMountInfo info;

		if (parse_line(line, &info) == 0 && info.id == id) {
			*ret_info = info;
			return 0;
		}
	}
	return -ENOENT;
}
