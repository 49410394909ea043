/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Bytes of any size between processes: a memfd that nobody can change any more.
 */
#include <stddef.h>

/* Return: a sealed descriptor, or negative errno. */
int sk_memfd_new(const void *data, size_t size);

/*
 * Copies the contents into memory that the caller frees; a 0 byte is appended. Return: 0; -EBADF it is no
 * sealed memfd: it could change while it is read; -EFBIG larger than max; others of the system.
 */
int sk_memfd_read(int fd, size_t max, char **ret_data, size_t *ret_size);
