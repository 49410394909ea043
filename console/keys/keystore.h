/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Where an instance of the console keeps the key of the current epoch, so that it can be destroyed there.
 * That key opens the vault (vault.h), and nothing else is worth as much.
 *
 * - file:/DIRECTORY: one file of 32 bytes per epoch, 0600, in a directory of its own, 0700
 * - pkcs11:MODULE?dir=DIRECTORY&token=LABEL&pin=/FILE: an AES-256 object in a token (HSM, smart card,
 * SoftHSM) that cannot be taken out; it wraps the epoch's key into a file of DIRECTORY
 * - tpm2:[WHERE]?dir=/DIRECTORY: in the memory of this machine's TPM 2.0; what finds and opens it there is a
 *   file of DIRECTORY. WHERE: in the words of tpm2-tss, otherwise device:/dev/tpmrm0
 *
 * Never inside the directory of the database, nor in what is backed up with it.
 *
 * What destruction is worth. A token and a TPM forget the object, and the file beside it is noise from then
 * on. A file is overwritten, synced and unlinked: on a disk that turns that is the end of it; on flash, on a
 * copy-on-write file system and on a virtual disk with snapshots the old blocks may live on, unnamed, until
 * they are used again. So the directory belongs on LUKS, then those blocks are worth something only to who
 * also has the disk's key; who cannot have that either uses a token or the TPM. The TPM of a virtual machine
 * is a file of its host, and worth as much.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/crypt/secret.h"

#define SK_KEYSTORE_KEY_SIZE 32
#define SK_KEYSTORE_EPOCHS_MAX 64

typedef struct SkKeystore SkKeystore;

/* Return: 0, -EINVAL words, -EPERM a directory that others may enter, -ENOENT, -EACCES (also a wrong PIN),
 * -ENODEV no TPM for this user, -ENOTSUP a TPM with an owner password, -EIO. */
int sk_keystore_open(const char *where, SkKeystore **ret_keystore);
void sk_keystore_free(SkKeystore *keystore);
OWN_DEFINE(SkKeystore, sk_keystore_free)
#define own_keystore own_(sk_keystore_freep)

/* "file", "pkcs11", "tpm2": for receipts. */
const char *sk_keystore_kind(const SkKeystore *keystore);

/* Return: 0 it will be there after a crash, -EEXIST, -ENOSPC the TPM is full, others of the system. */
int sk_keystore_put(SkKeystore *keystore, uint64_t epoch, SkSecret *key);

/* Return: 0, -ENOENT, -EBADMSG damaged, -EIO the token does not answer, -ENOMEM. */
int sk_keystore_get(SkKeystore *keystore, uint64_t epoch, SkSecret **ret_key);

/* Gone after this, and also after a crash; what is not there is gone already. Return: 0 or an error. */
int sk_keystore_destroy(SkKeystore *keystore, uint64_t epoch);

/* The epochs that have a key, or a piece of one. Return: their number, or an error. */
int sk_keystore_list(SkKeystore *keystore, uint64_t ret_epochs[SK_KEYSTORE_EPOCHS_MAX]);
