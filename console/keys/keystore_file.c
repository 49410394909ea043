/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/keystore_kind.h"

#include <string.h>

#include "lib/base/io.h"

typedef struct FileStore {
	SkKeystore base;
	int dir_fd;
} FileStore;

static int dir_of(SkKeystore *keystore)
{
	return ((FileStore *)keystore)->dir_fd;
}

static int file_put(SkKeystore *keystore, uint64_t epoch, SkSecret *key)
{
	char name[SK_EPOCH_FILE_SIZE];

	sk_epoch_file_name(epoch, "key", name);
	return sk_epoch_file_write(dir_of(keystore), name, sk_secret_data(key), SK_KEYSTORE_KEY_SIZE);
}

static int file_get(SkKeystore *keystore, uint64_t epoch, SkSecret **ret_key)
{
	own_secret SkSecret *key = NULL;
	own_free char *data = NULL;
	char name[SK_EPOCH_FILE_SIZE];
	size_t size;
	int r;

	sk_epoch_file_name(epoch, "key", name);
	r = sk_io_read_file_at(dir_of(keystore), name, SK_KEYSTORE_KEY_SIZE, &data, &size);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	if (size != SK_KEYSTORE_KEY_SIZE)
		return -EBADMSG;
	r = sk_secret_new(SK_KEYSTORE_KEY_SIZE, &key);
	if (r == 0)
		memcpy(sk_secret_data(key), data, size);
	sk_secret_wipe(data, size);
	if (r < 0)
		return r;
	*ret_key = own_take(key);
	return 0;
}

static int file_destroy(SkKeystore *keystore, uint64_t epoch)
{
	char name[SK_EPOCH_FILE_SIZE];

	sk_epoch_file_name(epoch, "key", name);
	return sk_epoch_file_destroy(dir_of(keystore), name);
}

static int file_list(SkKeystore *keystore, uint64_t ret_epochs[SK_KEYSTORE_EPOCHS_MAX])
{
	return sk_epoch_files_list(dir_of(keystore), "key", ret_epochs);
}

static void file_free(SkKeystore *keystore)
{
	close(dir_of(keystore));
	free(keystore);
}

static const SkKeystoreKind kind = {"file", file_put, file_get, file_destroy, file_list, file_free};

int sk_keystore_file_open(const char *directory, SkKeystore **ret_keystore)
{
	own_fd int dir_fd = sk_key_dir_open(directory);
	FileStore *store;

	if (dir_fd < 0)
		return dir_fd;
	store = calloc(1, sizeof(*store));
	if (!store)
		return -ENOMEM;
	store->base.kind = &kind;
	store->dir_fd = own_take_fd(&dir_fd);
	*ret_keystore = &store->base;
	return 0;
}
