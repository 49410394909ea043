/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Between vault_open.c, which makes and finds a vault, and vault.c, which uses and changes it. */
#include <pthread.h>

#include "console/keys/keystore_kind.h"
#include "console/keys/vault_state.h"

struct SkVault {
	int dir_fd; /* locked as long as we live */
	SkKeystore *keystore;
	char id[SK_VAULT_ID_SIZE]; /* that of every state: states go while others hold the pointer */
	char instance[SK_VAULT_ID_SIZE];
	pthread_rwlock_t lock;
	pthread_mutex_t changing;  /* one change at a time; readers go on meanwhile */
	pthread_mutex_t following; /* of sk_vault_hold() */
	SkVaultState *state;
	SkSecret *box_secret;
	uint8_t box_public[SK_BOX_KEY_SIZE];
};

/* A state under a new key: on the disk after this, beside the ones before. */
int sk_vault_store(SkVault *vault, const SkVaultState *state);
/* The same in a new vault. Return: 0, -ENOTEMPTY the keystore has keys of another vault, others. */
int sk_vault_store_first(SkVault *vault, const SkVaultState *state);
