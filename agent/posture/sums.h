/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Digests of files. MD5 is what dpkg keeps; it is compared with nothing else. */
#include <stddef.h>

/* Before the jail: finds the digests of the library. Return: 0 or negative errno. */
int sums_init(void);

#define SUM_HEX_SIZE 65

typedef enum SumKind {
	SUM_MD5,
	SUM_SHA256,
} SumKind;

/* Reads fd to its end; hex digits. Return: 0; -EFBIG more than max; -ENOTSUP not on this machine. */
int sum_file(int fd, SumKind kind, size_t max, char ret_hex[SUM_HEX_SIZE]);
