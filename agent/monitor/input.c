/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/input.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "agent/monitor/input_class.h"
#include "agent/monitor/names.h"
#include "agent/monitor/peer_core.h"
#include "agent/monitor/sysfs.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define CLASS_INPUT "/sys/class/input"
/* KEY_MAX is 767: 12 words of 16 digits and blanks. */
#define BITMAP_SIZE 512

struct Input {
	SkInputAdded told;
	bool seen; /* by the rescan that is going on */
	UT_hash_handle hh;
};

static void read_bitmap(int dir_fd, const char *attribute, char bitmap[BITMAP_SIZE])
{
	if (sysfs_read(dir_fd, attribute, bitmap, BITMAP_SIZE) < 0)
		bitmap[0] = 0;
}

static int read_input(const char *sysname, SkInputAdded *ret_input)
{
	char ev[BITMAP_SIZE], key[BITMAP_SIZE], rel[BITMAP_SIZE], abs[BITMAP_SIZE], path[SYSFS_PATH_SIZE];
	const InputBitmaps bitmaps = {.ev = ev, .key = key, .rel = rel, .abs = abs};
	own_fd int fd = -1;
	int r = sysfs_read_path(CLASS_INPUT, sysname, path);

	if (r == 0)
		r = sysfs_open(CLASS_INPUT, sysname, &fd);
	if (r < 0)
		return r;
	*ret_input = (SkInputAdded){0};
	sk_head_init(&ret_input->head, SK_MONITOR_INPUT_ADDED, sizeof(*ret_input));
	sk_str_copy(ret_input->sysname, sizeof(ret_input->sysname), sysname);
	path_find_usb(path, ret_input->usb);
	/* What a program made (uinput) is nobody's keyboard. */
	if (sk_str_starts(path, "/sys/devices/virtual/input/"))
		return 0;
	read_bitmap(fd, "capabilities/ev", ev);
	read_bitmap(fd, "capabilities/key", key);
	read_bitmap(fd, "capabilities/rel", rel);
	read_bitmap(fd, "capabilities/abs", abs);
	ret_input->keyboard = input_is_keyboard(&bitmaps);
	ret_input->pointer = input_is_pointer(&bitmaps);
	return 0;
}

static void forget(Monitor *monitor, Input *input)
{
	SkInputRemoved removed = {0};

	sk_head_init(&removed.head, SK_MONITOR_INPUT_REMOVED, sizeof(removed));
	memcpy(removed.sysname, input->told.sysname, sizeof(removed.sysname));
	HASH_DEL(monitor->input, input);
	free(input);
	core_tell(monitor, &removed, -1);
}

static Input *find(const Monitor *monitor, const char *sysname)
{
	Input *input;

	HASH_FIND_STR(monitor->input, sysname, input);
	return input;
}

void input_removed(Monitor *monitor, const char *sysname)
{
	Input *input = find(monitor, sysname);

	if (input)
		forget(monitor, input);
}

/* The kernel counts input devices up: a name is never another device later. */
void input_added(Monitor *monitor, const char *sysname, uint64_t usec)
{
	Input *input = find(monitor, sysname);
	SkInputAdded added;

	if (input) {
		input->seen = true;
		return;
	}
	if (!name_is_input(sysname) || read_input(sysname, &added) < 0)
		return;
	input = calloc(1, sizeof(*input));
	if (!input)
		return;
	input->told = added;
	input->seen = true;
	HASH_ADD_KEYPTR(hh, monitor->input, input->told.sysname, strlen(input->told.sysname), input);
	core_tell(monitor, &input->told, -1);
}

void input_rescan(Monitor *monitor)
{
	own_sysfs_names SysfsNames names = {0};
	uint64_t now = monitor_now();
	Input *input, *next;

	if (sysfs_list(CLASS_INPUT, name_is_input, strverscmp, &names) < 0)
		return;
	HASH_ITER (hh, monitor->input, input, next) {
		input->seen = false;
	}
	for (size_t i = 0; i < names.n; i++)
		input_added(monitor, names.names[i], now);
	HASH_ITER (hh, monitor->input, input, next) {
		if (!input->seen)
			forget(monitor, input);
	}
}

void input_tell_all(Monitor *monitor)
{
	for (const Input *input = monitor->input; input; input = input->hh.next)
		core_tell(monitor, &input->told, -1);
}
