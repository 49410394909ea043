/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A request for a certificate (PKCS #10), from a terminal that has shown a code and is otherwise a stranger.
 * Of what it says only the public key is used, after it has signed its own request with it.
 */
#include <stddef.h>

#include "lib/base/own.h"

#define SK_CSR_MAX 8192

/* P-256 or P-384, which TPMs, GnuTLS and OpenSSL all know. */
typedef struct SkCsrKey SkCsrKey;

void sk_csr_key_free(SkCsrKey *key);
OWN_DEFINE(SkCsrKey, sk_csr_key_free)
#define own_csr_key own_(sk_csr_key_freep)

/*
 * csr: PEM, or DER without a byte behind it.
 * Return: 0; -EBADMSG it is no request; -EKEYREJECTED another kind of key, or a signature that is not its
 * own; -E2BIG; -ENOMEM.
 */
int sk_csr_read(const void *csr, size_t size, SkCsrKey **ret_key);
