/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/activity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

#define FOLDER "/dev/input"
#define DEVICES_MAX 64
#define NAME_SIZE 32
/* A device fills its room of 64 events (drivers/input/evdev.c) and begins anew: one reading empties it, with
 * room to spare. */
#define EVENTS_MAX 512
/* The first code of what is no key of people: below are letters, digits, function and editing keys; here
 * begin mute and power. */
#define KEYS_END KEY_MUTE

typedef struct Device {
	int fd; /* -1: free */
	char name[NAME_SIZE];
} Device;

struct Activity {
	int dir_fd, watch_fd;
	uint64_t newest;
	Device devices[DEVICES_MAX];
};

static bool has_bit(const unsigned char *bits, unsigned bit)
{
	return (bits[bit / 8] & (1u << (bit % 8))) != 0;
}

/* Something that people touch: neither a power button nor a sensor, which speaks by itself. */
static bool is_touched(int fd)
{
	unsigned char keys[KEY_MAX / 8 + 1] = {0}, moves[REL_MAX / 8 + 1] = {0};
	unsigned char traits[INPUT_PROP_MAX / 8 + 1] = {0};

	(void)ioctl(fd, EVIOCGPROP(sizeof(traits)), traits);
	if (has_bit(traits, INPUT_PROP_ACCELEROMETER))
		return false;
	(void)ioctl(fd, EVIOCGBIT(EV_KEY, sizeof(keys)), keys);
	(void)ioctl(fd, EVIOCGBIT(EV_REL, sizeof(moves)), moves);
	for (unsigned code = KEY_ESC; code < KEYS_END; code++)
		if (has_bit(keys, code))
			return true;
	return has_bit(moves, REL_X) || has_bit(keys, BTN_LEFT) || has_bit(keys, BTN_TOUCH) ||
	       has_bit(keys, BTN_TOOL_PEN);
}

static void add(Activity *activity, const char *name)
{
	int clock = CLOCK_BOOTTIME;
	Device *free_one = NULL;

	if (!sk_str_starts(name, "event") || strlen(name) >= NAME_SIZE)
		return;
	for (Device *device = activity->devices; device < activity->devices + DEVICES_MAX; device++) {
		if (device->fd >= 0 && sk_str_eq(device->name, name))
			return;
		if (device->fd < 0 && !free_one)
			free_one = device;
	}
	own_fd int fd = openat(activity->dir_fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || !free_one || !is_touched(fd) || ioctl(fd, EVIOCSCLOCKID, &clock) < 0)
		return;
	free_one->fd = own_take_fd(&fd);
	sk_str_copy(free_one->name, sizeof(free_one->name), name);
}

static void add_all(Activity *activity)
{
	int fd = openat(activity->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		add(activity, entry->d_name);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

int activity_open(Activity **ret_activity)
{
	Activity *activity = calloc(1, sizeof(*activity));

	if (!activity)
		return -ENOMEM;
	for (int i = 0; i < DEVICES_MAX; i++)
		activity->devices[i].fd = -1;
	activity->dir_fd = open(FOLDER, O_PATH | O_DIRECTORY | O_CLOEXEC);
	activity->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (activity->dir_fd < 0 || activity->watch_fd < 0 ||
		inotify_add_watch(activity->watch_fd, FOLDER, IN_CREATE | IN_ATTRIB) < 0) {
		int r = -errno;

		activity_close(activity);
		return r;
	}
	add_all(activity);
	*ret_activity = activity;
	return 0;
}

Activity *activity_close(Activity *activity)
{
	if (!activity)
		return NULL;
	for (int i = 0; i < DEVICES_MAX; i++)
		if (activity->devices[i].fd >= 0)
			close(activity->devices[i].fd);
	if (activity->watch_fd >= 0)
		close(activity->watch_fd);
	if (activity->dir_fd >= 0)
		close(activity->dir_fd);
	free(activity);
	return NULL;
}

int activity_fd(const Activity *activity)
{
	return activity->watch_fd;
}

static uint64_t time_of(const struct input_event *event)
{
	return (uint64_t)event->input_event_sec * 1000000 + (uint64_t)event->input_event_usec;
}

/* What was pressed is nobody's business here: it is wiped as soon as its time is known. */
static void read_device(Activity *activity, Device *device)
{
	struct input_event events[EVENTS_MAX];
	ssize_t n;

	while ((n = read(device->fd, events, sizeof(events))) >= (ssize_t)sizeof(events[0])) {
		uint64_t at = time_of(&events[(size_t)n / sizeof(events[0]) - 1]);

		if (at > activity->newest)
			activity->newest = at;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		close(device->fd); /* pulled out */
		device->fd = -1;
	}
	explicit_bzero(events, sizeof(events));
}

/* Is there a device that was not there before? Which one does not matter: all are looked at. */
static bool has_changed(Activity *activity)
{
	char text[4096];
	bool changed = false;

	while (read(activity->watch_fd, text, sizeof(text)) > 0)
		changed = true;
	return changed;
}

uint64_t activity_newest(Activity *activity)
{
	if (has_changed(activity))
		add_all(activity);
	for (int i = 0; i < DEVICES_MAX; i++)
		if (activity->devices[i].fd >= 0)
			read_device(activity, &activity->devices[i]);
	return activity->newest;
}
