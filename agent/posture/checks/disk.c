/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is what holds data encrypted: the file systems at / and /home, and swap? Looked at from the top: a device
 * is encrypted when it is a mapping of dm-crypt, or all that lies beneath it is (LVM or RAID on LUKS).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/posture/checks/checks.h"
#include "agent/posture/files.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define FILE_MAX (1u << 20)
#define DEPTH_MAX 8
#define DEVICE_SIZE 32
#define PATH_SIZE 512

typedef enum Cover {
	COVER_NONE = 0, /* nothing seen so far */
	COVER_CRYPT,
	COVER_MEMORY,
	COVER_OPEN,
	COVER_UNKNOWN,
} Cover;

typedef struct Mount {
	char device[DEVICE_SIZE]; /* MAJOR:MINOR */
	char type[32];
	char source[PATH_SIZE];
} Mount;

/* What libcryptsetup sets up that hides data; verity and integrity do not. */
static bool is_crypt(const char *uuid)
{
	static const char *const kinds[] = {
		"LUKS1-", "LUKS2-", "PLAIN-", "LOOPAES-", "TCRYPT-", "BITLK-", "FVAULT2-"};

	if (!sk_str_starts(uuid, "CRYPT-"))
		return false;
	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++)
		if (sk_str_starts(uuid + strlen("CRYPT-"), kinds[i]))
			return true;
	return false;
}

typedef struct Slaves {
	const Posture *posture;
	unsigned depth;
	Cover cover;
} Slaves;

static Cover cover_of_device(const Posture *posture, const char *device, unsigned depth);

/* The weakest of those beneath decides. */
static int add_slave(void *userdata, const char *name)
{
	Slaves *slaves = userdata;
	char path[PATH_SIZE], device[DEVICE_SIZE];
	Cover cover = COVER_UNKNOWN;

	if (sk_str_format(path, sizeof(path), "/sys/class/block/%s/dev", name) &&
		file_read_word(slaves->posture, path, device, sizeof(device)) == 0)
		cover = cover_of_device(slaves->posture, device, slaves->depth + 1);
	if (cover > slaves->cover)
		slaves->cover = cover;
	return 0;
}

static Cover cover_of_device(const Posture *posture, const char *device, unsigned depth)
{
	Slaves slaves = {.posture = posture, .depth = depth};
	char path[PATH_SIZE], uuid[256] = "";

	if (depth > DEPTH_MAX || strspn(device, "0123456789:") != strlen(device))
		return COVER_UNKNOWN;
	sk_str_format(path, sizeof(path), "/sys/dev/block/%s/dm/uuid", device);
	if (file_read_word(posture, path, uuid, sizeof(uuid)) == 0 && is_crypt(uuid))
		return COVER_CRYPT;
	sk_str_format(path, sizeof(path), "/sys/dev/block/%s/slaves", device);
	file_each(posture, path, add_slave, &slaves);
	if (slaves.cover == COVER_NONE) {
		/* A partition stands on what its whole disk stands on: partitions of a RAID. */
		sk_str_format(path, sizeof(path), "/sys/dev/block/%s/../slaves", device);
		file_each(posture, path, add_slave, &slaves);
	}
	if (slaves.cover != COVER_NONE)
		return slaves.cover;
	sk_str_format(path, sizeof(path), "/sys/dev/block/%s", device);
	return file_exists(posture, path) ? COVER_OPEN : COVER_UNKNOWN;
}

/* \040 and the like, as the kernel writes blanks in paths. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in;) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' &&
			in[3] >= '0' && in[3] <= '7') {
			*out++ = (char)((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0'));
			in += 4;
		} else {
			*out++ = *in++;
		}
	}
	*out = 0;
}

typedef struct Mapping {
	const Posture *posture;
	const char *name;
	char device[DEVICE_SIZE];
} Mapping;

static int match_mapping(void *userdata, const char *sysname)
{
	Mapping *mapping = userdata;
	char path[PATH_SIZE], name[256];

	if (!sk_str_starts(sysname, "dm-") ||
		!sk_str_format(path, sizeof(path), "/sys/class/block/%s/dm/name", sysname) ||
		file_read_word(mapping->posture, path, name, sizeof(name)) < 0 ||
		!sk_str_eq(name, mapping->name))
		return 0;
	sk_str_format(path, sizeof(path), "/sys/class/block/%s/dev", sysname);
	return file_read_word(mapping->posture, path, mapping->device, sizeof(mapping->device)) == 0;
}

/* /dev/sda2, /dev/mapper/NAME */
static Cover cover_of_node(const Posture *posture, const char *node)
{
	Mapping mapping = {.posture = posture};
	char path[PATH_SIZE];

	if (!sk_str_starts(node, "/dev/"))
		return COVER_UNKNOWN;
	mapping.name = strrchr(node, '/') + 1;
	if (sk_str_starts(mapping.name, "zram"))
		return COVER_MEMORY;
	if (sk_str_starts(node, "/dev/mapper/"))
		file_each(posture, "/sys/class/block", match_mapping, &mapping);
	else if (sk_str_format(path, sizeof(path), "/sys/class/block/%s/dev", mapping.name))
		file_read_word(posture, path, mapping.device, sizeof(mapping.device));
	return mapping.device[0] ? cover_of_device(posture, mapping.device, 0) : COVER_UNKNOWN;
}

