/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/format.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/media/crypt.h"
#include "agent/media/luks.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"
#include "lib/jail/jail.h"
#include "lib/luks2/profile.h"

#define MKFS "/usr/sbin/mkfs.exfat"
#define PIECE (1u << 20)
#define PAGE 4096

typedef struct Formatting {
	const MediaWork *work;
	int device_fd; /* for writing */
	uint64_t size;
	int header_fd;
	uint8_t *piece;
	SkLuksFormed formed;
	MediaDetail *detail;
} Formatting;

static void tell_step(const Formatting *formatting, uint32_t step)
{
	SkMediaProgress message = {.volume = formatting->work->format->volume, .step = step};

	sk_head_init(&message.head, SK_MEDIA_PROGRESS, sizeof(message));
	(void)sk_chan_send(formatting->work->parent, &message, NULL, 0);
}

static int make_header(Formatting *formatting)
{
	const MediaWork *work = formatting->work;
	SkLuksForm order = {.medium_size = formatting->size, .plan = work->format->plan};

	tell_step(formatting, SK_MEDIA_STEP_KEYS);
	return media_luks_form(&(MediaLuks){.parent = work->parent,
				       .run_uid = work->luks.uid,
				       .run_gid = work->luks.gid,
				       .header_fd = formatting->header_fd,
				       .passphrase_fd = work->passphrase_fd},
		&order, &formatting->formed);
}

static int write_zeros(const Formatting *formatting, uint64_t from, uint64_t to)
{
	memset(formatting->piece, 0, PIECE);
	while (from < to) {
		size_t size = to - from < PIECE ? (size_t)(to - from) : PIECE;
		ssize_t n = pwrite(formatting->device_fd, formatting->piece, size, (off_t)from);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		from += (uint64_t)n;
	}
	return 0;
}

/* What was there is no longer found by anybody: tables at both ends, and where the device can, all the rest.
 */
static int wipe(const Formatting *formatting)
{
	int fd = formatting->device_fd;
	const uint64_t whole[2] = {0, formatting->size};
	int r;

	tell_step(formatting, SK_MEDIA_STEP_WIPE);
	(void)ioctl(fd, BLKDISCARD, whole); /* most sticks cannot */
	r = write_zeros(formatting, 0, SK_LUKS2_DATA_OFFSET);
	if (r == 0)
		r = write_zeros(formatting, formatting->size - PIECE, formatting->size);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	/* Its partitions go, or somebody uses one. */
	if (r == 0 && ioctl(fd, BLKRRPART) < 0)
		r = -errno;
	return r;
}

/* It writes to a mapping that has a new key: no byte of the medium says anything to it. */
_Noreturn static void run_mkfs(const char *path)
{
	const char *const arguments[] = {"mkfs.exfat", path, NULL};
	const char *const environment[] = {"LC_ALL=C.UTF-8", "PATH=/usr/sbin:/usr/bin", NULL};
	const SkJail jail = {.name = "mkfs.exfat", .uid = (uid_t)-1, .gid = (gid_t)-1};
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3; fd++)
		if (dup2(nothing, fd) != fd)
			_exit(120);
	if (close_range(3, ~0u, 0) < 0 || sk_jail_enter(&jail) < 0)
		_exit(121);
	execve(MKFS, (char *const *)arguments, (char *const *)environment);
	_exit(127);
}

static int wait_mkfs(const char *path, MediaDetail *detail)
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_mkfs(path);
	if (TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)) < 0)
		return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	sk_str_format(detail->text, sizeof(detail->text), MKFS ": %s %d",
		WIFEXITED(status) ? "exit status" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return -EIO;
}

