/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/secret.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "lib/base/io.h"
#include "lib/base/own.h"

int sk_server_secret_read(const char *path, SkSecret **ret_secret)
{
	own_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	own_secret SkSecret *secret = NULL;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_mode & 077)
		return -EPERM;
	r = sk_secret_new(SK_SERVER_SECRET_SIZE, &secret);
	if (r < 0)
		return r;
	if (st.st_size != SK_SERVER_SECRET_SIZE ||
		sk_io_read_up_to(fd, sk_secret_data(secret), SK_SERVER_SECRET_SIZE) != SK_SERVER_SECRET_SIZE)
		return -EBADMSG;
	*ret_secret = own_take(secret);
	return 0;
}

int sk_server_secret_make(const char *path)
{
	own_secret SkSecret *secret = NULL;
	own_fd int fd = -1;
	int r = sk_secret_new(SK_SERVER_SECRET_SIZE, &secret);

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	sk_random_fill(sk_secret_data(secret), SK_SERVER_SECRET_SIZE);
	r = sk_io_write_all(fd, sk_secret_data(secret), SK_SERVER_SECRET_SIZE);
	return r == 0 && fsync(fd) < 0 ? -errno : r;
}
