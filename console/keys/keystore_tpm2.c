/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TPM 2.0 of the server keeps the key of each epoch in a cell of its own memory (lib/tpm), whose number
 * and password are in epoch-N.cell. Who has the file and not the chip has nothing; the end of the cell is the
 * end of the key.
 */
#include "console/keys/keystore_kind.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/tpm/tpm.h"

#define SUFFIX "cell"
#define TRIES 8

typedef struct TpmStore {
	SkKeystore base;
	int dir_fd;
	char where[256];
	pthread_mutex_t lock; /* a chip without a manager of its resources does one thing at a time */
} TpmStore;

/* What is written down of a cell: its number, little-endian, and its password. */
typedef struct CellFile {
	uint8_t number[4], password[32];
} CellFile;

static int open_chip(TpmStore *store, SkTpm **ret_tpm)
{
	int r = sk_tpm_open(store->where, ret_tpm);

	/* Here -EPERM and -EACCES are about the directory. */
	return r == -EPERM ? -ENODEV : r == -EACCES ? -ENOTSUP : r;
}

static int read_cell(const TpmStore *store, uint64_t epoch, SkTpmCell *ret_cell)
{
	own_free char *data = NULL;
	char name[SK_EPOCH_FILE_SIZE];
	const CellFile *file;
	size_t size;
	int r;

	sk_epoch_file_name(epoch, SUFFIX, name);
	r = sk_io_read_file_at(store->dir_fd, name, sizeof(*file), &data, &size);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	if (size != sizeof(*file))
		return -EBADMSG;
	file = (const CellFile *)data;
	ret_cell->number = (uint32_t)file->number[0] | (uint32_t)file->number[1] << 8 |
			   (uint32_t)file->number[2] << 16 | (uint32_t)file->number[3] << 24;
	memcpy(ret_cell->password, file->password, sizeof(ret_cell->password));
	sk_secret_wipe(data, size);
	return 0;
}

static int write_cell(const TpmStore *store, uint64_t epoch, const SkTpmCell *cell)
{
	CellFile file = {.number = {(uint8_t)cell->number, (uint8_t)(cell->number >> 8),
				 (uint8_t)(cell->number >> 16), (uint8_t)(cell->number >> 24)}};
	char name[SK_EPOCH_FILE_SIZE];
	int r;

	memcpy(file.password, cell->password, sizeof(file.password));
	sk_epoch_file_name(epoch, SUFFIX, name);
	r = sk_epoch_file_write(store->dir_fd, name, &file, sizeof(file));
	sk_secret_wipe(&file, sizeof(file));
	return r;
}

static int forget_file(const TpmStore *store, uint64_t epoch)
{
	char name[SK_EPOCH_FILE_SIZE];

	sk_epoch_file_name(epoch, SUFFIX, name);
	return sk_epoch_file_destroy(store->dir_fd, name);
}

/* The file first, so that no cell is ever without one. Return: -EEXIST also when somebody has the number. */
static int put_once(TpmStore *store, SkTpm *tpm, uint64_t epoch, SkSecret *key)
{
	SkTpmCell cell;
	int r;

	sk_random_fill(&cell, sizeof(cell));
	cell.number %= SK_TPM_CELLS;
	r = sk_tpm_cell_exists(tpm, cell.number);
	if (r == 0)
		r = write_cell(store, epoch, &cell);
	if (r == 0) {
		r = sk_tpm_cell_write(tpm, &cell, key);
		if (r < 0)
			(void)forget_file(store, epoch);
	}
	sk_secret_wipe(&cell, sizeof(cell));
	return r;
}

static int put_locked(TpmStore *store, uint64_t epoch, SkSecret *key)
{
	own_tpm SkTpm *tpm = NULL;
	SkTpmCell there;
	int r = read_cell(store, epoch, &there);

	sk_secret_wipe(&there, sizeof(there));
	if (r != -ENOENT)
		return r == 0 ? -EEXIST : r;
	r = open_chip(store, &tpm);
	if (r < 0)
		return r;
	for (int i = 0; i < TRIES; i++) {
		r = put_once(store, tpm, epoch, key);
		if (r != -EEXIST)
			return r;
	}
	return r;
}

