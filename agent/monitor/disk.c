/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "agent/monitor/mode.h"
#include "agent/monitor/sysfs.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define CLASS_BLOCK "/sys/class/block"
/* How often the kernel looks whether a medium was put in, where nothing else set it; as udev does. */
#define POLL_MSECS "2000"

static bool node_path(const char *sysname, char *path, size_t size)
{
	if (!sk_str_format(path, size, "/dev/%s", sysname))
		return false;
	/* The kernel's own spelling of a slash in a name. */
	for (char *c = path; (c = strchr(c, '!'));)
		*c = '/';
	return true;
}

static bool is_node(const struct stat *st, dev_t dev)
{
	return dev == 0 ? S_ISCHR(st->st_mode) : S_ISBLK(st->st_mode) && st->st_rdev == dev;
}

int disk_guard_node(const char *sysname, dev_t dev)
{
	char path[SK_SYSNAME_SIZE + 8], self[64];
	own_fd int fd = -1;
	struct stat st;

	if (!mode_is_enforcing())
		return 0;
	if (!node_path(sysname, path, sizeof(path)))
		return -ENAMETOOLONG;
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!is_node(&st, dev))
		return -ENODEV;
	if (st.st_uid == 0 && st.st_gid == 0 && (st.st_mode & 07777) == 0600)
		return 0;
	/* Mode first: from then on the group and any access list are without effect. */
	sk_str_format(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (chmod(self, 0600) < 0 || fchownat(fd, "", 0, 0, AT_EMPTY_PATH) < 0)
		return -errno;
	return 1;
}

/* Without O_NONBLOCK an empty drive cannot be opened and an open tray is pulled in. */
static int open_node(const DiskId *id, int flags, int *ret_fd)
{
	char path[SK_SYSNAME_SIZE + 8];
	own_fd int fd = -1;
	struct stat st;

	if (!node_path(id->sysname, path, sizeof(path)))
		return -ENAMETOOLONG;
	fd = open(path, flags | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENXIO ? -ENODEV : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!is_node(&st, id->dev))
		return -ENODEV;
	*ret_fd = own_take_fd(&fd);
	return 0;
}

static int make_read_only(int fd, bool on)
{
	int wanted = on, now = !on;

	if (ioctl(fd, BLKROSET, &wanted) < 0 || ioctl(fd, BLKROGET, &now) < 0)
		return -errno;
	return !now == !on ? 0 : -EIO;
}

int disk_open(const DiskId *id, bool writable, int *ret_fd)
{
	own_fd int fd = -1;
	int r = open_node(id, O_RDONLY, &fd);

	if (r == 0 && writable)
		r = make_read_only(fd, false);
	else if (r == 0 && mode_is_enforcing() && !id->writable)
		r = make_read_only(fd, true);
	if (r == 0)
		*ret_fd = own_take_fd(&fd);
	return r;
}

int disk_open_burner(const DiskId *id, int *ret_fd)
{
	if (!mode_is_enforcing() || id->bus != SK_BUS_OPTICAL)
		return -EPERM;
	/* Exclusively: what is mounted is not burned. For writing: the kernel then lets commands to write
	 * pass. */
	return open_node(id, O_RDWR | O_EXCL, ret_fd);
}

static void read_medium(const DiskId *id, int fd, DiskMedium *ret_medium)
{
	DiskMedium medium = {0};
	uint64_t size;

	/* An empty optical drive still has the size of its last disc, or a default one. */
	if (id->bus == SK_BUS_OPTICAL && ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT) != CDS_DISC_OK) {
		*ret_medium = medium;
		return;
	}
	if (ioctl(fd, BLKGETSIZE64, &size) == 0 && size > 0) {
		medium.present = true;
		medium.size = size;
	}
	*ret_medium = medium;
}

/* Card readers and trays tell nothing by themselves; where nobody polls, the kernel is asked to. */
static void watch_medium(const char *sysname)
{
	own_fd int fd = -1;
	char events[64], interval[32], usual[32] = "0";

	if (sysfs_open(CLASS_BLOCK, sysname, &fd) < 0 ||
		sysfs_read(fd, "events", events, sizeof(events)) < 0 || !strstr(events, "media_change"))
		return;
	if (sysfs_read(fd, "events_async", events, sizeof(events)) == 0 && strstr(events, "media_change"))
		return;
	if (sysfs_read(fd, "events_poll_msecs", interval, sizeof(interval)) < 0)
		return;
	sysfs_read(AT_FDCWD, "/sys/module/block/parameters/events_dfl_poll_msecs", usual, sizeof(usual));
	if (sk_str_eq(interval, "0") || (sk_str_eq(interval, "-1") && sk_str_eq(usual, "0")))
		sk_io_write_attr_at(fd, "events_poll_msecs", POLL_MSECS);
}

int disk_release(const DiskId *id)
{
	own_fd int fd = -1;
	int off = 0;
	int r = open_node(id, O_RDONLY, &fd);

	if (r < 0)
		return r;
	return ioctl(fd, BLKROSET, &off) < 0 ? -errno : 0;
}

int disk_prepare(const DiskId *id, DiskMedium *ret_medium)
{
	own_fd int fd = -1;
	int r = disk_guard_node(id->sysname, id->dev);

	if (r >= 0)
		r = disk_open(id, false, &fd);
	if (r < 0)
		return r;
	read_medium(id, fd, ret_medium);
	watch_medium(id->sysname);
	return 0;
}
