/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/limit.h"

#include <pthread.h>
#include <string.h>

#include "lib/crypt/digest.h"
#include "lib/crypt/secret.h"

/* 4096 sets of 4: a quarter of a megabyte for each limit. */
#define SETS 4096
#define WAYS 4

typedef struct Bucket {
	uint64_t key;	 /* of a keyed digest; 0: free */
	uint64_t tokens; /* in thousandths */
	uint64_t seen;	 /* ms */
} Bucket;

struct SkLimit {
	pthread_mutex_t lock;
	uint64_t rate, burst;
	uint8_t secret[16]; /* so that nobody chooses addresses that share a set */
	Bucket buckets[SETS][WAYS];
};

int sk_limit_new(uint64_t rate, uint64_t burst, SkLimit **ret_limit)
{
	SkLimit *limit = calloc(1, sizeof(*limit));

	if (!limit)
		return -ENOMEM;
	limit->rate = rate > 0 ? rate : 1;
	limit->burst = burst > 0 ? burst : 1;
	sk_random_fill(limit->secret, sizeof(limit->secret));
	pthread_mutex_init(&limit->lock, NULL);
	*ret_limit = limit;
	return 0;
}

void sk_limit_free(SkLimit *limit)
{
	if (!limit)
		return;
	pthread_mutex_destroy(&limit->lock);
	free(limit);
}

static uint64_t digest(const SkLimit *limit, const void *key, size_t key_size)
{
	uint8_t bytes[SK_SHA256_SIZE];
	uint64_t value;
	SkSha256 hash;

	sk_sha256_init(&hash);
	sk_sha256_update(&hash, limit->secret, sizeof(limit->secret));
	sk_sha256_update(&hash, key, key_size);
	sk_sha256_final(&hash, bytes);
	memcpy(&value, bytes, sizeof(value));
	return value ? value : 1;
}

static Bucket *find(SkLimit *limit, uint64_t key, uint64_t now)
{
	Bucket *set = limit->buckets[key % SETS], *oldest = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].key == 0 || (oldest->key != 0 && set[i].seen < oldest->seen))
			oldest = &set[i];
	}
	*oldest = (Bucket){.key = key, .tokens = limit->burst * 1000, .seen = now};
	return oldest;
}

uint64_t sk_limit_take(SkLimit *limit, const void *key, size_t key_size, uint64_t now)
{
	const uint64_t full = limit->burst * 1000;
	uint64_t hashed = digest(limit, key, key_size), wait = 0, gained;
	Bucket *bucket;

	pthread_mutex_lock(&limit->lock);
	bucket = find(limit, hashed, now);
	/* rate a minute is rate / 60 thousandths a millisecond; longer than a full bucket takes is not
	 * counted. */
	gained = now > bucket->seen ? now - bucket->seen : 0;
	if (gained >= full * 60 / limit->rate + 1)
		bucket->tokens = full;
	else
		bucket->tokens += gained * limit->rate / 60;
	if (bucket->tokens > full)
		bucket->tokens = full;
	/* What is too little for a thousandth is not lost: the time stands until it is one. */
	if (gained * limit->rate / 60 > 0 || bucket->tokens == full)
		bucket->seen = now;
	if (bucket->tokens >= 1000)
		bucket->tokens -= 1000;
	else
		wait = (1000 - bucket->tokens) * 60 / limit->rate + 1;
	pthread_mutex_unlock(&limit->lock);
	return wait;
}
