/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/store/id.h"

#include <pthread.h>
#include <string.h>

#include "console/store/time.h"
#include "lib/base/crockford.h"
#include "lib/crypt/secret.h"

#define TIME_LENGTH 10
#define TIME_MAX ((INT64_C(1) << 48) - 1)

static const char alphabet[] = SK_CROCKFORD_ALPHABET;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int64_t last_time;
static unsigned __int128 last_random; /* 80 bits */

/*
 * Within one millisecond the random part counts on by a random step, so that knowing an id does not tell the
 * next one. Ids are no secrets all the same: what must not be guessed is a token.
 */
static void next(int64_t now, int64_t *ret_time, unsigned __int128 *ret_random)
{
	uint8_t bytes[10];
	uint32_t step;

	pthread_mutex_lock(&mutex);
	if (now > last_time) {
		last_time = now;
		sk_random_fill(bytes, sizeof(bytes));
		bytes[0] &= 0x7f; /* room to count */
		last_random = 0;
		for (size_t i = 0; i < sizeof(bytes); i++)
			last_random = last_random << 8 | bytes[i];
	} else {
		sk_random_fill(&step, sizeof(step));
		last_random += (unsigned __int128)step + 1;
	}
	*ret_time = last_time;
	*ret_random = last_random;
	pthread_mutex_unlock(&mutex);
}

void sk_id_new(char ret_id[SK_ID_SIZE])
{
	int64_t when, now = sk_time_now();
	unsigned __int128 random;

	next(now < 0 ? 0 : now > TIME_MAX ? TIME_MAX : now, &when, &random);
	for (int i = TIME_LENGTH - 1; i >= 0; i--, when >>= 5)
		ret_id[i] = alphabet[when & 31];
	for (int i = SK_ID_LENGTH - 1; i >= TIME_LENGTH; i--, random >>= 5)
		ret_id[i] = alphabet[(unsigned)random & 31];
	ret_id[SK_ID_LENGTH] = '\0';
}

bool sk_id_check(const char *id)
{
	return strspn(id, alphabet) == SK_ID_LENGTH && id[SK_ID_LENGTH] == '\0' && id[0] <= '7';
}

int64_t sk_id_time(const char *id)
{
	int64_t when = 0;

	if (!sk_id_check(id))
		return 0;
	for (int i = 0; i < TIME_LENGTH; i++)
		when = when << 5 | (strchr(alphabet, id[i]) - alphabet);
	return when;
}
