/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/password.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WORD(x) #x
#define WORD_OF(x) WORD(x)

#define PASSES 3
#define MEMORY_KIB 65536
#define MEMORY ((size_t)MEMORY_KIB * 1024)
/* What we ever compute: a stored hash that wants more is refused. */
#define PASSES_MAX 10
#define MEMORY_MAX_KIB (256u * 1024)

_Static_assert(SK_PASSWORD_SALT_SIZE == crypto_pwhash_SALTBYTES, "the salt of libsodium");
_Static_assert(SK_PASSWORD_HASH_SIZE >= crypto_pwhash_argon2id_STRBYTES, "room for a hash");

/* The form of somebody's hash, of chance: no password is known for it. It is there from the start, so that
 * the first name that nobody has takes no longer than the others. */
static const char nobody[SK_PASSWORD_HASH_SIZE] = "$argon2id$v=19$m=" WORD_OF(MEMORY_KIB) ",t=" WORD_OF(
	PASSES) ",p=1$qDo9cUuXYVe1I1macwBCDA$"
		"R16yLwcCRE289bs2uVIF8l+rj3605JYm9ymXyrcbvHU";

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_free = PTHREAD_COND_INITIALIZER;
static unsigned inside;

static int gate_enter(void)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += SK_PASSWORD_WAIT_MS / 1000;
	pthread_mutex_lock(&gate);
	while (inside >= SK_PASSWORD_AT_ONCE && r == 0)
		r = pthread_cond_timedwait(&gate_free, &gate, &until);
	if (inside < SK_PASSWORD_AT_ONCE) {
		inside++;
		r = 0;
	}
	pthread_mutex_unlock(&gate);
	return r == 0 ? 0 : -EBUSY;
}

static void gate_leave(void)
{
	pthread_mutex_lock(&gate);
	inside--;
	pthread_cond_signal(&gate_free);
	pthread_mutex_unlock(&gate);
}

static int compute(const char *password, size_t size, char ret_hash[SK_PASSWORD_HASH_SIZE])
{
	char made[crypto_pwhash_argon2id_STRBYTES];

	if (crypto_pwhash_argon2id_str(made, password, size, PASSES, MEMORY) != 0)
		return -ENOMEM;
	memcpy(ret_hash, made, sizeof(made));
	return 0;
}

/* One that has a length to be used, when it is our turn. Return: 0 (the caller leaves the gate), or negative
 * errno. */
static int begin(const char *password, size_t *ret_size)
{
	*ret_size = strnlen(password, SK_PASSWORD_MAX + 1);
	return *ret_size == 0 || *ret_size > SK_PASSWORD_MAX ? -EINVAL : gate_enter();
}

int sk_password_hash(const char *password, char ret_hash[SK_PASSWORD_HASH_SIZE])
{
	size_t size;
	int r = begin(password, &size);

	if (r < 0)
		return r;
	r = compute(password, size, ret_hash);
	gate_leave();
	return r;
}

/* Reads the costs only; libsodium reads the rest, and every byte of it. */
static bool costs_are_ours(const char *hash)
{
	unsigned memory, passes, lanes;
	int end = 0;

	if (strnlen(hash, SK_PASSWORD_HASH_SIZE) >= SK_PASSWORD_HASH_SIZE)
		return false;
	if (sscanf(hash, "$argon2id$v=19$m=%9u,t=%9u,p=%9u$%n", &memory, &passes, &lanes, &end) != 3 ||
		end == 0)
		return false;
	return memory <= MEMORY_MAX_KIB && passes <= PASSES_MAX && lanes == 1;
}

/* libsodium says -1 for both; only errno tells that the memory was missing. */
static int verify_hash(const char *hash, const char *password, size_t size)
{
	char padded[crypto_pwhash_argon2id_STRBYTES] = {0};

	memcpy(padded, hash, strlen(hash));
	errno = 0;
	if (crypto_pwhash_argon2id_str_verify(padded, password, size) == 0)
		return 0;
	return errno == ENOMEM ? -ENOMEM : -EACCES;
}

int sk_password_verify(const char *hash, const char *password)
{
	size_t size = strnlen(password, SK_PASSWORD_MAX + 1);
	int r;

	if (hash && !costs_are_ours(hash))
		return -EBADMSG;
	/* Too long is wrong, but takes as long as any other. */
	if (size > SK_PASSWORD_MAX)
		hash = NULL;
	r = gate_enter();
	if (r < 0)
		return r;
	r = verify_hash(hash ? hash : nobody, password, size);
	gate_leave();
	/* Only the work counts for nobody, not its result. */
	return r == 0 && !hash ? -EACCES : r;
}

int sk_password_key(const char *password, const uint8_t salt[SK_PASSWORD_SALT_SIZE],
	uint8_t ret_key[SK_PASSWORD_KEY_SIZE])
{
	size_t size;
	int r = begin(password, &size);

	if (r < 0)
		return r;
	r = crypto_pwhash(ret_key, SK_PASSWORD_KEY_SIZE, password, size, salt, PASSES, MEMORY,
		crypto_pwhash_ALG_ARGON2ID13);
	gate_leave();
	return r == 0 ? 0 : -ENOMEM;
}

bool sk_password_needs_rehash(const char *hash)
{
	char padded[crypto_pwhash_argon2id_STRBYTES] = {0};

	if (!costs_are_ours(hash))
		return true;
	memcpy(padded, hash, strlen(hash));
	return crypto_pwhash_argon2id_str_needs_rehash(padded, PASSES, MEMORY) != 0;
}