static int make_files(const Formatting *formatting)
{
	const MediaCrypt crypt = {.device_fd = formatting->device_fd, .volume = &formatting->formed.volume};
	char path[MEDIA_CRYPT_PATH_SIZE];
	own_fd int fd = -1;
	int r;

	tell_step(formatting, SK_MEDIA_STEP_FILES);
	fd = media_crypt_open(&crypt, path);
	if (fd < 0) {
		sk_str_copy(
			formatting->detail->text, sizeof(formatting->detail->text), "it cannot be mapped");
		return fd;
	}
	r = wait_mkfs(path, formatting->detail);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	(void)media_crypt_release(fd); /* it ends with us */
	return r;
}

static int write_header(const Formatting *formatting, off_t from, off_t to)
{
	for (off_t at = from; at < to;) {
		size_t size = to - at < (off_t)PIECE ? (size_t)(to - at) : PIECE;
		ssize_t n = pread(formatting->header_fd, formatting->piece, size, at);

		if (n <= 0 || pwrite(formatting->device_fd, formatting->piece, (size_t)n, at) != n)
			return -EIO;
		at += n;
	}
	return fsync(formatting->device_fd) < 0 ? -errno : 0;
}

/* From the device, not from what the kernel still has of what was written. */
static int compare_header(const Formatting *formatting)
{
	own_free uint8_t *wanted = malloc(PIECE);

	if (!wanted)
		return -ENOMEM;
	if (ioctl(formatting->device_fd, BLKFLSBUF, 0) < 0)
		return -errno;
	for (off_t at = 0; at < (off_t)SK_LUKS2_DATA_OFFSET; at += PIECE)
		if (pread(formatting->device_fd, formatting->piece, PIECE, at) != PIECE ||
			pread(formatting->header_fd, wanted, PIECE, at) != PIECE ||
			memcmp(formatting->piece, wanted, PIECE) != 0) {
			sk_str_copy(formatting->detail->text, sizeof(formatting->detail->text),
				"what was written is not what is read");
			return -EIO;
		}
	return 0;
}

static int store_header(const Formatting *formatting)
{
	int r;

	tell_step(formatting, SK_MEDIA_STEP_HEADER);
	r = write_header(formatting, PAGE, SK_LUKS2_DATA_OFFSET);
	if (r == 0)
		r = write_header(formatting, 0, PAGE);
	return r < 0 ? r : compare_header(formatting);
}

static int do_all(Formatting *formatting)
{
	int r = make_header(formatting);

	if (r < 0 || formatting->formed.code) {
		if (formatting->formed.detail[0])
			sk_str_copy(formatting->detail->text, sizeof(formatting->detail->text),
				formatting->formed.detail);
		return r;
	}
	r = wipe(formatting);
	if (r == 0)
		r = make_files(formatting);
	return r < 0 ? r : store_header(formatting);
}

/* The monitor opens nothing for writing: it only has the block layer let it through. */
static int open_for_writing(int device_fd)
{
	char path[32];
	int fd;

	sk_str_format(path, sizeof(path), "/proc/self/fd/%d", device_fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int media_format(const MediaWork *work, SkMediaFormatted *formatted, MediaDetail *detail)
{
	own_fd int header_fd = memfd_create("sekisho-header", MFD_CLOEXEC);
	own_free uint8_t *piece = malloc(PIECE);
	own_fd int device_fd = open_for_writing(work->device_fd);
	Formatting formatting = {.work = work,
		.device_fd = device_fd,
		.header_fd = header_fd,
		.piece = piece,
		.detail = detail};
	int r = 0;

	if (device_fd < 0)
		return device_fd;
	if (header_fd < 0 || !piece)
		return -ENOMEM;
	/* The memory is as large as the medium, and only what is written of it exists. */
	if (ioctl(work->device_fd, BLKGETSIZE64, &formatting.size) < 0 ||
		ftruncate(header_fd, (off_t)formatting.size) < 0)
		return -errno;
	r = do_all(&formatting);
	sk_secret_wipe(&formatting.formed.volume, sizeof(formatting.formed.volume));
	if (r < 0)
		return r;
	formatted->code = formatting.formed.code;
	formatted->made = formatting.formed.made;
	return 0;
}