/* Fields of a line of mountinfo; the text is cut up. */
static bool parse_mount(char *line, char **ret_place, Mount *ret_mount)
{
	char *fields[6], *word = NULL;

	for (size_t i = 0; i < SK_ARRAY_SIZE(fields); i++)
		if (!(fields[i] = file_next_word(&line)))
			return false;
	do
		word = file_next_word(&line);
	while (word && !sk_str_eq(word, "-"));
	word = word ? file_next_word(&line) : NULL;
	if (!word || !sk_str_copy(ret_mount->type, sizeof(ret_mount->type), word))
		return false;
	word = file_next_word(&line);
	if (!word || !sk_str_copy(ret_mount->source, sizeof(ret_mount->source), word) ||
		!sk_str_copy(ret_mount->device, sizeof(ret_mount->device), fields[2]))
		return false;
	unescape(ret_mount->source);
	unescape(fields[4]);
	*ret_place = fields[4];
	return true;
}

static bool is_beneath(const char *path, const char *place)
{
	size_t size = strlen(place);

	if (sk_str_eq(place, "/"))
		return true;
	return sk_str_starts(path, place) && (path[size] == 0 || path[size] == '/');
}

/* The mount that path is on: the longest place, and of those the last, which hides the others. */
static bool find_mount(const char *mounts, const char *path, Mount *ret_mount)
{
	own_free char *copy = strdup(mounts);
	char *rest = copy, *line, *place;
	size_t longest = 0;
	Mount mount;

	while (rest && (line = file_next_line(&rest)))
		if (parse_mount(line, &place, &mount) && strlen(place) >= longest &&
			is_beneath(path, place)) {
			longest = strlen(place);
			*ret_mount = mount;
		}
	return longest > 0;
}

static Cover cover_of_mount(const Posture *posture, const Mount *mount)
{
	static const char *const memory[] = {"tmpfs", "ramfs", "rootfs"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(memory); i++)
		if (sk_str_eq(mount->type, memory[i]))
			return COVER_MEMORY;
	/* btrfs and others have numbers of their own: their source says where they are. */
	return sk_str_starts(mount->device, "0:") ? cover_of_node(posture, mount->source)
						  : cover_of_device(posture, mount->device, 0);
}

static Cover add(PostureResult *result, const char *what, Cover cover)
{
	static const char *const words[] = {[COVER_CRYPT] = "dm-crypt",
		[COVER_MEMORY] = "memory",
		[COVER_OPEN] = "NOT ENCRYPTED",
		[COVER_UNKNOWN] = "not known"};

	posture_value(result, "%s: %s", what, words[cover]);
	return cover;
}

static Cover look_at_swap(const Posture *posture, const char *mounts, PostureResult *result)
{
	own_free char *text = NULL;
	Cover worst = COVER_NONE, cover;
	char *rest, *line, *path;
	Mount mount;

	if (file_read(posture, "/proc/swaps", FILE_MAX, &text, NULL) < 0)
		return COVER_NONE; /* a kernel without swap */
	rest = text;
	file_next_line(&rest); /* the heading */
	while ((line = file_next_line(&rest)) && (path = file_next_word(&line))) {
		const char *kind = file_next_word(&line);

		unescape(path);
		if (kind && sk_str_eq(kind, "file"))
			cover = find_mount(mounts, path, &mount) ? cover_of_mount(posture, &mount)
								 : COVER_UNKNOWN;
		else
			cover = cover_of_node(posture, path);
		add(result, "swap", cover);
		worst = cover > worst ? cover : worst;
	}
	return worst;
}

static void run(const Posture *posture, PostureResult *result)
{
	static const char *const places[] = {"/", "/home"};
	own_free char *mounts = NULL;
	Cover worst = COVER_NONE, cover;
	Mount mount;

	posture_threshold(result, "/, /home, swap: dm-crypt");
	/* This process has mounts of its own; those of process 1 are the PC's. */
	if (file_read(posture, "/proc/1/mountinfo", FILE_MAX, &mounts, NULL) < 0) {
		posture_judge(result, SK_POSTURE_UNKNOWN, SK_POSTURE_DISK_UNKNOWN);
		return;
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(places); i++) {
		cover = find_mount(mounts, places[i], &mount) ? cover_of_mount(posture, &mount)
							      : COVER_UNKNOWN;
		add(result, places[i], cover);
		worst = cover > worst ? cover : worst;
	}
	cover = look_at_swap(posture, mounts, result);
	worst = cover > worst ? cover : worst;
	if (worst == COVER_UNKNOWN && !strstr(result->value, "NOT ENCRYPTED"))
		posture_judge(result, SK_POSTURE_UNKNOWN, SK_POSTURE_DISK_UNKNOWN);
	else if (worst >= COVER_OPEN)
		posture_judge(result, SK_POSTURE_FAIL, SK_POSTURE_DISK_OPEN);
	else
		posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
}

static const char *const paths[] = {"/proc", "/sys", NULL};

const PostureCheck check_disk = {.id = "disk-encryption", .requirement = "EQP-1", .paths = paths, .run = run};
