/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a kind of keystore does, for keystore.c, and files that are named after an epoch, which all kinds
 * have.
 */
#include <stdbool.h>

#include "console/keys/keystore.h"

typedef struct SkKeystoreKind {
	const char *name;
	int (*put)(SkKeystore *keystore, uint64_t epoch, SkSecret *key);
	int (*get)(SkKeystore *keystore, uint64_t epoch, SkSecret **ret_key);
	int (*destroy)(SkKeystore *keystore, uint64_t epoch);
	int (*list)(SkKeystore *keystore, uint64_t ret_epochs[SK_KEYSTORE_EPOCHS_MAX]);
	void (*free)(SkKeystore *keystore);
} SkKeystoreKind;

struct SkKeystore {
	const SkKeystoreKind *kind;
};

int sk_keystore_file_open(const char *directory, SkKeystore **ret_keystore);
int sk_keystore_pkcs11_open(const char *words, SkKeystore **ret_keystore);
int sk_keystore_tpm2_open(const char *words, SkKeystore **ret_keystore);

/* A directory of ours that nobody else may enter. Return: a descriptor, -EPERM, or others of the system. */
int sk_key_dir_open(const char *path);

/* epoch-N.SUFFIX */
#define SK_EPOCH_FILE_SIZE 48
void sk_epoch_file_name(uint64_t epoch, const char *suffix, char ret_name[SK_EPOCH_FILE_SIZE]);

/* A new file of mode 0600 with this content, synced with its directory. Return: 0, -EEXIST, others. */
int sk_epoch_file_write(int dir_fd, const char *name, const void *data, size_t size);

/* Overwritten, synced, unlinked, synced. Return: 0 (also when it is not there) or an error. */
int sk_epoch_file_destroy(int dir_fd, const char *name);

/* The epochs whose file with this suffix exists. Return: how many. */
int sk_epoch_files_list(int dir_fd, const char *suffix, uint64_t ret_epochs[SK_KEYSTORE_EPOCHS_MAX]);
