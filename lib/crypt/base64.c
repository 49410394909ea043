/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/base64.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

int sk_base64_parse(uint8_t *dst, size_t dst_size, const char *text, size_t *ret_size)
{
	size_t size;

	if (sodium_base642bin(dst, dst_size, text, strlen(text), NULL, &size, NULL,
		    sodium_base64_VARIANT_ORIGINAL) != 0)
		return -EINVAL;
	*ret_size = size;
	return 0;
}
