/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "agent/core/carry.h"
#include "agent/core/core.h"
#include "agent/core/gates.h"
#include "agent/core/mounting.h"
#include "agent/core/peer_media.h"
#include "agent/core/records.h"
#include "agent/core/retired.h"
#include "agent/core/sign_in.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define BARRIER_USEC 5000000
#define FILE_NAME "volumes.json"
#define FILE_SIZE_MAX 262144

static void format_boot_id(char text[SD_ID128_STRING_MAX])
{
	sd_id128_t id = SD_ID128_NULL;

	sd_id128_get_boot(&id);
	sd_id128_to_string(id, text);
}

static void notify_fd(const char *verb, const char *kind, uint64_t id, int fd)
{
	char state[128];

	sk_str_format(state, sizeof(state), "%s=1\nFDNAME=%s-%llu", verb, kind, (unsigned long long)id);
	/* 0: not under systemd, as in tests. */
	if (sd_pid_notify_with_fds(0, 0, state, &fd, fd >= 0 ? 1 : 0) < 0)
		sk_log(LOG_ERR, "systemd does not keep the gate of volume %llu: a crash would close it",
			(unsigned long long)id);
}

void mounts_store_fds(const Volume *volume, int group_fd)
{
	notify_fd("FDSTORE", "gate", volume->id, group_fd);
	notify_fd("FDSTORE", "root", volume->id, volume->root_fd);
	/* What a process sent just before its end is not stored: systemd cannot tell whose it was. */
	sd_notify_barrier(0, BARRIER_USEC);
}

void mounts_unstore_fds(const Volume *volume)
{
	notify_fd("FDSTOREREMOVE", "gate", volume->id, -1);
	notify_fd("FDSTOREREMOVE", "root", volume->id, -1);
}

static json_t *volume_pack(const Volume *volume)
{
	const SkBlockFacts *facts = volume->facts;
	const MediaDecision *media = &volume->decision.media;
	json_t *object = json_pack("{s:I, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:I, s:i}", "id",
		(json_int_t)volume->id, "sysname", volume->sysname, "disk", volume->disk, "usb", volume->usb,
		"major", (int)volume->major, "minor", (int)volume->minor, "partition", (int)volume->partition,
		"bus", volume->bus, "size", (json_int_t)volume->size, "uid", (int)volume->uid);

	json_object_set_new(object, "path", json_stringn_nocheck(volume->path, strlen(volume->path)));
	json_object_set_new(object, "label", json_stringn_nocheck(facts->label, strlen(facts->label)));
	json_object_set_new(object, "uuid", json_stringn_nocheck(facts->uuid, strlen(facts->uuid)));
	json_object_set_new(object, "type", json_stringn_nocheck(facts->type_name, strlen(facts->type_name)));
	json_object_set_new(object, "content", json_integer(facts->content));
	json_object_set_new(object, "rule", json_string(volume->decision.rule));
	json_object_set_new(object, "scan", json_boolean(media->scan));
	json_object_set_new(object, "import_copy", json_boolean(media->import_copy));
	json_object_set_new(object, "refuse_types", json_integer(media->refuse_types));
	if (volume->medium[0])
		carry_pack(volume, object);
	return object;
}

