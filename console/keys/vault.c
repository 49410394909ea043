/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/vault.h"

#include <string.h>

#include "console/keys/vault_own.h"
#include "lib/crypt/kdf.h"

/* The key is in the keystore before the state that needs it. */
static int make_key(SkVault *vault, uint64_t epoch, SkSecret **ret_key)
{
	own_secret SkSecret *key = NULL;
	int r = sk_keystore_destroy(vault->keystore, epoch);

	if (r == 0)
		r = sk_secret_new(SK_KEYSTORE_KEY_SIZE, &key);
	if (r < 0)
		return r;
	sk_random_fill(sk_secret_data(key), SK_KEYSTORE_KEY_SIZE);
	r = sk_keystore_put(vault->keystore, epoch, key);
	if (r == 0)
		*ret_key = own_take(key);
	return r;
}

/* Leftovers of a change that was cut short go first. */
int sk_vault_store(SkVault *vault, const SkVaultState *state)
{
	own_secret SkSecret *key = NULL;
	char name[SK_EPOCH_FILE_SIZE];
	int r = make_key(vault, state->epoch, &key);

	sk_epoch_file_name(state->epoch, "state", name);
	if (r == 0)
		r = sk_epoch_file_destroy(vault->dir_fd, name);
	return r < 0 ? r : sk_vault_state_write(state, vault->dir_fd, key);
}

/*
 * A key that is there already may be that of a vault that is away, so it is taken and not destroyed; one of a
 * later epoch surely is.
 */
int sk_vault_store_first(SkVault *vault, const SkVaultState *state)
{
	uint64_t epochs[SK_KEYSTORE_EPOCHS_MAX];
	own_secret SkSecret *key = NULL;
	int count = sk_keystore_list(vault->keystore, epochs), r;

	for (int i = 0; i < count; i++)
		if (epochs[i] != state->epoch)
			return -ENOTEMPTY;
	if (count < 0)
		return count;
	r = sk_keystore_get(vault->keystore, state->epoch, &key);
	if (r == -ENOENT || r == -EBADMSG)
		r = make_key(vault, state->epoch, &key);
	return r < 0 ? r : sk_vault_state_write(state, vault->dir_fd, key);
}

const char *sk_vault_id(const SkVault *vault)
{
	return vault->id;
}

const char *sk_vault_instance(const SkVault *vault)
{
	return vault->instance;
}

const char *sk_vault_kind(const SkVault *vault)
{
	return sk_keystore_kind(vault->keystore);
}

uint64_t sk_vault_epoch(SkVault *vault)
{
	uint64_t epoch;

	pthread_rwlock_rdlock(&vault->lock);
	epoch = vault->state->epoch;
	pthread_rwlock_unlock(&vault->lock);
	return epoch;
}

uint32_t sk_vault_generation(SkVault *vault)
{
	uint32_t newest = 0;

	pthread_rwlock_rdlock(&vault->lock);
	for (size_t i = 0; i < vault->state->count; i++)
		if (vault->state->trees[i].generation > newest)
			newest = vault->state->trees[i].generation;
	pthread_rwlock_unlock(&vault->lock);
	return newest;
}

bool sk_vault_has_generation(SkVault *vault, uint32_t generation)
{
	bool has;

	pthread_rwlock_rdlock(&vault->lock);
	has = sk_vault_state_tree(vault->state, generation) != NULL;
	pthread_rwlock_unlock(&vault->lock);
	return has;
}

size_t sk_vault_nodes(SkVault *vault)
{
	size_t nodes = 0;

	pthread_rwlock_rdlock(&vault->lock);
	for (size_t i = 0; i < vault->state->count; i++)
		nodes += sk_key_tree_nodes(vault->state->trees[i].tree);
	pthread_rwlock_unlock(&vault->lock);
	return nodes;
}

uint32_t sk_vault_choose_leaf(void)
{
	uint32_t leaf;

	do
		sk_random_fill(&leaf, sizeof(leaf));
	while (leaf == 0);
	return leaf;
}

