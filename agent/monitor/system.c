/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agent/monitor/names.h"
#include "agent/monitor/sysfs.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define BLOCK_BY_NUMBER "/sys/dev/block"
/* A mount table of thousands of containers stays below this. */
#define TABLE_SIZE_MAX (16u << 20)
/* dm on dm on md on partition: deeper stacks do not exist, a circle in a broken sysfs must end. */
#define STACK_DEPTH_MAX 8

/* A name that ends with '/' stands for everything beneath. */
static const char *const system_points[] = {"/", "/usr", "/usr/", "/boot", "/boot/", "/efi", "/var", "/var/",
	"/home", "/home/", "/run/live/", "/run/initramfs/", "/lib/live/", "/cdrom"};

bool mount_point_is_system(const char *point)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(system_points); i++) {
		const char *known = system_points[i];
		size_t length = strlen(known);

		if (sk_str_eq(point, known))
			return true;
		if (length > 1 && known[length - 1] == '/' && sk_str_starts(point, known))
			return true;
	}
	return false;
}

static bool is_octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' && s[2] <= '7';
}

/* Copies one blank-separated field, resolving \ooo. Return: what follows, or NULL when too long. */
static const char *copy_field(const char *s, char *dst, size_t size)
{
	size_t used = 0;

	for (; *s && *s != ' ' && *s != '\n' && *s != '\t'; s++) {
		char c = *s;

		if (c == '\\' && is_octal(s + 1)) {
			c = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		}
		if (used + 1 >= size)
			return NULL;
		dst[used++] = c;
	}
	dst[used] = 0;
	return s;
}

static const char *skip_fields(const char *s, unsigned n)
{
	for (; n > 0; n--) {
		s = strchr(s, ' ');
		if (!s)
			return NULL;
		s++;
	}
	return s;
}

/* "36 35 98:0 /root /point options optional - type source superoptions" */
int mount_line_parse(const char *line, MountLine *ret_mount)
{
	MountLine mount = {0};
	char numbers[32];
	const char *s = skip_fields(line, 2);

	if (!s || !copy_field(s, numbers, sizeof(numbers)) || sysfs_parse_dev(numbers, &mount.dev) < 0)
		return -EINVAL;
	s = skip_fields(s, 2);
	if (!s)
		return -EINVAL;
	if (!copy_field(s, mount.point, sizeof(mount.point)))
		return -ENAMETOOLONG;
	/* The separator of the optional fields; an escaped mount point cannot contain it. */
	s = strstr(s, " - ");
	if (!s)
		return -EINVAL;
	if (!copy_field(s + 3, mount.type, sizeof(mount.type)))
		return -ENAMETOOLONG;
	s = skip_fields(s + 3, 1);
	if (!s)
		return -EINVAL;
	if (!copy_field(s, mount.source, sizeof(mount.source)))
		return -ENAMETOOLONG;
	*ret_mount = mount;
	return 0;
}

bool system_disks_have(const SystemDisks *disks, dev_t dev)
{
	for (size_t i = 0; i < disks->n; i++)
		if (disks->devs[i] == dev)
			return true;
	return false;
}

static int add_dev(SystemDisks *disks, dev_t dev)
{
	dev_t *grown = reallocarray(disks->devs, disks->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	disks->devs = grown;
	disks->devs[disks->n++] = dev;
	return 0;
}

static int add_stack(SystemDisks *disks, dev_t dev, unsigned depth);

static bool accept_block(const char *name)
{
	return name_is_block(name);
}

static int add_slaves(SystemDisks *disks, dev_t dev, unsigned depth)
{
	own_sysfs_names SysfsNames names = {0};
	char path[128];
	int r = 0;

	sk_str_format(path, sizeof(path), BLOCK_BY_NUMBER "/%u:%u/slaves", major(dev), minor(dev));
	if (sysfs_list(path, accept_block, strcmp, &names) < 0)
		return 0; /* partitions have no such directory */
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		own_fd int fd = -1;
		dev_t slave;

		r = sysfs_open(path, names.names[i], &fd);
		if (r == 0)
			r = sysfs_read_dev(fd, "dev", &slave);
		if (r == 0)
			r = add_stack(disks, slave, depth + 1);
	}
	return r;
}

/* A loop device is made of the file system that holds its file. */
static int add_backing_file(SystemDisks *disks, int dir_fd, unsigned depth)
{
	char file[SYSFS_PATH_SIZE];
	struct stat st;

	if (sysfs_read(dir_fd, "loop/backing_file", file, sizeof(file)) < 0 || stat(file, &st) < 0)
		return 0;
	return add_stack(disks, S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev, depth + 1);
}

