/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The header of a LUKS2 medium. What begins with LUKS's magic is taken as the medium itself; anything else as
 * the JSON of one, put into two copies with right checksums, so that it gets as far as the JSON of a careful
 * attacker.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/ipc/check.h"
#include "lib/luks2/luks2.h"

#define MEDIUM_SIZE (64ull << 20)
#define SMALLEST 0x4000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void put_number(uint8_t *bytes, size_t n, uint64_t value)
{
	while (n-- > 0) {
		bytes[n] = (uint8_t)value;
		value >>= 8;
	}
}

static void write_copy(uint8_t *copy, size_t header_size, unsigned i, const uint8_t *json, size_t size)
{
	memcpy(copy, i == 0 ? "LUKS\xba\xbe" : "SKUL\xba\xbe", 6);
	put_number(copy + 6, 2, 2);
	put_number(copy + 8, 8, header_size);
	put_number(copy + 16, 8, 3);
	memcpy(copy + 72, "sha256", 6);
	memcpy(copy + 168, "12345678-1234-1234-1234-123456789abc", 36);
	put_number(copy + 256, 8, i * header_size);
	memcpy(copy + SK_LUKS2_BINARY_SIZE, json, size);
	sk_luks2_seal(copy, header_size);
}

/* What a medium without a problem is promised to be. */
static void check_sound(const SkLuksFacts *facts)
{
	require(facts->n_segments == 1 && facts->n_digests == 1 && facts->segments[0].is_crypt);
	require(strcmp(facts->segments[0].encryption, SK_LUKS2_CIPHER) == 0);
	require(facts->segments[0].offset >= 2 * facts->header_size && !facts->segments[0].has_flags);
	require(facts->digests[0].segments == 1u << facts->segments[0].number);
	for (uint32_t i = 0; i < facts->n_keyslots; i++) {
		const SkLuksKeyslot *slot = &facts->keyslots[i];

		require(slot->type == SK_LUKS_KEYSLOT_PASSPHRASE && slot->key_size == SK_LUKS2_KEY_SIZE);
		require(strcmp(slot->area_encryption, SK_LUKS2_CIPHER) == 0);
		require(slot->kdf == SK_LUKS_KDF_ARGON2ID || slot->kdf == SK_LUKS_KDF_PBKDF2);
		require(slot->iterations >= SK_LUKS2_PBKDF2_ITERATIONS_MIN ||
			slot->memory >= SK_LUKS2_ARGON2_MEMORY_MIN ||
			(slot->priority == 0 && slot->iterations >= SK_LUKS2_PBKDF2_ITERATIONS_RANDOM_KEY));
	}
}

/* Mended, it says the same, with both copies. */
static void check_mended(const uint8_t *data, size_t size, SkLuksFacts *facts)
{
	const uint32_t of_copies = SK_LUKS_INTERRUPTED | SK_LUKS_COPIES_DIFFER | SK_LUKS_CHECKSUM_ALGORITHM;
	own_free uint8_t *copy = malloc(size + 1);
	static SkLuksFacts mended;

	require(copy != NULL);
	memcpy(copy, data, size);
	if (!sk_luks2_mend(copy, size)) {
		require(facts->problems & SK_LUKS_NO_HEADER);
		return;
	}
	sk_luks2_read(copy, size, MEDIUM_SIZE, &mended);
	if (mended.problems & SK_LUKS_NO_HEADER) /* the medium is smaller than it */
		return;
	require((mended.problems & of_copies) == 0);
	require(mended.problems == (facts->problems & ~of_copies));
	mended.problems = facts->problems;
	require(memcmp(facts, &mended, sizeof(mended)) == 0);
}

static void read_header(const uint8_t *data, size_t size)
{
	static SkLuksFacts facts, again;

	memset(&facts, 0xff, sizeof(facts));
	sk_luks2_read(data, size, MEDIUM_SIZE, &facts);
	require(sk_check_luks_facts(&facts));
	if (facts.problems == 0)
		check_sound(&facts);
	sk_luks2_read(data, size, MEDIUM_SIZE, &again);
	require(memcmp(&facts, &again, sizeof(facts)) == 0);
	check_mended(data, size, &facts);
}

static void read_json(const uint8_t *json, size_t size)
{
	size_t header_size = SMALLEST;
	own_free uint8_t *medium = NULL;

	while (header_size < size + SK_LUKS2_BINARY_SIZE && header_size < SK_LUKS2_COPY_MAX)
		header_size *= 2;
	if (header_size < size + SK_LUKS2_BINARY_SIZE)
		return;
	medium = calloc(2, header_size);
	require(medium != NULL);
	write_copy(medium, header_size, 0, json, size);
	write_copy(medium + header_size, header_size, 1, json, size);
	require(sk_luks2_size(medium) == 2 * header_size);
	read_header(medium, 2 * header_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	require(sk_crypt_init() == 0);
	if (size >= 6 && memcmp(data, "LUKS\xba\xbe", 6) == 0)
		read_header(data, size);
	else
		read_json(data, size);
	return 0;
}