static int derive(SkVault *vault, SkVaultSlot slot, uint8_t ret_key[SK_KEY_TREE_LEAF_SIZE])
{
	const SkKeyTree *tree;
	int r;

	pthread_rwlock_rdlock(&vault->lock);
	tree = sk_vault_state_tree(vault->state, slot.generation);
	r = tree ? sk_key_tree_derive(tree, slot.leaf, ret_key) : -ENOENT;
	pthread_rwlock_unlock(&vault->lock);
	return r == -ENOENT ? -EKEYREVOKED : r;
}

int sk_vault_wrap(SkVault *vault, SkVaultSlot slot, SkAeadContext context, SkSecret *data, uint8_t *ret_wrap)
{
	uint8_t key[SK_KEY_TREE_LEAF_SIZE];
	int r = derive(vault, slot, key);

	if (r < 0)
		return r;
	sk_aead_seal(key, context, sk_secret_data(data), sk_secret_size(data), ret_wrap);
	sk_secret_wipe(key, sizeof(key));
	return 0;
}

int sk_vault_unwrap(SkVault *vault, SkVaultSlot slot, SkAeadContext context, SkWrap wrap, SkSecret **ret_data)
{
	uint8_t key[SK_KEY_TREE_LEAF_SIZE];
	int r = derive(vault, slot, key);

	if (r < 0)
		return r;
	r = sk_aead_open(key, context, wrap.bytes, wrap.size, ret_data);
	sk_secret_wipe(key, sizeof(key));
	return r;
}

int sk_vault_rewrap(SkVault *vault, const SkRewrap *how, uint8_t *wrap, size_t size)
{
	uint8_t old_key[SK_KEY_TREE_LEAF_SIZE], new_key[SK_KEY_TREE_LEAF_SIZE];
	ssize_t r = derive(vault, how->from, old_key);

	if (r == 0)
		r = derive(vault, (SkVaultSlot){how->generation, how->from.leaf}, new_key);
	if (r == 0)
		r = sk_aead_open_into(old_key, how->context, wrap, size, how->scratch);
	if (r >= 0)
		sk_aead_seal(new_key, how->context, sk_secret_data(how->scratch), (size_t)r, wrap);
	sk_secret_wipe(old_key, sizeof(old_key));
	sk_secret_wipe(new_key, sizeof(new_key));
	return r < 0 ? (int)r : 0;
}

bool sk_vault_is_cut(SkVault *vault, SkVaultSlot slot)
{
	uint8_t key[SK_KEY_TREE_LEAF_SIZE];
	int r = derive(vault, slot, key);

	sk_secret_wipe(key, sizeof(key));
	return r == -EKEYREVOKED;
}

int sk_vault_sign(SkVault *vault, uint32_t generation, SkAeadContext message, uint8_t ret_mac[32])
{
	const SkBytes piece = {message.data, message.size};
	uint8_t key[SK_KEY_TREE_LEAF_SIZE];
	int r = derive(vault, (SkVaultSlot){generation, 0}, key);

	if (r < 0)
		return r;
	sk_hmac(key, sizeof(key), &piece, 1, ret_mac);
	sk_secret_wipe(key, sizeof(key));
	return 0;
}

static int add_tree(SkVaultState *state, const SkVaultChange *change)
{
	SkKeyTree *tree = NULL;
	int r = sk_key_tree_parse(sk_secret_data(change->add_tree), sk_secret_size(change->add_tree), &tree);

	return r < 0 ? r : sk_vault_state_add(state, change->add_generation, tree);
}

static int change_state(SkVaultState *state, const SkVaultChange *change)
{
	int r = 0;

	state->epoch = change->epoch;
	for (size_t i = 0; i < change->n_cuts; i++)
		for (size_t j = 0; j < state->count && r == 0; j++)
			r = sk_key_tree_cut(state->trees[j].tree, change->cuts[i]);
	if (r == 0 && change->add_generation)
		r = add_tree(state, change);
	if (r == 0 && change->keep_generation)
		sk_vault_state_keep(state, change->keep_generation);
	return r;
}

