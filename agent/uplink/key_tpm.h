/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A key in the TPM (lib/tpm) as OpenSSL sees it: an EVP_PKEY of type EC whose private half cannot be
 * exported, of a provider of our own in a library context of its own. So TLS and requests for certificates
 * come here for the one signature, and everything else (random numbers, key exchange, what others sign) stays
 * where it is; with a provider that can do all that in the TPM (tpm2-openssl), OpenSSL either takes the
 * default one for signing, too, or the TPM for everything, and TLS fails.
 *
 * Such a key is usable, and TLS begun with it, without a TPM; what fails then is the signature.
 */
#include <openssl/types.h>
#include <stdbool.h>

#include "lib/tpm/tpm.h"

/* Once. where: of the TPM, borrowed for good. Return: 0, -EIO. */
int key_tpm_init(const char *where);

/* A new key. Return: 0, and those of lib/tpm. */
int key_tpm_new(SkTpmKey *ret_key);

/* The key as OpenSSL takes it. Return: 0, -EBADMSG, -EIO. */
int key_tpm_open(const SkTpmKey *key, EVP_PKEY **ret_key);

bool key_tpm_is(const EVP_PKEY *key);

/* Is there a TPM now that was not there at the start? The jail was made without it. */
bool key_tpm_came_late(void);

/* What became of the last signature: 0, and those of sk_tpm_key_sign(). */
int key_tpm_last(void);
