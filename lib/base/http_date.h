/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The date of HTTP (RFC 9110, 5.6.7), in the one form that is written today: Sun, 22 Nov 2026 13:05:59 GMT.
 */
#include <stdint.h>

#define SK_HTTP_DATE_SIZE 30

/* time: seconds since 1970, of the years 1970 to 9999. */
void sk_http_date_format(char ret_text[SK_HTTP_DATE_SIZE], int64_t time);

/* Whatever the locale is. Return: 0, or -EINVAL for any other text. */
int sk_http_date_parse(const char *text, int64_t *ret_time);