static int tpm2_put(SkKeystore *keystore, uint64_t epoch, SkSecret *key)
{
	TpmStore *store = (TpmStore *)keystore;
	int r;

	pthread_mutex_lock(&store->lock);
	r = put_locked(store, epoch, key);
	pthread_mutex_unlock(&store->lock);
	return r;
}

static int get_locked(TpmStore *store, uint64_t epoch, SkSecret **ret_key)
{
	own_tpm SkTpm *tpm = NULL;
	SkTpmCell cell;
	int r = read_cell(store, epoch, &cell);

	if (r == 0)
		r = open_chip(store, &tpm);
	if (r == 0) {
		r = sk_tpm_cell_read(tpm, &cell, ret_key);
		/* Somebody else's cell has the number of ours, which is gone. */
		if (r == -EACCES)
			r = -ENOENT;
	}
	sk_secret_wipe(&cell, sizeof(cell));
	return r;
}

static int tpm2_get(SkKeystore *keystore, uint64_t epoch, SkSecret **ret_key)
{
	TpmStore *store = (TpmStore *)keystore;
	int r;

	pthread_mutex_lock(&store->lock);
	r = get_locked(store, epoch, ret_key);
	pthread_mutex_unlock(&store->lock);
	return r;
}

/* The cell first: that is what counts. */
static int destroy_locked(TpmStore *store, uint64_t epoch)
{
	own_tpm SkTpm *tpm = NULL;
	SkTpmCell cell;
	int r = read_cell(store, epoch, &cell);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = open_chip(store, &tpm);
	if (r == 0)
		r = sk_tpm_cell_destroy(tpm, &cell);
	sk_secret_wipe(&cell, sizeof(cell));
	return r < 0 ? r : forget_file(store, epoch);
}

static int tpm2_destroy(SkKeystore *keystore, uint64_t epoch)
{
	TpmStore *store = (TpmStore *)keystore;
	int r;

	pthread_mutex_lock(&store->lock);
	r = destroy_locked(store, epoch);
	pthread_mutex_unlock(&store->lock);
	return r;
}

static int tpm2_list(SkKeystore *keystore, uint64_t ret_epochs[SK_KEYSTORE_EPOCHS_MAX])
{
	return sk_epoch_files_list(((TpmStore *)keystore)->dir_fd, SUFFIX, ret_epochs);
}

static void tpm2_free(SkKeystore *keystore)
{
	TpmStore *store = (TpmStore *)keystore;

	if (store->dir_fd >= 0)
		close(store->dir_fd);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

static const SkKeystoreKind kind = {"tpm2", tpm2_put, tpm2_get, tpm2_destroy, tpm2_list, tpm2_free};

/* [WHERE]?dir=DIRECTORY. Return: the directory, or NULL. */
static const char *parse_words(const char *words, char ret_where[256])
{
	const char *directory = strstr(words, "?dir=");

	if (!directory || directory[5] != '/' || directory - words >= 256)
		return NULL;
	sk_str_format(ret_where, 256, "%.*s", (int)(directory - words), words);
	if (!*ret_where)
		sk_str_copy(ret_where, 256, SK_TPM_HERE);
	return directory + 5;
}

int sk_keystore_tpm2_open(const char *words, SkKeystore **ret_keystore)
{
	own_keystore SkKeystore *keystore = NULL;
	own_tpm SkTpm *tpm = NULL;
	const char *directory;
	TpmStore *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	pthread_mutex_init(&store->lock, NULL);
	store->base.kind = &kind;
	store->dir_fd = -1;
	keystore = &store->base;
	directory = parse_words(words, store->where);
	if (!directory)
		return -EINVAL;
	store->dir_fd = sk_key_dir_open(directory);
	if (store->dir_fd < 0)
		return store->dir_fd;
	sk_tpm_init();
	r = open_chip(store, &tpm);
	if (r == 0)
		*ret_keystore = own_take(keystore);
	return r;
}