void mounts_save(Core *core)
{
	own_fd int dir_fd = open(core->settings->agent.state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	json_t *list = json_array();
	char boot[SD_ID128_STRING_MAX];
	own_free char *text = NULL;
	json_t *root;
	int r = -ENOMEM;

	for (const Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->state == VOLUME_MOUNTED)
			json_array_append_new(list, volume_pack(volume));
	format_boot_id(boot);
	root = json_pack("{s:s, s:o}", "boot", boot, "volumes", list);
	text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	if (text)
		r = dir_fd < 0 ? -errno : sk_io_replace_file_at(dir_fd, FILE_NAME, 0640, text, strlen(text));
	if (r < 0)
		sk_log(LOG_ERR, "%s/%s cannot be written (%s): open media would be closed by a crash",
			core->settings->agent.state_directory, FILE_NAME, strerror(-r));
}

/* A descriptor that systemd kept under this name; -1 when there is none. It is taken out of the list. */
static int take_fd(int n, char **names, int *fds, const char *kind, uint64_t id)
{
	char name[64];

	sk_str_format(name, sizeof(name), "%s-%llu", kind, (unsigned long long)id);
	for (int i = 0; i < n; i++)
		if (fds[i] >= 0 && names[i] && sk_str_eq(names[i], name))
			return own_take_fd(&fds[i]);
	return -1;
}

static int unpack_texts(Volume *volume, json_t *object)
{
	const char *disk, *usb, *path, *label, *uuid, *type, *rule;

	if (json_unpack(object, "{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "disk", &disk, "usb", &usb, "path",
		    &path, "label", &label, "uuid", &uuid, "type", &type, "rule", &rule) < 0)
		return -EINVAL;
	sk_str_copy(volume->disk, sizeof(volume->disk), disk);
	sk_str_copy(volume->usb, sizeof(volume->usb), usb);
	sk_str_copy(volume->path, sizeof(volume->path), path);
	sk_str_copy(volume->facts->label, sizeof(volume->facts->label), label);
	sk_str_copy(volume->facts->uuid, sizeof(volume->facts->uuid), uuid);
	sk_str_copy(volume->facts->type_name, sizeof(volume->facts->type_name), type);
	sk_str_copy(volume->decision.rule, sizeof(volume->decision.rule), rule);
	return 0;
}

static int unpack_numbers(Volume *volume, json_t *object)
{
	int major, minor, partition, bus, uid, content, scan, copy, types;
	json_int_t id, size;

	if (json_unpack(object, "{s:I, s:i, s:i, s:i, s:i, s:I, s:i, s:i, s:b, s:b, s:i}", "id", &id, "major",
		    &major, "minor", &minor, "partition", &partition, "bus", &bus, "size", &size, "uid", &uid,
		    "content", &content, "scan", &scan, "import_copy", &copy, "refuse_types", &types) < 0)
		return -EINVAL;
	volume->id = (uint64_t)id;
	volume->major = (uint32_t)major;
	volume->minor = (uint32_t)minor;
	volume->partition = (uint32_t)partition;
	volume->bus = (uint8_t)bus;
	volume->size = (uint64_t)size;
	volume->uid = (uint32_t)uid;
	volume->facts->content = (uint32_t)content;
	volume->decision.media = (MediaDecision){.handling = MEDIA_READ_ONLY,
		.scan = scan,
		.import_copy = copy,
		.refuse_types = (uint32_t)types};
	return bus < SK_BUS_MAX_ ? 0 : -EINVAL;
}

static Volume *volume_unpack(json_t *object)
{
	Volume *volume = calloc(1, sizeof(*volume));
	const char *sysname;

	if (!volume)
		return NULL;
	volume->root_fd = -1;
	volume->facts = calloc(1, sizeof(*volume->facts));
	if (!volume->facts || json_unpack(object, "{s:s}", "sysname", &sysname) < 0 ||
		unpack_numbers(volume, object) < 0 || unpack_texts(volume, object) < 0) {
		free(volume->facts);
		free(volume);
		return NULL;
	}
	sk_str_copy(volume->sysname, sizeof(volume->sysname), sysname);
	volume->state = VOLUME_MOUNTED;
	volume->code = SK_MEDIUM_READ_ONLY;
	if (carry_unpack(volume, object) < 0) {
		free(volume->facts);
		free(volume);
		return NULL;
	}
	volume->medium_present = true;
	volume->walking = true; /* begun again: what is known by hash costs only that */
	return volume;
}

static bool adopt(Core *core, json_t *object, int n, char **names, int *fds)
{
	Volume *volume = volume_unpack(object);
	int group_fd;

	if (!volume)
		return false;
	volume->core = core;
	group_fd = take_fd(n, names, fds, "gate", volume->id);
	volume->root_fd = take_fd(n, names, fds, "root", volume->id);
	if (volume->id > core->last_volume)
		core->last_volume = volume->id;
	HASH_ADD_STR(core->volumes, sysname, volume);
	if (group_fd >= 0 && volume->root_fd >= 0 &&
		gates_open(core, volume, own_take_fd(&group_fd), true) == 0)
		return true;
	if (group_fd >= 0)
		retired_add_group(core, group_fd);
	/* Nobody answers there, or nobody asks any more: it is closed and opened anew. */
	mounting_detach(core, volume);
	free(own_take(volume->facts));
	return false;
}

static json_t *load(Core *core)
{
	own_fd int dir_fd = open(core->settings->agent.state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_free char *text = NULL;
	char boot[SD_ID128_STRING_MAX];
	const char *file_boot;
	json_t *root;

	if (dir_fd < 0 || sk_io_read_file_at(dir_fd, FILE_NAME, FILE_SIZE_MAX, &text, NULL) < 0)
		return NULL;
	root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	format_boot_id(boot);
	if (root && json_unpack(root, "{s:s}", "boot", &file_boot) == 0 && sk_str_eq(file_boot, boot))
		return root;
	json_decref(root);
	return NULL;
}

/* Its mount is still there, it may be, though the list does not say so: the gate denies until it is gone. */
static void take_unknown(Core *core, const char *name, int fd)
{
	unsigned long long id;

	if (sk_str_eq(name, "sign-in")) {
		sign_in_listen(core, fd);
		return;
	}
	if (sscanf(name, "gate-%llu", &id) == 1) {
		retired_add_group(core, fd);
		notify_fd("FDSTOREREMOVE", "gate", id, -1);
		return;
	}
	if (sscanf(name, "root-%llu", &id) == 1)
		notify_fd("FDSTOREREMOVE", "root", id, -1);
	close(fd);
}

int mounts_adopt(Core *core)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names), adopted = 0;
	json_t *root = load(core), *object;
	int fds[64 + 1]; /* what systemd keeps for us, and its socket */
	size_t i;

	n = n < (int)SK_ARRAY_SIZE(fds) ? n : (int)SK_ARRAY_SIZE(fds);
	for (int k = 0; k < n; k++)
		fds[k] = SD_LISTEN_FDS_START + k;
	if (root)
		json_array_foreach (json_object_get(root, "volumes"), i, object)
			adopted += adopt(core, object, n > 0 ? n : 0, names, fds);
	json_decref(root);
	for (int k = 0; k < n; k++)
		if (fds[k] >= 0)
			take_unknown(core, names[k], own_take_fd(&fds[k]));
	media_close_others(core, media_ignore_answer);
	for (int k = 0; names && names[k]; k++)
		free(names[k]);
	free(names);
	return adopted;
}
