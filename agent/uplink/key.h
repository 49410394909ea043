/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The key of this terminal: P-256, in the TPM 2.0 where the machine has one and OpenSSL has a provider for it
 * (package tpm2-openssl), else in a file that nobody else reads. What is stored of a key in a TPM is of no
 * use to another TPM.
 */
#include <openssl/types.h>
#include <stdbool.h>

/* Once, before the jail: loads the provider where it is of use. Return: whether keys are made in the TPM. */
bool key_init(void);

/* Makes a key and stores it beneath dir_fd before it returns. Return: 0 or negative errno. */
int key_new(int dir_fd, const char *name, EVP_PKEY **ret_key);

/* Return: 0, -ENOENT, -EBADMSG what is stored is no key of this machine, others. */
int key_load(int dir_fd, const char *name, EVP_PKEY **ret_key);

bool key_is_in_tpm(const EVP_PKEY *key);

/* A certificate request for the key, PEM, for the caller to free. Return: 0 or negative errno. */
int key_request(EVP_PKEY *key, char **ret_pem);