/* The device, its whole disk, and everything these are made of. */
static int add_stack(SystemDisks *disks, dev_t dev, unsigned depth)
{
	own_fd int fd = -1;
	char name[32];
	dev_t disk;
	int r;

	if (major(dev) == 0 || system_disks_have(disks, dev) || depth > STACK_DEPTH_MAX)
		return 0;
	r = add_dev(disks, dev);
	if (r < 0)
		return r;
	sk_str_format(name, sizeof(name), "%u:%u", major(dev), minor(dev));
	if (sysfs_open(BLOCK_BY_NUMBER, name, &fd) < 0)
		return 0;
	if (faccessat(fd, "partition", F_OK, 0) == 0 && sysfs_read_dev(fd, "../dev", &disk) == 0)
		return add_stack(disks, disk, depth + 1);
	r = add_backing_file(disks, fd, depth);
	return r < 0 ? r : add_slaves(disks, dev, depth);
}

/* A block device, or the file system of a swap file. */
static int add_by_path(SystemDisks *disks, const char *path)
{
	struct stat st;

	if (path[0] != '/' || stat(path, &st) < 0)
		return 0;
	return add_stack(disks, S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev, 0);
}

static int add_mount(SystemDisks *disks, const char *line)
{
	MountLine mount;

	if (mount_line_parse(line, &mount) < 0 || !mount_point_is_system(mount.point))
		return 0;
	if (major(mount.dev) != 0)
		return add_stack(disks, mount.dev, 0);
	/* The source is the mounter's own text, and any user may mount fuse: believed of btrfs only. */
	if (sk_str_eq(mount.type, "btrfs") && sk_str_starts(mount.source, "/dev/"))
		return add_by_path(disks, mount.source);
	return 0;
}

static int add_swap(SystemDisks *disks, const char *line)
{
	char path[SYSFS_PATH_SIZE];

	return copy_field(line, path, sizeof(path)) ? add_by_path(disks, path) : 0;
}

static int for_each_line(
	SystemDisks *disks, const char *text, int (*add)(SystemDisks *disks, const char *line))
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		own_free char *line = sk_str_dup(text, length);
		int r = line ? add(disks, line) : -ENOMEM;

		if (r < 0)
			return r;
		text += length + (text[length] == '\n');
	}
	return 0;
}

int system_disks_collect(const char *mountinfo, const char *swaps, SystemDisks *ret_disks)
{
	own_system_disks SystemDisks disks = {0};
	int r = for_each_line(&disks, mountinfo, add_mount);

	if (r == 0)
		r = for_each_line(&disks, swaps, add_swap);
	if (r < 0)
		return r;
	*ret_disks = disks;
	disks = (SystemDisks){0};
	return 0;
}

int system_disks_read(SystemDisks *ret_disks)
{
	own_free char *mountinfo = NULL, *swaps = NULL;
	int r = sk_io_read_file_at(AT_FDCWD, "/proc/self/mountinfo", TABLE_SIZE_MAX, &mountinfo, NULL);

	if (r < 0)
		return r;
	/* A kernel without swap has no such file. */
	r = sk_io_read_file_at(AT_FDCWD, "/proc/swaps", TABLE_SIZE_MAX, &swaps, NULL);
	if (r < 0 && r != -ENOENT)
		return r;
	return system_disks_collect(mountinfo, swaps ? swaps : "", ret_disks);
}

void system_disks_clear(SystemDisks *disks)
{
	free(disks->devs);
	*disks = (SystemDisks){0};
}

bool system_disks_beneath_usb(const SystemDisks *disks, const char *usb)
{
	for (size_t i = 0; i < disks->n; i++) {
		char name[32], path[SYSFS_PATH_SIZE];

		sk_str_format(name, sizeof(name), "%u:%u", major(disks->devs[i]), minor(disks->devs[i]));
		if (sysfs_read_path(BLOCK_BY_NUMBER, name, path) == 0 && path_has_component(path, usb))
			return true;
	}
	return false;
}

bool system_depends_on_usb(const char *usb)
{
	own_system_disks SystemDisks disks = {0};

	return system_disks_read(&disks) < 0 || system_disks_beneath_usb(&disks, usb);
}

int system_disk_check(dev_t dev)
{
	own_system_disks SystemDisks disks = {0};
	own_fd int fd = -1;
	char name[32];
	dev_t disk = dev;
	int r = system_disks_read(&disks);

	if (r < 0)
		return r;
	sk_str_format(name, sizeof(name), "%u:%u", major(dev), minor(dev));
	if (sysfs_open(BLOCK_BY_NUMBER, name, &fd) == 0 && faccessat(fd, "partition", F_OK, 0) == 0)
		sysfs_read_dev(fd, "../dev", &disk);
	return system_disks_have(&disks, dev) || system_disks_have(&disks, disk);
}
