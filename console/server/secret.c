/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/secret.h"

#include <fcntl.h>
#include <libgen.h>
#include <string.h>
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
	own_free char *copy = strdup(path);
	own_secret SkSecret *secret = NULL;
	own_fd int fd = -1;
	int r = copy ? sk_secret_new(SK_SERVER_SECRET_SIZE, &secret) : -ENOMEM;

	if (r < 0)
		return r;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	sk_random_fill(sk_secret_data(secret), SK_SERVER_SECRET_SIZE);
	return sk_io_replace_file_at(
		fd, strrchr(path, '/') + 1, 0600, sk_secret_data(secret), SK_SERVER_SECRET_SIZE);
}
