/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/signing.h"

#include <pthread.h>
#include <string.h>

#include "console/keys/epoch.h"
#include "console/keys/keystore_kind.h"
#include "console/store/time.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define KEYS_MAX SK_DSSE_SIGNATURES_MAX

typedef struct Key {
	uint64_t number; /* of its file */
	uint8_t public_key[SK_SIGN_PUBLIC_SIZE];
	SkDsseSigner signer;
} Key;

struct SkSigning {
	int dir_fd;
	char purpose[48];
	pthread_rwlock_t lock;
	size_t count;
	Key keys[KEYS_MAX];
};

void sk_signing_free(SkSigning *signing)
{
	if (!signing)
		return;
	for (size_t i = 0; i < signing->count; i++)
		sk_secret_free(signing->keys[i].signer.key);
	if (signing->dir_fd >= 0)
		close(signing->dir_fd);
	pthread_rwlock_destroy(&signing->lock);
	free(signing);
}

static int add_key(SkSigning *signing, uint64_t number, const uint8_t *seed)
{
	Key key = {.number = number};
	int r;

	if (signing->count == KEYS_MAX)
		return -E2BIG;
	r = sk_sign_key_new(seed, &key.signer.key, key.public_key);
	if (r < 0)
		return r;
	sk_dsse_key_id(key.public_key, key.signer.id);
	pthread_rwlock_wrlock(&signing->lock);
	signing->keys[signing->count++] = key;
	pthread_rwlock_unlock(&signing->lock);
	return 0;
}

static int load_key(SkSigning *signing, uint64_t number)
{
	own_free char *seed = NULL;
	char name[SK_EPOCH_FILE_SIZE];
	size_t size;
	int r;

	sk_epoch_file_name(number, "seed", name);
	r = sk_io_read_file_at(signing->dir_fd, name, SK_SIGN_SEED_SIZE, &seed, &size);
	if (r < 0)
		return r;
	r = size == SK_SIGN_SEED_SIZE ? add_key(signing, number, (const uint8_t *)seed) : -EBADMSG;
	sk_secret_wipe(seed, size);
	return r;
}

/* The row says that the key is ours; agents learn it from there. */
static int publish(SkDb *db, void *userdata)
{
	const SkSigning *signing = userdata;
	const Key *key = &signing->keys[signing->count - 1];
	const int64_t now = sk_time_now();
	const SkDbValue values[] = {sk_db_text(key->signer.id), sk_db_text(signing->purpose),
		sk_db_text("ed25519"), sk_db_bytes(key->public_key, SK_SIGN_PUBLIC_SIZE), sk_db_int(now)};

	return sk_db_exec(db,
		"INSERT INTO public_keys (id, purpose, algorithm, public_key, created, valid_from)"
		" VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (id) DO NOTHING",
		values, SK_ARRAY_SIZE(values), NULL);
}

static int make_key(SkDb *db, SkSigning *signing)
{
	uint8_t seed[SK_SIGN_SEED_SIZE];
	char name[SK_EPOCH_FILE_SIZE];
	uint64_t number = 1;
	int r;

	for (size_t i = 0; i < signing->count; i++)
		if (signing->keys[i].number >= number)
			number = signing->keys[i].number + 1;
	sk_random_fill(seed, sizeof(seed));
	sk_epoch_file_name(number, "seed", name);
	r = sk_epoch_file_write(signing->dir_fd, name, seed, sizeof(seed));
	if (r == 0)
		r = add_key(signing, number, seed);
	sk_secret_wipe(seed, sizeof(seed));
	return r < 0 ? r : sk_db_transact(db, publish, signing);
}

static int load_keys(SkDb *db, SkSigning *signing)
{
	uint64_t numbers[SK_KEYSTORE_EPOCHS_MAX];
	int count = sk_epoch_files_list(signing->dir_fd, "seed", numbers), r = 0;

	if (count < 0)
		return count;
	for (int i = 0; i < count && r == 0; i++) {
		r = load_key(signing, numbers[i]);
		/* A kill between file and row, or a database from before the key. */
		if (r == 0)
			r = sk_db_transact(db, publish, signing);
	}
	return r < 0 ? r : count;
}

static int destroy_key(SkSigning *signing, size_t index)
{
	char name[SK_EPOCH_FILE_SIZE];
	int r;

	sk_epoch_file_name(signing->keys[index].number, "seed", name);
	r = sk_epoch_file_destroy(signing->dir_fd, name);
	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&signing->lock);
	sk_secret_free(signing->keys[index].signer.key);
	memmove(&signing->keys[index], &signing->keys[index + 1], (signing->count - index - 1) * sizeof(Key));
	signing->count--;
	pthread_rwlock_unlock(&signing->lock);
	return 0;
}

