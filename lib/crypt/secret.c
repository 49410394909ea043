/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/secret.h"

#include <errno.h>
#include <sodium.h>

struct SkSecret {
	size_t size;
	uint8_t *data;
};

int sk_secret_new(size_t size, SkSecret **ret_secret)
{
	own_secret SkSecret *secret = NULL;

	if (size == 0)
		return -EINVAL;
	secret = calloc(1, sizeof(*secret));
	if (!secret)
		return -ENOMEM;
	secret->data = sodium_malloc(size);
	if (!secret->data)
		return -ENOMEM;
	secret->size = size;
	/* sodium_malloc() goes on when it could not lock; ask again for an answer. It also fills with 0xDB.
	 */
	if (sodium_mlock(secret->data, size) != 0)
		return -ENOMEM;
	sodium_memzero(secret->data, size);
	*ret_secret = own_take(secret);
	return 0;
}

void sk_secret_free(SkSecret *secret)
{
	if (!secret)
		return;
	sodium_free(secret->data);
	free(secret);
}

uint8_t *sk_secret_data(SkSecret *secret)
{
	return secret->data;
}

size_t sk_secret_size(const SkSecret *secret)
{
	return secret->size;
}

void sk_secret_wipe(void *memory, size_t size)
{
	sodium_memzero(memory, size);
}

bool sk_secret_equal(const void *a, const void *b, size_t size)
{
	return sodium_memcmp(a, b, size) == 0;
}

void sk_random_fill(void *memory, size_t size)
{
	randombytes_buf(memory, size);
}
