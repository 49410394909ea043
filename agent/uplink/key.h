/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The key of this terminal: P-256, in the TPM 2.0 where the machine has one, else in a file that nobody else
 * reads. What is stored of a key in a TPM is of no use to another TPM.
 */
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

/* Once, before the jail. tpm: where it is looked for (lib/tpm), borrowed for good. Return: 0 or negative
 * errno. */
int key_init(const char *tpm);

/*
 * Makes a key and stores it beneath dir_fd before it returns. in_tpm: there or not at all; else a file takes
 * its place where the TPM is none or no good. Return: 0 or negative errno.
 */
int key_new(int dir_fd, const char *name, bool in_tpm, EVP_PKEY **ret_key);

/* Without the TPM, too: what needs it is the use. Return: 0, -ENOENT, -EBADMSG what is stored is no key,
 * others. */
int key_load(int dir_fd, const char *name, EVP_PKEY **ret_key);

bool key_is_in_tpm(const EVP_PKEY *key);

/* Why the key cannot sign, for people; "" when it could the last time. */
#define KEY_TEXT_SIZE 96
void key_trouble(const EVP_PKEY *key, char ret_text[KEY_TEXT_SIZE]);

/* A certificate request for the key, PEM, for the caller to free. Return: 0 or negative errno. */
int key_request(EVP_PKEY *key, char **ret_pem);
