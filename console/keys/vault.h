/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The keys that wrap what is in the database, and that are never in it: a tree of keys (lib/crypt/key_tree.h)
 * for each generation. The vault is a file, epoch-N.state, sealed under the key of epoch N, which is in the
 * keystore. Every change writes a new file under a new key, and then destroys the old key and the old file.
 *
 * Who has the database, and all backups of it, has wraps. Who also has an old file of the vault has a sealed
 * file, whose key is destroyed.
 *
 * For any thread; one process at a time (a lock on the directory).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console/keys/keystore.h"
#include "lib/crypt/aead.h"
#include "lib/crypt/box.h"
#include "lib/crypt/key_tree.h"

#define SK_VAULT_ID_SIZE 27
#define SK_VAULT_GENERATIONS_MAX 8

typedef struct SkVault SkVault;

/* Which key: a leaf of the tree of a generation. Leaf 0 is the vault's own (membership of instances). */
typedef struct SkVaultSlot {
	uint32_t generation;
	uint32_t leaf;
} SkVaultSlot;

/*
 * A new vault in a directory of ours (0700): epoch 1, generation 1, a new id. The vault takes the keystore.
 * A key that is in the keystore already is taken as it is: it may open a vault that is away.
 * Return: 0, -EEXIST there is one, -ENOTEMPTY the keystore has keys of another one, -EPERM others may enter
 * the directory, others of the system.
 */
int sk_vault_create(const char *directory, SkKeystore *keystore, SkVault **ret_vault);

/*
 * Takes the newest state that is whole and destroys all others, so that a change that was cut short is
 * finished here. Return: 0, -ENOENT there is none, -ENOKEY none of the states has its key, -EBADMSG damaged,
 * -EBUSY another process has it, others of the system.
 */
int sk_vault_open(const char *directory, SkKeystore *keystore, SkVault **ret_vault);

/* A vault from what sk_vault_export() sealed and somebody opened. Return: as sk_vault_create(), -EBADMSG. */
int sk_vault_import(const char *directory, SkKeystore *keystore, SkSecret *state, SkVault **ret_vault);

void sk_vault_free(SkVault *vault);
OWN_DEFINE(SkVault, sk_vault_free)
#define own_vault own_(sk_vault_freep)

const char *sk_vault_id(const SkVault *vault);
const char *sk_vault_instance(const SkVault *vault);
const char *sk_vault_kind(const SkVault *vault);
uint64_t sk_vault_epoch(SkVault *vault);
/* The newest generation: new wraps belong to it. */
uint32_t sk_vault_generation(SkVault *vault);
bool sk_vault_has_generation(SkVault *vault, uint32_t generation);
size_t sk_vault_nodes(SkVault *vault);

/* A leaf nobody used yet is found by trying: chance, never 0. */
uint32_t sk_vault_choose_leaf(void);

/* ret_wrap holds size + SK_AEAD_OVERHEAD. Return: 0, -EKEYREVOKED the leaf is cut or the generation gone. */
int sk_vault_wrap(SkVault *vault, SkVaultSlot slot, SkAeadContext context, SkSecret *data, uint8_t *ret_wrap);

typedef struct SkWrap {
	const void *bytes;
	size_t size;
} SkWrap;

/* Return: 0, -EKEYREVOKED, -EBADMSG another thing or damaged, -EOPNOTSUPP, -ENOMEM. */
int sk_vault_unwrap(
	SkVault *vault, SkVaultSlot slot, SkAeadContext context, SkWrap wrap, SkSecret **ret_data);

/*
 * Wraps again, in place, under the same leaf of another generation. scratch: as large as what is wrapped, of
 * the caller, who has thousands to do. Return: as sk_vault_unwrap().
 */
typedef struct SkRewrap {
	SkVaultSlot from;
	uint32_t generation;
	SkAeadContext context;
	SkSecret *scratch;
} SkRewrap;
int sk_vault_rewrap(SkVault *vault, const SkRewrap *how, uint8_t *wrap, size_t size);

bool sk_vault_is_cut(SkVault *vault, SkVaultSlot slot);

/* Proves to other holders of the vault that we are one: HMAC-SHA-256 with a key of the newest generation. */
int sk_vault_sign(SkVault *vault, uint32_t generation, SkAeadContext message, uint8_t ret_mac[32]);

typedef struct SkVaultChange {
	uint64_t epoch;	      /* the one that follows; may jump when earlier changes are taken together */
	const uint32_t *cuts; /* leaves, cut in every generation: a renewal keeps the leaf of a row */
	size_t n_cuts;
	uint32_t add_generation; /* 0: none */
	SkSecret *add_tree; /* its root's tree as sk_key_tree_format(); NULL with add_generation: a new one */
	uint32_t keep_generation; /* all others go; 0: all stay */
} SkVaultChange;

/*
 * After a crash it is the old or the new state. 0 means that the old epoch's key is destroyed; an error after
 * the switch (a token that stopped answering) leaves it to sk_vault_sweep().
 */
int sk_vault_change(SkVault *vault, const SkVaultChange *change);

/* One thread at a time brings the vault up to the database: sk_epoch_apply() takes several steps, each of
 * which is made once. */
void sk_vault_hold(SkVault *vault);
void sk_vault_release(SkVault *vault);

/* Destroys every epoch but the current one, keys and files. Return: 0 only when none is left. */
int sk_vault_sweep(SkVault *vault);

/*
 * The state, sealed to somebody: the organisation's recovery key, or an instance that joins. label_aad: which
 * one. The caller frees the box.
 */
int sk_vault_export(SkVault *vault, const uint8_t public_key[SK_BOX_KEY_SIZE], SkBoxLabel label,
	uint8_t **ret_box, size_t *ret_size);

/* A tree for a new generation, as bytes, to hand over and to add. */
int sk_vault_new_tree(SkSecret **ret_tree);

/*
 * A key pair of this process, to which others hand over: made when the vault is opened, never stored, so that
 * what was handed over once is closed for good when the process ends.
 */
const uint8_t *sk_vault_box_public(const SkVault *vault);
SkSecret *sk_vault_box_secret(const SkVault *vault);

/* The newest state of a vault, looked at beside the process that has it. Return: as sk_vault_open(). */
typedef struct SkVaultReport {
	char id[SK_VAULT_ID_SIZE], instance[SK_VAULT_ID_SIZE];
	uint64_t epoch;
	size_t keys; /* of other epochs that are still in the keystore */
} SkVaultReport;
int sk_vault_check(const char *directory, SkKeystore *keystore, SkVaultReport *ret_report);

/* The instance that a directory belongs to; a new one when it belongs to none yet. */
int sk_vault_name_instance(const char *directory, char ret_instance[SK_VAULT_ID_SIZE]);
