/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/sums.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdint.h>

#include "lib/base/io.h"
#include "lib/base/str.h"

/* Fetched once, for as long as the process lives. */
static EVP_MD *digests[2];

int sums_init(void)
{
	if (!digests[SUM_SHA256])
		digests[SUM_SHA256] = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	/* A machine in FIPS mode has none. */
	if (!digests[SUM_MD5])
		digests[SUM_MD5] = EVP_MD_fetch(NULL, "MD5", NULL);
	return digests[SUM_SHA256] ? 0 : -ENOTSUP;
}

static void context_freep(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

int sum_file(int fd, SumKind kind, size_t max, char ret_hex[SUM_HEX_SIZE])
{
	__attribute__((cleanup(context_freep))) EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t buffer[65536], digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	size_t total = 0;
	ssize_t n;

	if (!context || !digests[kind] || EVP_DigestInit_ex(context, digests[kind], NULL) != 1)
		return -ENOTSUP;
	while ((n = sk_io_read_up_to(fd, buffer, sizeof(buffer))) > 0) {
		total += (size_t)n;
		if (total > max)
			return -EFBIG;
		if (EVP_DigestUpdate(context, buffer, (size_t)n) != 1)
			return -EIO;
	}
	if (n < 0)
		return (int)n;
	if (EVP_DigestFinal_ex(context, digest, &size) != 1 || size > (SUM_HEX_SIZE - 1) / 2)
		return -EIO;
	sk_hex_format(ret_hex, digest, size);
	return 0;
}
