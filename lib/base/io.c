/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

ssize_t sk_io_read_up_to(int fd, void *buffer, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, (char *)buffer + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t sk_io_pread_up_to(int fd, void *buffer, size_t size, uint64_t offset)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, (char *)buffer + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int sk_io_write_all(int fd, const void *buffer, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = write(fd, (const char *)buffer + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int sk_io_read_file_at(int dir_fd, const char *path, size_t max, char **ret_data, size_t *ret_size)
{
	own_fd int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	own_free char *data = NULL;
	size_t capacity = 4096, size = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n;
		char *grown = realloc(data, capacity + 1);

		if (!grown)
			return -ENOMEM;
		data = grown;
		n = sk_io_read_up_to(fd, data + size, capacity - size);
		if (n < 0)
			return (int)n;
		size += (size_t)n;
		if (size > max)
			return -EFBIG;
		if (size < capacity)
			break;
		capacity *= 2;
	}
	data[size] = 0;
	*ret_data = own_take(data);
	if (ret_size)
		*ret_size = size;
	return 0;
}

int sk_io_write_attr_at(int dir_fd, const char *path, const char *value)
{
	own_fd int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t size = strlen(value);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, value, size);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

int sk_io_replace_file_at(int dir_fd, const char *path, mode_t mode, const void *data, size_t size)
{
	char temporary[NAME_MAX + 1];
	own_fd int fd = -1;
	own_fd int sync_fd = -1;
	int r;

	if (!sk_str_format(temporary, sizeof(temporary), ".%s.new", path))
		return -ENAMETOOLONG;
	unlinkat(dir_fd, temporary, 0);
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	r = sk_io_write_all(fd, data, size);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dir_fd, temporary, dir_fd, path) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dir_fd, temporary, 0);
		return r;
	}
	/* The rename itself must survive a power cut. */
	sync_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sync_fd < 0 || fsync(sync_fd) < 0)
		return -errno;
	return 0;
}
