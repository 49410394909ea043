/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making a vault, and finding the newest state of one that is whole. */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "console/keys/vault_own.h"
#include "console/store/id.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

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
	pthread_mutex_init(&vault->following, NULL);
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
	pthread_mutex_destroy(&vault->following);
	close(vault->dir_fd);
	free(vault);
}

/* The failure of a new vault gives the keystore back to who called. */
static int begin(SkVault *vault, SkVaultState *state, SkVault **ret_vault)
{
	uint64_t epochs[SK_KEYSTORE_EPOCHS_MAX];
	int r = sk_epoch_files_list(vault->dir_fd, "state", epochs);

	r = r > 0 ? -EEXIST : r < 0 ? r : sk_vault_store_first(vault, state);
	if (r < 0) {
		sk_vault_state_free(state);
		vault->keystore = NULL;
		sk_vault_free(vault);
		return r;
	}
	vault->state = state;
	sk_str_copy(vault->id, sizeof(vault->id), state->id);
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

static int read_instance(int dir_fd, char ret_instance[SK_VAULT_ID_SIZE])
{
	own_free char *data = NULL;
	size_t size;
	int r = sk_io_read_file_at(dir_fd, "instance", SK_VAULT_ID_SIZE - 1, &data, &size);

	if (r == 0)
		sk_str_copy(ret_instance, SK_VAULT_ID_SIZE, data);
	return r;
}

int sk_vault_check(const char *directory, SkKeystore *keystore, SkVaultReport *ret_report)
{
	own_fd int dir_fd = sk_key_dir_open(directory);
	SkVault vault = {.dir_fd = dir_fd, .keystore = keystore};
	uint64_t epochs[SK_KEYSTORE_EPOCHS_MAX];
	SkVaultReport report = {.keys = 0};
	int count, r = dir_fd < 0 ? dir_fd : read_instance(dir_fd, report.instance);

	if (r == 0)
		r = read_newest(&vault);
	if (r < 0)
		return r;
	sk_str_copy(report.id, sizeof(report.id), vault.state->id);
	report.epoch = vault.state->epoch;
	sk_vault_state_free(vault.state);
	count = sk_keystore_list(keystore, epochs);
	for (int i = 0; i < count; i++)
		report.keys += epochs[i] != report.epoch;
	*ret_report = report;
	return count < 0 ? count : 0;
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
	sk_str_copy(vault->id, sizeof(vault->id), vault->state->id);
	*ret_vault = vault;
	return 0;
}