/* Under the lock of changes: nobody else replaces the state, so reading it needs no other. */
static int change_locked(SkVault *vault, const SkVaultChange *change)
{
	own_vault_state SkVaultState *next = NULL;
	SkVaultState *old = vault->state;
	int r;

	if (change->epoch <= old->epoch)
		return -EALREADY;
	r = sk_vault_state_copy(old, &next);
	if (r == 0)
		r = change_state(next, change);
	if (r == 0)
		r = sk_vault_store(vault, next);
	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&vault->lock);
	vault->state = own_take(next);
	pthread_rwlock_unlock(&vault->lock);
	sk_vault_state_free(old);
	return 0;
}

int sk_vault_change(SkVault *vault, const SkVaultChange *change)
{
	int r;

	pthread_mutex_lock(&vault->changing);
	r = change_locked(vault, change);
	pthread_mutex_unlock(&vault->changing);
	return r < 0 ? r : sk_vault_sweep(vault);
}

static int sweep_locked(SkVault *vault)
{
	uint64_t epochs[SK_KEYSTORE_EPOCHS_MAX];
	int count = sk_keystore_list(vault->keystore, epochs), r = 0;

	for (int i = 0; i < count && r == 0; i++)
		if (epochs[i] != vault->state->epoch)
			r = sk_keystore_destroy(vault->keystore, epochs[i]);
	if (count < 0 || r < 0)
		return count < 0 ? count : r;
	count = sk_epoch_files_list(vault->dir_fd, "state", epochs);
	for (int i = 0; i < count && r == 0; i++) {
		char name[SK_EPOCH_FILE_SIZE];

		sk_epoch_file_name(epochs[i], "state", name);
		if (epochs[i] != vault->state->epoch)
			r = sk_epoch_file_destroy(vault->dir_fd, name);
	}
	return count < 0 ? count : r;
}

void sk_vault_hold(SkVault *vault)
{
	pthread_mutex_lock(&vault->following);
}

void sk_vault_release(SkVault *vault)
{
	pthread_mutex_unlock(&vault->following);
}

int sk_vault_sweep(SkVault *vault)
{
	int r;

	pthread_mutex_lock(&vault->changing);
	r = sweep_locked(vault);
	pthread_mutex_unlock(&vault->changing);
	return r;
}

int sk_vault_export(SkVault *vault, const uint8_t public_key[SK_BOX_KEY_SIZE], SkBoxLabel label,
	uint8_t **ret_box, size_t *ret_size)
{
	own_secret SkSecret *bytes = NULL;
	own_free uint8_t *box = NULL;
	int r;

	pthread_rwlock_rdlock(&vault->lock);
	r = sk_vault_state_format(vault->state, &bytes);
	pthread_rwlock_unlock(&vault->lock);
	if (r < 0)
		return r;
	box = malloc(sk_secret_size(bytes) + SK_BOX_OVERHEAD);
	if (!box)
		return -ENOMEM;
	r = sk_box_seal(public_key, label, sk_secret_data(bytes), sk_secret_size(bytes), box);
	if (r < 0)
		return r;
	*ret_size = sk_secret_size(bytes) + SK_BOX_OVERHEAD;
	*ret_box = own_take(box);
	return 0;
}

int sk_vault_new_tree(SkSecret **ret_tree)
{
	own_key_tree SkKeyTree *tree = NULL;
	int r = sk_key_tree_new(&tree);

	if (r == 0)
		r = sk_secret_new(sk_key_tree_size(tree), ret_tree);
	if (r == 0)
		sk_key_tree_format(tree, sk_secret_data(*ret_tree));
	return r;
}

const uint8_t *sk_vault_box_public(const SkVault *vault)
{
	return vault->box_public;
}

SkSecret *sk_vault_box_secret(const SkVault *vault)
{
	return vault->box_secret;
}
