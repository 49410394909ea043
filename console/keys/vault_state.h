/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The state of a vault as a struct, as bytes, and as a sealed file; for vault.c.
 *
 *	"SKVAULT1" || vault id (26) || epoch (8) || count (4) || { generation (4) || size (4) || tree }
 *
 * Numbers are big-endian.
 */
#include "console/keys/vault.h"

typedef struct SkVaultTree {
	uint32_t generation;
	SkKeyTree *tree;
} SkVaultTree;

typedef struct SkVaultState {
	char id[SK_VAULT_ID_SIZE];
	uint64_t epoch;
	size_t count;
	SkVaultTree trees[SK_VAULT_GENERATIONS_MAX];
} SkVaultState;

void sk_vault_state_free(SkVaultState *state);
OWN_DEFINE(SkVaultState, sk_vault_state_free)
#define own_vault_state own_(sk_vault_state_freep)

int sk_vault_state_new(SkVaultState **ret_state);
int sk_vault_state_format(const SkVaultState *state, SkSecret **ret_bytes);
int sk_vault_state_parse(const uint8_t *bytes, size_t size, SkVaultState **ret_state);
int sk_vault_state_copy(const SkVaultState *state, SkVaultState **ret_copy);

/* NULL when there is no such generation. */
SkKeyTree *sk_vault_state_tree(const SkVaultState *state, uint32_t generation);
/* Takes the tree. Return: 0, -EEXIST, -E2BIG. */
int sk_vault_state_add(SkVaultState *state, uint32_t generation, SkKeyTree *tree);
void sk_vault_state_keep(SkVaultState *state, uint32_t generation);

/* epoch-N.state under the key of epoch N. */
int sk_vault_state_write(const SkVaultState *state, int dir_fd, SkSecret *key);
int sk_vault_state_read(int dir_fd, uint64_t epoch, SkSecret *key, SkVaultState **ret_state);
