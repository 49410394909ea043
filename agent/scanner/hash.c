/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/own.h"

#define PIECE_SIZE (1u << 20)

/* Looked up once; libcrypto frees it at exit. */
static EVP_MD *sha256;

OWN_DEFINE(EVP_MD_CTX, EVP_MD_CTX_free)

int hash_init(void)
{
	if (!sha256)
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	return sha256 ? 0 : -ENOTSUP;
}

int hash_bytes(const uint8_t *data, size_t size, uint8_t ret_hash[HASH_SIZE])
{
	return EVP_Digest(data, size, ret_hash, NULL, sha256, NULL) == 1 ? 0 : -EIO;
}

int hash_file(int fd, uint8_t ret_hash[HASH_SIZE])
{
	own_(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	own_free uint8_t *piece = malloc(PIECE_SIZE);
	off_t at = 0;

	if (!context || !piece)
		return -ENOMEM;
	if (EVP_DigestInit_ex(context, sha256, NULL) != 1)
		return -EIO;
	for (;;) {
		ssize_t n = pread(fd, piece, PIECE_SIZE, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (EVP_DigestUpdate(context, piece, (size_t)n) != 1)
			return -EIO;
		at += n;
	}
	return EVP_DigestFinal_ex(context, ret_hash, NULL) == 1 ? 0 : -EIO;
}
