/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/crypt.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"

#define CONTROL "/dev/mapper/control"
#define NAME "sekisho-"
#define SECTOR 512
/* No key is longer than this in a table. */
#define PARAMETERS_SIZE 512

/* One request; the table of DM_TABLE_LOAD follows the head, as the kernel wants it. */
typedef struct Request {
	struct dm_ioctl io;
	struct dm_target_spec target;
	char parameters[PARAMETERS_SIZE];
} Request;

typedef struct Target {
	const char *type;
	uint64_t sectors;
	const char *parameters;
} Target;

static void request_init(Request *request, const char *name, uint32_t flags)
{
	*request = (Request){.io = {.version = {DM_VERSION_MAJOR, 0, 0},
				     .data_size = sizeof(*request),
				     .data_start = offsetof(Request, target),
				     .flags = flags}};
	sk_str_copy(request->io.name, sizeof(request->io.name), name);
}

static int control(int control_fd, unsigned long command, Request *request)
{
	return ioctl(control_fd, command, request) < 0 ? -errno : 0;
}

static int load(int control_fd, const char *name, uint32_t flags, const Target *target)
{
	Request request;
	int r;

	request_init(&request, name, flags | DM_SECURE_DATA_FLAG);
	request.io.target_count = 1;
	request.target.length = target->sectors;
	sk_str_copy(request.target.target_type, sizeof(request.target.target_type), target->type);
	if (!sk_str_copy(request.parameters, sizeof(request.parameters), target->parameters))
		return -EINVAL;
	r = control(control_fd, DM_TABLE_LOAD, &request);
	sk_secret_wipe(&request, sizeof(request));
	return r;
}

static int suspend(int control_fd, const char *name, bool on, dev_t *ret_device)
{
	Request request;
	int r;

	request_init(&request, name, on ? DM_SUSPEND_FLAG : 0);
	r = control(control_fd, DM_DEV_SUSPEND, &request);
	/* As the kernel encodes it in 64 bits: the minor number around the major one. */
	if (r == 0 && ret_device)
		*ret_device = makedev((unsigned)(request.io.dev >> 8) & 0xfff,
			(unsigned)(request.io.dev & 0xff) | ((unsigned)(request.io.dev >> 12) & 0xfff00));
	return r;
}

static int remove_mapping(int control_fd, const char *name, uint32_t flags)
{
	Request request;

	request_init(&request, name, flags);
	return control(control_fd, DM_DEV_REMOVE, &request);
}

static int create(int control_fd, char name[DM_NAME_LEN])
{
	uint8_t number[8];
	char hex[2 * sizeof(number) + 1];
	Request request;

	sk_random_fill(number, sizeof(number));
	sk_hex_format(hex, number, sizeof(number));
	sk_str_format(name, DM_NAME_LEN, NAME "%s", hex);
	request_init(&request, name, 0);
	sk_str_format(request.io.uuid, sizeof(request.io.uuid), "SEKISHO-%s", hex);
	return control(control_fd, DM_DEV_CREATE, &request);
}

static int describe(const MediaCrypt *crypt, char parameters[PARAMETERS_SIZE], uint64_t *ret_sectors)
{
	const SkLuksVolume *volume = crypt->volume;
	char key[2 * sizeof(volume->key) + 1], sector[32] = "";
	uint64_t size = 0;
	struct stat st;

	if (fstat(crypt->device_fd, &st) < 0 || ioctl(crypt->device_fd, BLKGETSIZE64, &size) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode) || volume->offset % SECTOR != 0 || volume->offset >= size ||
		(volume->sector_size != SECTOR && volume->sector_size != 4096))
		return -EINVAL;
	if (volume->sector_size != SECTOR)
		sk_str_format(sector, sizeof(sector), " 1 sector_size:%u", volume->sector_size);
	sk_hex_format(key, volume->key, sizeof(volume->key));
	sk_str_format(parameters, PARAMETERS_SIZE, "aes-xts-plain64 %s 0 %u:%u %llu%s", key,
		major(st.st_rdev), minor(st.st_rdev), (unsigned long long)(volume->offset / SECTOR), sector);
	sk_secret_wipe(key, sizeof(key));
	*ret_sectors = (size - volume->offset) / volume->sector_size * (volume->sector_size / SECTOR);
	return 0;
}

