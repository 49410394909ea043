/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/mount.h"

#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agent/media/newmount.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/ipc/proto_probe.h"

#define FLAG(key_)                                                                                           \
	{                                                                                                    \
		MEDIA_OPTION_FLAG, key_, NULL, false                                                         \
	}
#define TEXT(key_, value_)                                                                                   \
	{                                                                                                    \
		MEDIA_OPTION_TEXT, key_, value_, false                                                       \
	}
#define MAYBE(key_, value_)                                                                                  \
	{                                                                                                    \
		MEDIA_OPTION_TEXT, key_, value_, true                                                        \
	}
#define UID                                                                                                  \
	{                                                                                                    \
		MEDIA_OPTION_UID, "uid", NULL, false                                                         \
	}
#define GID                                                                                                  \
	{                                                                                                    \
		MEDIA_OPTION_GID, "gid", NULL, false                                                         \
	}
#define END                                                                                                  \
	{                                                                                                    \
		MEDIA_OPTION_END, NULL, NULL, false                                                          \
	}

/* errors=continue everywhere: what a superblock asks for (ext4 knows "panic") is the attacker's wish. */

/* Short names without a long one are in the code page of the PC that wrote them: in Japan 932. */
static const MediaOption vfat_options[] = {UID, GID, TEXT("fmask", "0337"), TEXT("dmask", "0227"),
	TEXT("utf8", "1"), MAYBE("codepage", "932"), TEXT("errors", "continue"), END};

static const MediaOption exfat_options[] = {UID, GID, TEXT("fmask", "0337"), TEXT("dmask", "0227"),
	TEXT("iocharset", "utf8"), TEXT("errors", "continue"), END};

/* A journal that was not finished is neither replayed (the medium is read-only) nor a reason to refuse. */
static const MediaOption ext_options[] = {FLAG("noload"), TEXT("errors", "continue"), END};

/* Owners and modes of the one who burned the disc mean nothing here. */
static const MediaOption iso9660_options[] = {UID, GID, TEXT("mode", "0440"), TEXT("dmode", "0550"),
	FLAG("overriderockperm"), MAYBE("iocharset", "utf8"), END};

static const MediaOption udf_options[] = {
	UID, GID, TEXT("mode", "0440"), TEXT("dmode", "0550"), MAYBE("iocharset", "utf8"), END};

static const MediaOption ntfs3_options[] = {UID, GID, TEXT("fmask", "0337"), TEXT("dmask", "0227"),
	TEXT("iocharset", "utf8"), FLAG("nohidden"), END};

static const MediaFilesystem filesystems[] = {
	/* vfat and exfat compare names in their own way, and overlayfs refuses such file systems. */
	{SK_CONTENT_VFAT, "vfat", false, vfat_options},
	{SK_CONTENT_EXFAT, "exfat", false, exfat_options},
	{SK_CONTENT_EXT, "ext4", true, ext_options},
	{SK_CONTENT_ISO9660, "iso9660", true, iso9660_options},
	{SK_CONTENT_UDF, "udf", true, udf_options},
	{SK_CONTENT_NTFS, "ntfs3", true, ntfs3_options},
};

const MediaFilesystem *media_filesystem_find(uint32_t content)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(filesystems); i++)
		if (filesystems[i].content == content)
			return &filesystems[i];
	return NULL;
}

/* "sda1" for 8:1, as the kernel names it. */
static int device_name(dev_t device, char *name, size_t size)
{
	char link[64], target[512];

	sk_str_format(link, sizeof(link), "/sys/dev/block/%u:%u", major(device), minor(device));
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = 0;
	const char *last = strrchr(target, '/');

	return sk_str_copy(name, size, last ? last + 1 : target) ? 0 : -ENAMETOOLONG;
}

/* The descriptor keeps the device, and with it its number, from being given to another one meanwhile: a path
 * with this number is this device. */
static void device_path(int fd, dev_t device, char *path, size_t size)
{
	char name[64];
	struct stat st;

	if (device_name(device, name, sizeof(name)) == 0 && sk_str_format(path, size, "/dev/%s", name) &&
		stat(path, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == device)
		return;
	sk_str_format(path, size, "/proc/self/fd/%d", fd);
}

int media_device_path(int fd, char *ret_path, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode))
		return -ENOTBLK;
	device_path(fd, st.st_rdev, ret_path, size);
	return 0;
}

