/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/places.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/xattr.h>

#include "agent/media/alias.h"
#include "agent/media/newmount.h"
#include "agent/media/target.h"
#include "agent/media/utab.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

typedef struct Look {
	const char *base, *user;
	MediaPlaceFound found;
	void *userdata;
} Look;

typedef void (*EachName)(int dir_fd, const char *name, void *userdata);

static void dir_close(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static void each_name(int dir_fd, EachName each, void *userdata)
{
	const struct dirent *entry;
	own_fd int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_(dir_close) DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (!dir)
		return;
	copy = -1;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			each(dir_fd, entry->d_name, userdata);
}

static bool has_mark(int point_fd)
{
	char mark[2];

	return fgetxattr(point_fd, MEDIA_MARK, mark, sizeof(mark)) == 1;
}

/* Of the directory that the mount covers. Where there are no such attributes the list of mounts has to do. */
static bool is_marked_beneath(int user_fd, const char *name)
{
	own_fd int plain = media_clone_mount(user_fd);
	own_fd int point =
		plain < 0 ? -1 : openat(plain, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return point >= 0 && (has_mark(point) || errno == ENOTSUP);
}

static void look_at_place(int user_fd, const char *name, void *userdata)
{
	const Look *look = userdata;
	char path[512];

	media_target_uncover(user_fd, name);
	if (media_target_check(user_fd, name) == 0 && is_marked_beneath(user_fd, name) &&
		sk_str_format(path, sizeof(path), "%s/%s/%s", look->base, look->user, name))
		look->found(look->userdata, path);
}

static void look_at_user(int base_fd, const char *name, void *userdata)
{
	Look *look = userdata;
	own_fd int user_fd = media_user_open(base_fd, name);

	if (user_fd < 0)
		return;
	look->user = name;
	each_name(user_fd, look_at_place, look);
}

void media_places_list(int base_fd, const char *base, MediaPlaceFound found, void *userdata)
{
	Look look = {.base = base, .found = found, .userdata = userdata};

	each_name(base_fd, look_at_user, &look);
}

typedef struct Closing {
	int base_fd, n_left;
	const char *base;
} Closing;

static void close_place(void *userdata, const char *path)
{
	Closing *closing = userdata;
	int r = media_target_detach(closing->base_fd, closing->base, path, true);

	sk_log(r < 0 ? LOG_ERR : LOG_INFO, "%s: %s", path, r < 0 ? strerror(-r) : "unmounted");
	closing->n_left += r < 0;
}

int media_places_close(int base_fd, const char *base)
{
	Closing closing = {.base_fd = base_fd, .base = base};

	media_places_list(base_fd, base, close_place, &closing);
	return closing.n_left;
}

/* What is mounted is asked of the list of mounts first: a medium that does not answer would hold us up here.
 */
static void sweep_place(int user_fd, const char *name, void *userdata)
{
	if (media_target_check(user_fd, name) != -ENOENT)
		return;
	own_fd int point = openat(user_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	const Look *look = userdata;
	char path[512];

	if (point < 0 || !has_mark(point))
		return;
	if (sk_str_format(path, sizeof(path), "%s/%s/%s", look->base, look->user, name))
		media_utab_remove(path);
	media_alias_remove(user_fd, name);
	(void)unlinkat(user_fd, name, AT_REMOVEDIR);
}

static void sweep_user(int base_fd, const char *name, void *userdata)
{
	Look *look = userdata;
	own_fd int user_fd = media_user_open(base_fd, name);

	if (user_fd < 0)
		return;
	look->user = name;
	each_name(user_fd, sweep_place, look);
}

void media_places_sweep(int base_fd, const char *base)
{
	Look look = {.base = base};

	each_name(base_fd, sweep_user, &look);
}
