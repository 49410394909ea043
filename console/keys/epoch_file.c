/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are named after an epoch: written so that they survive a crash, destroyed as well as a file can
 * be. */
#include "console/keys/keystore_kind.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/io.h"
#include "lib/base/str.h"

int sk_key_dir_open(const char *path)
{
	own_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return -EPERM;
	return own_take_fd(&fd);
}

void sk_epoch_file_name(uint64_t epoch, const char *suffix, char ret_name[SK_EPOCH_FILE_SIZE])
{
	sk_str_format(ret_name, SK_EPOCH_FILE_SIZE, "epoch-%" PRIu64 ".%s", epoch, suffix);
}

/* Under another name first: a file of the right name is whole. */
int sk_epoch_file_write(int dir_fd, const char *name, const void *data, size_t size)
{
	char unfinished[SK_EPOCH_FILE_SIZE + 4];
	own_fd int fd = -1;
	int r;

	if (!sk_str_format(unfinished, sizeof(unfinished), "%s.new", name))
		return -ENAMETOOLONG;
	r = sk_epoch_file_destroy(dir_fd, unfinished);
	if (r < 0)
		return r;
	fd = openat(dir_fd, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = sk_io_write_all(fd, data, size);
	if (r == 0 && (fsync(fd) < 0 || renameat2(dir_fd, unfinished, dir_fd, name, RENAME_NOREPLACE) < 0 ||
			      fsync(dir_fd) < 0))
		r = -errno;
	if (r < 0)
		(void)sk_epoch_file_destroy(dir_fd, unfinished);
	return r;
}

/* Noise over the whole of it, in place. */
static int overwrite(int fd)
{
	uint8_t noise[4096];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	for (off_t left = st.st_size; left > 0;) {
		size_t part = left < (off_t)sizeof(noise) ? (size_t)left : sizeof(noise);
		int r;

		sk_random_fill(noise, part);
		r = sk_io_write_all(fd, noise, part);
		if (r < 0)
			return r;
		left -= (off_t)part;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int sk_epoch_file_destroy(int dir_fd, const char *name)
{
	own_fd int fd = openat(dir_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = overwrite(fd);
	if (r < 0)
		return r;
	if (unlinkat(dir_fd, name, 0) < 0 || fsync(dir_fd) < 0)
		return -errno;
	return 0;
}

static bool epoch_of_name(const char *name, const char *suffix, uint64_t *ret_epoch)
{
	char number[24];
	const char *dot = strrchr(name, '.');

	if (!sk_str_starts(name, "epoch-") || !dot || !sk_str_eq(dot + 1, suffix))
		return false;
	return sk_str_format(number, sizeof(number), "%.*s", (int)(dot - name - 6), name + 6) &&
	       sk_num_parse(number, 10, INT64_MAX, ret_epoch) == 0;
}

int sk_epoch_files_list(int dir_fd, const char *suffix, uint64_t ret_epochs[SK_KEYSTORE_EPOCHS_MAX])
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), count = 0;
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!directory)
		return -errno;
	while (count < SK_KEYSTORE_EPOCHS_MAX && (entry = readdir(directory)) != NULL)
		if (epoch_of_name(entry->d_name, suffix, &ret_epochs[count]))
			count++;
	closedir(directory);
	return count;
}
