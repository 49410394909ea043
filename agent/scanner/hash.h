/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * SHA-256 of file contents. libcrypto and not lib/crypt, because every byte of a medium goes through here:
 * with the processor's SHA instructions it is five times as fast as libsodium, and libclamav links it anyway.
 */
#include <stddef.h>
#include <stdint.h>

#define HASH_SIZE 32

/* Before the jail: libcrypto looks for its algorithm. Return: 0 or -ENOTSUP. */
int hash_init(void);

/* Return: 0 or -EIO (libcrypto failed). */
int hash_bytes(const uint8_t *data, size_t size, uint8_t ret_hash[HASH_SIZE]);

/* The whole file from its beginning; its offset stays. Return: 0 or negative errno of reading. */
int hash_file(int fd, uint8_t ret_hash[HASH_SIZE]);
