/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <unistd.h>

#include "agent/luks/luks.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

int luks_device_new(int fd, struct crypt_device **ret_device)
{
	char path[32];

	sk_str_format(path, sizeof(path), "/proc/self/fd/%d", fd);
	return crypt_init(ret_device, path);
}

static int read_at(int fd, uint8_t *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(fd, data + done, size - done, (off_t)done);

		if (n <= 0)
			return -EIO;
		done += (size_t)n;
	}
	return 0;
}

int luks_facts_read(int fd, uint64_t medium_size, SkLuksFacts *ret_facts)
{
	uint8_t head[SK_LUKS2_BINARY_SIZE];
	own_free uint8_t *both = NULL;
	size_t size;

	*ret_facts = (SkLuksFacts){.problems = SK_LUKS_NO_HEADER};
	if (read_at(fd, head, sizeof(head)) < 0)
		return -EIO;
	size = sk_luks2_size(head);
	if (size == 0 || size > SK_LUKS2_DATA_OFFSET)
		return 0;
	both = malloc(size);
	if (!both)
		return -ENOMEM;
	if (read_at(fd, both, size) < 0)
		return -EIO;
	sk_luks2_read(both, size, medium_size, ret_facts);
	return 0;
}