static int count_rows(SkDb *db, const Key *key, const char *sql)
{
	int64_t count;
	int r = sk_db_query_int(
		db, sql, SK_DB_ARGS(sk_db_text(key->signer.id), sk_db_int(sk_time_now())), &count);

	return r < 0 ? r : count > 0;
}

/* Destroys the seeds whose overlap is over. Return: how many, or negative errno. */
static int sweep(SkDb *db, SkSigning *signing)
{
	int count = 0;

	for (size_t i = signing->count; i-- > 0;) {
		int r = count_rows(db, &signing->keys[i],
			"SELECT COUNT(*) FROM public_keys WHERE id = $1 AND retired <= $2");

		if (r == 1)
			r = destroy_key(signing, i);
		else if (r == 0)
			continue;
		if (r < 0)
			return r;
		count++;
	}
	return count;
}

int sk_signing_open(SkDb *db, const char *directory, const char *instance_id, SkSigning **ret_signing)
{
	own_signing SkSigning *signing = calloc(1, sizeof(*signing));
	int r;

	if (!signing)
		return -ENOMEM;
	pthread_rwlock_init(&signing->lock, NULL);
	signing->dir_fd = sk_key_dir_open(directory);
	if (signing->dir_fd < 0)
		return signing->dir_fd;
	if (!sk_str_format(signing->purpose, sizeof(signing->purpose), "signing:%s", instance_id))
		return -EINVAL;
	r = load_keys(db, signing);
	if (r == 0)
		r = make_key(db, signing);
	if (r >= 0)
		r = sweep(db, signing);
	if (r < 0)
		return r;
	*ret_signing = own_take(signing);
	return 0;
}

int sk_signing_retire(SkDb *db, int64_t until)
{
	int64_t running = 0;
	int r = sk_db_query_int(db,
		"SELECT COUNT(*) FROM public_keys WHERE purpose LIKE 'signing:%' AND retired > $1",
		SK_DB_ARGS(sk_db_int(sk_time_now())), &running);

	if (r < 0 || running > 0)
		return r < 0 ? r : -EBUSY;
	r = sk_db_exec(db,
		"UPDATE public_keys SET retired = $1 WHERE purpose LIKE 'signing:%' AND retired IS NULL",
		SK_DB_ARGS(sk_db_int(until)), NULL);
	return r < 0 ? r : sk_db_notify(db, SK_EPOCH_CHANNEL, "sign");
}

int sk_signing_follow(SkDb *db, SkSigning *signing)
{
	int stays = 0, r = 0, swept;

	for (size_t i = 0; i < signing->count && stays == 0; i++)
		stays = count_rows(db, &signing->keys[i],
			"SELECT COUNT(*) FROM public_keys WHERE id = $1 AND retired IS NULL AND created <= "
			"$2");
	if (stays == 0)
		r = make_key(db, signing);
	if (stays < 0 || r < 0)
		return stays < 0 ? stays : r;
	swept = sweep(db, signing);
	return swept < 0 ? swept : swept > 0 || stays == 0;
}

int sk_signing_sign(const SkSigning *signing, SkDssePayload payload, char **ret_envelope)
{
	pthread_rwlock_t *lock = (pthread_rwlock_t *)&signing->lock;
	SkDsseSigner signers[KEYS_MAX];
	int r;

	pthread_rwlock_rdlock(lock);
	for (size_t i = 0; i < signing->count; i++)
		signers[i] = signing->keys[i].signer;
	r = sk_dsse_sign(signers, signing->count, payload, ret_envelope);
	pthread_rwlock_unlock(lock);
	return r;
}

int sk_signing_list(SkDb *db, SkDsseKey **ret_keys, size_t *ret_count)
{
	own_free SkDsseKey *keys = NULL;
	own_rows SkDbRows *rows = NULL;
	size_t count = 0;
	int r = sk_db_query(db,
		"SELECT id, public_key FROM public_keys WHERE purpose LIKE 'signing:%' AND valid_from <= $1"
		" AND (retired IS NULL OR retired > $1) ORDER BY valid_from, id",
		SK_DB_ARGS(sk_db_int(sk_time_now())), &rows);

	while (r >= 0 && (r = sk_db_next(rows)) == 1) {
		SkDsseKey *more = reallocarray(keys, count + 1, sizeof(*keys));
		const void *public_key;
		size_t size;

		if (!more)
			return -ENOMEM;
		keys = more;
		public_key = sk_db_get_bytes(rows, 1, &size);
		if (size != SK_SIGN_PUBLIC_SIZE ||
			!sk_str_copy(keys[count].id, SK_DSSE_KEY_ID_SIZE, sk_db_get_text(rows, 0)))
			return -EBADMSG;
		memcpy(keys[count++].public_key, public_key, size);
	}
	if (r < 0)
		return r;
	*ret_keys = own_take(keys);
	*ret_count = count;
	return 0;
}
