/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Base64 (RFC 4648, without line breaks), strictly: one text for each sequence of bytes. */
#include <stddef.h>
#include <stdint.h>

/* Room for the text of size bytes, with the zero at its end. */
#define SK_BASE64_SIZE(size) (((size) + 2) / 3 * 4 + 1)

/* ret_text has SK_BASE64_SIZE(size) bytes. */
void sk_base64_format(const void *data, size_t size, char *ret_text);

/* ret_data has text_size / 4 * 3 bytes. Return: 0, or -EBADMSG when the text is not base64. */
int sk_base64_parse(const char *text, size_t text_size, uint8_t *ret_data, size_t *ret_size);

/* The same for addresses (base64url), without padding: how JSON Web Tokens and WebAuthn write bytes. ret_text
 * has SK_BASE64_SIZE(size) bytes, ret_data text_size / 4 * 3 + 2. */
void sk_base64url_format(const void *data, size_t size, char *ret_text);
int sk_base64url_parse(const char *text, size_t text_size, uint8_t *ret_data, size_t *ret_size);
