/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/base64.h"

#include <errno.h>
#include <sodium.h>

void sk_base64_format(const void *data, size_t size, char *ret_text)
{
	sodium_bin2base64(ret_text, SK_BASE64_SIZE(size), data, size, sodium_base64_VARIANT_ORIGINAL);
}

void sk_base64url_format(const void *data, size_t size, char *ret_text)
{
	sodium_bin2base64(
		ret_text, SK_BASE64_SIZE(size), data, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static int parse(const char *text, size_t text_size, int variant, uint8_t *ret_data, size_t *ret_size)
{
	const char *end = NULL;
	size_t size = 0;

	if (sodium_base642bin(ret_data, text_size / 4 * 3 + text_size % 4, text, text_size, NULL, &size, &end,
		    variant) != 0 ||
		end != text + text_size)
		return -EBADMSG;
	*ret_size = size;
	return 0;
}

int sk_base64_parse(const char *text, size_t text_size, uint8_t *ret_data, size_t *ret_size)
{
	return text_size % 4 != 0
		       ? -EBADMSG
		       : parse(text, text_size, sodium_base64_VARIANT_ORIGINAL, ret_data, ret_size);
}

int sk_base64url_parse(const char *text, size_t text_size, uint8_t *ret_data, size_t *ret_size)
{
	return text_size % 4 == 1
		       ? -EBADMSG
		       : parse(text, text_size, sodium_base64_VARIANT_URLSAFE_NO_PADDING, ret_data, ret_size);
}
