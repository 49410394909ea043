/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
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

/* Return: 0 and what was read: at least the binary header, both copies when it says how large they are. */
static int read_copies(int fd, uint8_t **ret_data, size_t *ret_size)
{
	uint8_t head[SK_LUKS2_BINARY_SIZE];
	own_free uint8_t *data = NULL;
	size_t size;

	if (read_at(fd, head, sizeof(head)) < 0)
		return -EIO;
	size = sk_luks2_size(head);
	if (size == 0 || size > SK_LUKS2_DATA_OFFSET)
		size = sizeof(head);
	data = malloc(size);
	if (!data)
		return -ENOMEM;
	if (read_at(fd, data, size) < 0)
		return -EIO;
	*ret_data = own_take(data);
	*ret_size = size;
	return 0;
}

int luks_facts_read(int fd, uint64_t medium_size, SkLuksFacts *ret_facts)
{
	own_free uint8_t *data = NULL;
	size_t size;
	int r = read_copies(fd, &data, &size);

	if (r == 0)
		sk_luks2_read(data, size, medium_size, ret_facts);
	return r;
}

/* Both copies say the same from now on. */
static int mend(int fd)
{
	own_free uint8_t *data = NULL;
	size_t size;
	int r = read_copies(fd, &data, &size);

	if (r < 0)
		return r;
	return sk_luks2_mend(data, size) && pwrite(fd, data, size, 0) == (ssize_t)size ? 0 : -EIO;
}

static bool is_the_one(const SkLuksFacts *facts, const SkLuksWanted *wanted)
{
	const SkLuksDigest *digest = &facts->digests[0];

	return sk_str_eq(facts->token.medium, wanted->medium) && sk_str_eq(facts->uuid, wanted->uuid) &&
	       wanted->digest_size > 0 && digest->digest_size == wanted->digest_size &&
	       memcmp(digest->digest, wanted->digest, wanted->digest_size) == 0;
}

SkReason luks_header_check(
	int fd, uint64_t medium_size, const SkLuksWanted *wanted, SkLuksFacts *ret_facts, LuksDetail *detail)
{
	const char *wrong;

	if (luks_facts_read(fd, medium_size, ret_facts) < 0)
		return SK_MEDIUM_DAMAGED;
	wrong = sk_luks2_profile_check(ret_facts);
	if (wrong) {
		sk_str_copy(detail->text, sizeof(detail->text), wrong);
		return SK_MEDIUM_HEADER_CHANGED;
	}
	if (!is_the_one(ret_facts, wanted))
		return SK_MEDIUM_NOT_THE_ONE;
	return ret_facts->problems && mend(fd) < 0 ? SK_MEDIUM_DAMAGED : SK_REASON_NONE;
}