static int load_crypt(int control_fd, const char *name, const MediaCrypt *crypt, dev_t *ret_device)
{
	char parameters[PARAMETERS_SIZE];
	Target target = {.type = "crypt", .parameters = parameters};
	int r = describe(crypt, parameters, &target.sectors);

	if (r == 0)
		r = load(control_fd, name, crypt->read_only ? DM_READONLY_FLAG : 0, &target);
	sk_secret_wipe(parameters, sizeof(parameters));
	return r < 0 ? r : suspend(control_fd, name, false, ret_device);
}

/* The kernel itself makes the node, with the number for a name. */
static int open_node(dev_t device, bool read_only, char path[MEDIA_CRYPT_PATH_SIZE])
{
	own_fd int fd = -1;
	struct stat st;

	sk_str_format(path, MEDIA_CRYPT_PATH_SIZE, "/dev/dm-%u", minor(device));
	fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISBLK(st.st_mode) && st.st_rdev == device ? own_take_fd(&fd) : -ENODEV;
}

int media_crypt_open(const MediaCrypt *crypt, char ret_path[MEDIA_CRYPT_PATH_SIZE])
{
	own_fd int control_fd = open(CONTROL, O_RDWR | O_CLOEXEC);
	char name[DM_NAME_LEN];
	dev_t device = 0;
	int r, fd = -1;

	if (control_fd < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	r = create(control_fd, name);
	if (r < 0)
		return r;
	r = load_crypt(control_fd, name, crypt, &device);
	if (r == 0)
		r = fd = open_node(device, crypt->read_only, ret_path);
	if (r < 0)
		remove_mapping(control_fd, name, DM_DEFERRED_REMOVE);
	return r < 0 ? r : fd;
}

/* One line of what the kernel says of a device. */
static int read_attribute(dev_t device, const char *name, char *text, size_t size)
{
	char path[64];
	own_fd int fd = -1;
	ssize_t n;

	sk_str_format(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(device), minor(device), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (n <= 0)
		return -ENOENT;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return 0;
}

/* Its name and size, when it is one of ours. Return: 0 or -ENOENT. */
static int find(dev_t device, char name[DM_NAME_LEN], uint64_t *ret_sectors)
{
	char size[32];
	int r = read_attribute(device, "dm/name", name, DM_NAME_LEN);

	if (r == 0)
		r = read_attribute(device, "size", size, sizeof(size));
	if (r < 0 || !sk_str_starts(name, NAME) ||
		sk_num_parse(size, 10, UINT64_MAX / SECTOR, ret_sectors) < 0)
		return -ENOENT;
	return 0;
}

int media_crypt_release(int fd)
{
	own_fd int control_fd = open(CONTROL, O_RDWR | O_CLOEXEC);
	char name[DM_NAME_LEN];
	uint64_t sectors;
	struct stat st;
	int r;

	if (control_fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	r = find(st.st_rdev, name, &sectors);
	return r < 0 ? r : remove_mapping(control_fd, name, DM_DEFERRED_REMOVE);
}

int media_crypt_cut(dev_t device)
{
	own_fd int control_fd = open(CONTROL, O_RDWR | O_CLOEXEC);
	char name[DM_NAME_LEN];
	Target target = {.type = "error", .parameters = ""};
	int r;

	if (control_fd < 0)
		return -errno;
	r = find(device, name, &target.sectors);
	if (r == 0)
		r = load(control_fd, name, 0, &target);
	/* To suspend is to write out what its file system still has. */
	if (r == 0)
		r = suspend(control_fd, name, true, NULL);
	return r < 0 ? r : suspend(control_fd, name, false, NULL);
}