int media_device_check(int fd, char *ret_path, size_t size)
{
	int read_only = 0, r = media_device_path(fd, ret_path, size);

	if (r < 0)
		return r;
	if (ioctl(fd, BLKROGET, &read_only) < 0)
		return -errno;
	return read_only ? 0 : -EPERM;
}

/* The last thing that the kernel wrote about this mount, "e ext4: bad geometry". */
static void read_log(int fs_fd, MediaDetail *detail)
{
	char line[256];
	ssize_t n;

	while ((n = read(fs_fd, line, sizeof(line))) > 0) {
		while (n > 0 && line[n - 1] == '\n')
			n--;
		if (n > 2)
			sk_utf8_escape(detail->text, sizeof(detail->text), line + 2, (size_t)n - 2);
	}
}

static int give_option(int fs_fd, const MediaOption *option, const MediaOwner *owner)
{
	char number[16];
	const char *value = option->value;

	if (option->kind == MEDIA_OPTION_FLAG)
		return media_fsconfig(fs_fd, FSCONFIG_SET_FLAG, option->key, NULL);
	if (option->kind != MEDIA_OPTION_TEXT) {
		snprintf(number, sizeof(number), "%u",
			option->kind == MEDIA_OPTION_UID ? owner->uid : owner->gid);
		value = number;
	}
	return media_fsconfig(fs_fd, FSCONFIG_SET_STRING, option->key, value);
}

static int give_options(int fs_fd, const MediaMountOrder *order)
{
	int r = 0;

	if (order->source)
		r = media_fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", order->source);
	if (r == 0 && !order->writable)
		r = media_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "ro", NULL);
	for (const MediaOption *option = order->options; r == 0 && option && option->kind; option++)
		if (!option->optional || !order->without_optional)
			r = give_option(fs_fd, option, &order->owner);
	return r;
}

int media_mount_new(const MediaMountOrder *order, unsigned attributes, MediaDetail *detail)
{
	own_fd int fs_fd = media_fsopen(order->type);
	int r;

	if (fs_fd == -ENODEV) {
		sk_str_format(
			detail->text, sizeof(detail->text), "the kernel has no driver for %s", order->type);
		return -ENOSYS;
	}
	if (fs_fd < 0)
		return fs_fd;
	r = give_options(fs_fd, order);
	if (r == 0)
		r = media_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL);
	if (r < 0) {
		read_log(fs_fd, detail);
		return r;
	}
	r = media_fsmount(fs_fd, attributes);
	/* The flag against symbolic links came with Linux 5.14. */
	if (r == -EINVAL && (attributes & MOUNT_ATTR_NOSYMFOLLOW))
		r = media_fsmount(fs_fd, attributes & ~(unsigned)MOUNT_ATTR_NOSYMFOLLOW);
	return r;
}

int media_mount_device(
	const MediaFilesystem *filesystem, const char *source, const MediaOwner *owner, MediaDetail *detail)
{
	MediaMountOrder order = {
		.type = filesystem->type, .source = source, .options = filesystem->options, .owner = *owner};
	int r = media_mount_new(&order, MEDIA_ATTR, detail);

	if (r == -EINVAL) {
		order.without_optional = true;
		r = media_mount_new(&order, MEDIA_ATTR, detail);
	}
	/* How file systems call a superblock that makes no sense. */
	return r == -EINVAL || r == -EBADMSG || r == -EIDRM ? -EUCLEAN : r;
}

static int reconfigure(int mount_fd, const char *flag)
{
	own_fd int fs_fd = media_fspick(mount_fd);
	int r = fs_fd;

	if (r >= 0)
		r = media_fsconfig(fs_fd, FSCONFIG_SET_FLAG, flag, NULL);
	if (r >= 0)
		r = media_fsconfig(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL);
	return r < 0 ? r : 0;
}

int media_mount_freeze(int mount_fd)
{
	return reconfigure(mount_fd, "ro");
}

int media_mount_thaw(int mount_fd)
{
	return reconfigure(mount_fd, "rw");
}

int media_root_open(int mount_fd)
{
	int fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}
