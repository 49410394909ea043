/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/blank.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/media/zeros.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/jail/jail.h"
#include "lib/luks2/profile.h"

#define MKFS "/usr/sbin/mkfs.exfat"

int media_wipe(int device_fd, uint64_t size)
{
	own_free uint8_t *piece = media_piece_new();
	MediaZeros zeros = {.device_fd = device_fd, .piece = piece, .to = SK_LUKS2_DATA_OFFSET};
	const uint64_t whole[2] = {0, size};
	int r;

	if (!piece)
		return -ENOMEM;
	(void)ioctl(device_fd, BLKDISCARD, whole); /* most sticks cannot */
	r = media_zeros_write(&zeros);
	zeros.from = size - MEDIA_PIECE;
	zeros.to = size;
	if (r == 0)
		r = media_zeros_write(&zeros);
	if (r == 0 && fsync(device_fd) < 0)
		r = -errno;
	/* Its partitions go, or somebody uses one. */
	if (r == 0 && ioctl(device_fd, BLKRRPART) < 0)
		r = -errno;
	return r;
}

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

int media_make_exfat(const char *path, MediaDetail *detail)
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
