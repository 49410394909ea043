/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ipc/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/own.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int sk_memfd_new(const void *data, size_t size)
{
	own_fd int fd = memfd_create("sekisho", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = sk_io_write_all(fd, data, size);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	return own_take_fd(&fd);
}

int sk_memfd_read(int fd, size_t max, char **ret_data, size_t *ret_size)
{
	int seals = fcntl(fd, F_GET_SEALS);
	own_free char *data = NULL;
	struct stat st;
	size_t size;
	ssize_t n;

	if (seals < 0 || (seals & SEALS) != SEALS)
		return -EBADF;
	if (fstat(fd, &st) < 0)
		return -errno;
	size = (size_t)st.st_size;
	if (size > max)
		return -EFBIG;
	data = malloc(size + 1);
	if (!data)
		return -ENOMEM;
	/* By place: the offset is shared with the sender. */
	n = sk_io_pread_up_to(fd, data, size, 0);
	if (n != (ssize_t)size)
		return n < 0 ? (int)n : -EIO;
	data[size] = 0;
	*ret_data = own_take(data);
	if (ret_size)
		*ret_size = size;
	return 0;
}
