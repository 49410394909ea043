/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Base64 (RFC 4648, with padding, without line breaks), strictly: one text for each sequence of bytes. */
#include <stddef.h>
#include <stdint.h>

/* Return: 0, or -EINVAL when text is not base64 of at most dst_size bytes. */
int sk_base64_parse(uint8_t *dst, size_t dst_size, const char *text, size_t *ret_size);
