/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/digest.h"

#include <errno.h>
#include <sodium.h>

int sk_crypt_init(void)
{
	return sodium_init() < 0 ? -ENOTRECOVERABLE : 0;
}

void sk_sha256(uint8_t ret_digest[SK_SHA256_SIZE], const void *data, size_t size)
{
	crypto_hash_sha256(ret_digest, data, size);
}
