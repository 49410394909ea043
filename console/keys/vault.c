/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/vault.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>

#include "console/keys/keystore_kind.h"
#include "console/keys/vault_state.h"
#include "console/store/id.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/kdf.h"

struct SkVault {
	int dir_fd; /* locked as long as we live */
	SkKeystore *keystore;
	char instance[SK_VAULT_ID_SIZE];
	pthread_rwlock_t lock;
	pthread_mutex_t changing; /* one change at a time; readers go on meanwhile */
	SkVaultState *state;
	SkSecret *box_secret;
	uint8_t box_public[SK_BOX_KEY_SIZE];
};

/* The instance is who holds this copy of the vault: another one on another machine. */
static int load_instance(int dir_fd, char ret_instance[SK_VAULT_ID_SIZE])
{
	own_free char *data = NULL;
	size_t size;
	int r = sk_io_read_file_at(dir_fd, "instance", SK_VAULT_ID_SIZE - 1, &data, &size);

	if (r == -ENOENT) {
		sk_id_new(ret_instance);
		return sk_epoch_file_write(dir_fd, "instance", ret_instance, SK_VAULT_ID_SIZE - 1);
	}
	if (r == 0 && !sk_id_check(data))
		r = -EBADMSG;
	if (r == 0)
		sk_str_copy(ret_instance, SK_VAULT_ID_SIZE, data);
	return r;
}

int sk_vault_name_instance(const char *directory, char ret_instance[SK_VAULT_ID_SIZE])
{
	own_fd int dir_fd = sk_key_dir_open(directory);

	return dir_fd < 0 ? dir_fd : load_instance(dir_fd, ret_instance);
}

/* A vault without a state yet; takes the keystore only when it succeeds. */
static int vault_new(const char *directory, SkKeystore *keystore, SkVault **ret_vault)
{
	own_fd int dir_fd = sk_key_dir_open(directory);
	own_free SkVault *vault = NULL;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	if (flock(dir_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	vault = calloc(1, sizeof(*vault));
	if (!vault)
		return -ENOMEM;
	r = load_instance(dir_fd, vault->instance);
	if (r == 0)
		r = sk_box_key_new(&vault->box_secret, vault->box_public);
	if (r < 0)
		return r;
	pthread_rwlock_init(&vault->lock, NULL);
	pthread_mutex_init(&vault->changing, NULL);
	vault->dir_fd = own_take_fd(&dir_fd);
	vault->keystore = keystore;
	*ret_vault = own_take(vault);
	return 0;
}

void sk_vault_free(SkVault *vault)
{
	if (!vault)
		return;
	sk_vault_state_free(vault->state);
	sk_keystore_free(vault->keystore);
	sk_secret_free(vault->box_secret);
	pthread_rwlock_destroy(&vault->lock);
	pthread_mutex_destroy(&vault->changing);
	close(vault->dir_fd);
	free(vault);
}

/* The key is in the keystore before the state that needs it. Leftovers of a change that was cut short go
 * first. */
static int store(SkVault *vault, const SkVaultState *state)
{
	own_secret SkSecret *key = NULL;
	char name[SK_EPOCH_FILE_SIZE];
	int r = sk_keystore_destroy(vault->keystore, state->epoch);

	sk_epoch_file_name(state->epoch, "state", name);
	if (r == 0)
		r = sk_epoch_file_destroy(vault->dir_fd, name);
	if (r == 0)
		r = sk_secret_new(SK_KEYSTORE_KEY_SIZE, &key);
	if (r < 0)
		return r;
	sk_random_fill(sk_secret_data(key), SK_KEYSTORE_KEY_SIZE);
	r = sk_keystore_put(vault->keystore, state->epoch, key);
	return r < 0 ? r : sk_vault_state_write(state, vault->dir_fd, key);
}

/* The failure of a new vault gives the keystore back to who called. */
static int begin(SkVault *vault, SkVaultState *state, SkVault **ret_vault)
{
	uint64_t epochs[SK_KEYSTORE_EPOCHS_MAX];
	int r = sk_epoch_files_list(vault->dir_fd, "state", epochs);

	r = r > 0 ? -EEXIST : r < 0 ? r : store(vault, state);
	if (r < 0) {
		sk_vault_state_free(state);
		vault->keystore = NULL;
		sk_vault_free(vault);
		return r;
	}
	vault->state = state;
	*ret_vault = vault;
	return 0;
}

int sk_vault_create(const char *directory, SkKeystore *keystore, SkVault **ret_vault)
{
	own_vault_state SkVaultState *state = NULL;
	SkKeyTree *tree = NULL;
	SkVault *vault;
	int r = sk_vault_state_new(&state);

	if (r == 0)
		r = sk_key_tree_new(&tree);
	if (r < 0)
		return r;
	sk_id_new(state->id);
	state->epoch = 1;
	r = sk_vault_state_add(state, 1, tree);
	if (r == 0)
		r = vault_new(directory, keystore, &vault);
	return r < 0 ? r : begin(vault, own_take(state), ret_vault);
}

int sk_vault_import(const char *directory, SkKeystore *keystore, SkSecret *bytes, SkVault **ret_vault)
{
	own_vault_state SkVaultState *state = NULL;
	SkVault *vault;
	int r = sk_vault_state_parse(sk_secret_data(bytes), sk_secret_size(bytes), &state);

	if (r == 0)
		r = vault_new(directory, keystore, &vault);
	return r < 0 ? r : begin(vault, own_take(state), ret_vault);
}

static int read_state(SkVault *vault, uint64_t epoch)
{
	own_secret SkSecret *key = NULL;
	int r = sk_keystore_get(vault->keystore, epoch, &key);

	return r < 0 ? r : sk_vault_state_read(vault->dir_fd, epoch, key, &vault->state);
}

static int newest_below(const uint64_t *epochs, int count, uint64_t below, uint64_t *ret_epoch)
{
	bool found = false;

	for (int i = 0; i < count; i++)
		if (epochs[i] < below && (!found || epochs[i] > *ret_epoch)) {
			*ret_epoch = epochs[i];
			found = true;
		}
	return found ? 0 : -ENOENT;
}

/* A state that lacks its key, or is not whole, is a change that was cut short: the one before it still
 * counts. */
static int read_newest(SkVault *vault)
{
	uint64_t epochs[SK_KEYSTORE_EPOCHS_MAX], epoch = UINT64_MAX;
	int count = sk_epoch_files_list(vault->dir_fd, "state", epochs), r = -ENOENT;

	if (count <= 0)
		return count < 0 ? count : -ENOENT;
	while (newest_below(epochs, count, epoch, &epoch) == 0) {
		r = read_state(vault, epoch);
		if (r != -ENOENT && r != -EBADMSG)
			return r;
	}
	return r == -ENOENT ? -ENOKEY : r;
}

int sk_vault_open(const char *directory, SkKeystore *keystore, SkVault **ret_vault)
{
	SkVault *vault;
	int r = vault_new(directory, keystore, &vault);

	if (r < 0)
		return r;
	r = read_newest(vault);
	if (r == 0)
		r = sk_vault_sweep(vault);
	if (r < 0) {
		vault->keystore = NULL;
		sk_vault_free(vault);
		return r;
	}
	*ret_vault = vault;
	return 0;
}

const char *sk_vault_id(const SkVault *vault)
{
	return vault->state->id;
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
		r = store(vault, next);
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
