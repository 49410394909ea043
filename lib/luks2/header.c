/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The binary header, the checksum, and which of the two copies counts.
 */
#include <stdbool.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/crypt/digest.h"
#include "lib/luks2/metadata.h"

#define LUKS_VERSION 2

/* Offsets and sizes within the binary header. Numbers are big-endian. */
enum {
	MAGIC = 0,
	MAGIC_SIZE = 6,
	VERSION = 6,
	HEADER_SIZE = 8,
	SEQUENCE = 16,
	LABEL = 24,
	LABEL_SIZE = 48,
	ALGORITHM = 72,
	ALGORITHM_SIZE = 32,
	SALT = 104,
	SALT_SIZE = 64,
	UUID = 168,
	UUID_SIZE = 40,
	SUBSYSTEM = 208,
	SUBSYSTEM_SIZE = 48,
	OFFSET = 256,
	CHECKSUM = 448,
	CHECKSUM_SIZE = 64,
};

static const uint8_t magics[2][MAGIC_SIZE] = {
	{'L', 'U', 'K', 'S', 0xba, 0xbe},
	{'S', 'K', 'U', 'L', 0xba, 0xbe},
};

void sk_luks2_init(void)
{
	luks2_json_init();
}

static uint64_t get_number(const uint8_t *bytes, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value << 8 | bytes[i];
	return value;
}

static void put_number(uint8_t *bytes, size_t n, uint64_t value)
{
	while (n-- > 0) {
		bytes[n] = (uint8_t)value;
		value >>= 8;
	}
}

/* 16 KiB and its doubles up to 4 MiB. */
static bool is_header_size(uint64_t size)
{
	return size >= 0x4000 && size <= SK_LUKS2_COPY_MAX && (size & (size - 1)) == 0;
}

size_t sk_luks2_size(const uint8_t *head)
{
	uint64_t size = get_number(head + HEADER_SIZE, 8);

	if (memcmp(head + MAGIC, magics[0], MAGIC_SIZE) != 0 || get_number(head + VERSION, 2) != LUKS_VERSION)
		return 0;
	return is_header_size(size) ? 2 * (size_t)size : 0;
}

/* Of the whole copy with zeros in the place of the checksum. */
static void compute_checksum(const uint8_t *copy, size_t header_size, uint8_t ret_digest[SK_SHA256_SIZE])
{
	static const uint8_t zeros[CHECKSUM_SIZE];
	SkSha256 hash;

	sk_sha256_init(&hash);
	sk_sha256_update(&hash, copy, CHECKSUM);
	sk_sha256_update(&hash, zeros, sizeof(zeros));
	sk_sha256_update(&hash, copy + CHECKSUM + CHECKSUM_SIZE, header_size - CHECKSUM - CHECKSUM_SIZE);
	sk_sha256_final(&hash, ret_digest);
}

void sk_luks2_seal(uint8_t *copy, size_t header_size)
{
	uint8_t digest[SK_SHA256_SIZE];

	compute_checksum(copy, header_size, digest);
	memset(copy + CHECKSUM, 0, CHECKSUM_SIZE);
	memcpy(copy + CHECKSUM, digest, sizeof(digest));
}

static bool is_terminated(const uint8_t *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

/* Is copy number i (0, 1) whole? Sets SK_LUKS_CHECKSUM_ALGORITHM where that is why not. */
static bool check_copy(const uint8_t *copy, size_t header_size, unsigned i, uint32_t *problems)
{
	uint8_t digest[SK_SHA256_SIZE];

	if (memcmp(copy + MAGIC, magics[i], MAGIC_SIZE) != 0 ||
		get_number(copy + VERSION, 2) != LUKS_VERSION ||
		get_number(copy + HEADER_SIZE, 8) != header_size ||
		get_number(copy + OFFSET, 8) != i * (uint64_t)header_size ||
		!is_terminated(copy + LABEL, LABEL_SIZE) || !is_terminated(copy + UUID, UUID_SIZE) ||
		!is_terminated(copy + SUBSYSTEM, SUBSYSTEM_SIZE) ||
		!is_terminated(copy + ALGORITHM, ALGORITHM_SIZE))
		return false;
	if (!sk_str_eq((const char *)copy + ALGORITHM, "sha256")) {
		*problems |= SK_LUKS_CHECKSUM_ALGORITHM;
		return false;
	}
	compute_checksum(copy, header_size, digest);
	return memcmp(copy + CHECKSUM, digest, sizeof(digest)) == 0;
}

/* All but what must differ: magic, salt, place, checksum. */
static bool copies_agree(const uint8_t *a, const uint8_t *b, size_t header_size)
{
	static const struct {
		size_t from, to;
	} same[] = {{VERSION, SALT}, {UUID, OFFSET}, {OFFSET + 8, CHECKSUM}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(same); i++)
		if (memcmp(a + same[i].from, b + same[i].from, same[i].to - same[i].from) != 0)
			return false;
	return memcmp(a + CHECKSUM + CHECKSUM_SIZE, b + CHECKSUM + CHECKSUM_SIZE,
		       header_size - CHECKSUM - CHECKSUM_SIZE) == 0;
}

static uint32_t compare_copies(const uint8_t *a, const uint8_t *b, size_t header_size)
{
	if (get_number(a + SEQUENCE, 8) != get_number(b + SEQUENCE, 8))
		return SK_LUKS_COPY_OLDER;
	return copies_agree(a, b, header_size) ? 0 : SK_LUKS_COPIES_DIFFER;
}

/* As libcryptsetup would: what is whole, and of two the newer one. */
static unsigned choose_copy(const uint8_t *both, bool first_whole, bool second_whole)
{
	size_t header_size = sk_luks2_size(both) / 2;

	if (first_whole && second_whole)
		return get_number(both + header_size + SEQUENCE, 8) > get_number(both + SEQUENCE, 8);
	return !first_whole;
}

static bool are_zeros(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static void take_text(char *dst, size_t dst_size, const uint8_t *text, uint32_t *problems)
{
	sk_str_copy(dst, dst_size, (const char *)text);
	if (!sk_utf8_check(dst, strlen(dst)))
		*problems |= SK_LUKS_STRUCTURE;
}

static void read_copy(const uint8_t *copy, size_t header_size, uint64_t medium_size, SkLuksFacts *facts)
{
	const char *json = (const char *)copy + SK_LUKS2_BINARY_SIZE;
	size_t area = header_size - SK_LUKS2_BINARY_SIZE, size = strnlen(json, area);

	facts->header_size = header_size;
	facts->sequence = get_number(copy + SEQUENCE, 8);
	take_text(facts->uuid, sizeof(facts->uuid), copy + UUID, &facts->problems);
	take_text(facts->label, sizeof(facts->label), copy + LABEL, &facts->problems);
	take_text(facts->subsystem, sizeof(facts->subsystem), copy + SUBSYSTEM, &facts->problems);
	if (!are_zeros((const uint8_t *)json + size, area - size))
		facts->problems |= SK_LUKS_EXTRA;
	/* The text ends with a zero, within the area. */
	if (size == area || size > SK_LUKS2_JSON_MAX)
		facts->problems |= SK_LUKS_JSON;
	else
		luks2_metadata_read(json, size, medium_size, facts);
}

void sk_luks2_read(const uint8_t *data, size_t size, uint64_t medium_size, SkLuksFacts *ret_facts)
{
	size_t both = size < SK_LUKS2_BINARY_SIZE ? 0 : sk_luks2_size(data), header_size = both / 2;
	const uint8_t *second = data + header_size;
	bool first_whole, second_whole;
	unsigned chosen;

	*ret_facts = (SkLuksFacts){.problems = SK_LUKS_NO_HEADER};
	if (both == 0 || size < both || medium_size < both)
		return;
	ret_facts->problems = 0;
	first_whole = check_copy(data, header_size, 0, &ret_facts->problems);
	second_whole = check_copy(second, header_size, 1, &ret_facts->problems);
	if (!first_whole)
		ret_facts->problems |= SK_LUKS_FIRST_COPY;
	if (!second_whole)
		ret_facts->problems |= SK_LUKS_SECOND_COPY;
	if (first_whole && second_whole)
		ret_facts->problems |= compare_copies(data, second, header_size);
	chosen = choose_copy(data, first_whole, second_whole);
	if (first_whole || second_whole)
		read_copy(data + chosen * header_size, header_size, medium_size, ret_facts);
	else
		ret_facts->problems |= SK_LUKS_NO_HEADER;
}

bool sk_luks2_mend(uint8_t *data, size_t size)
{
	size_t both = size < SK_LUKS2_BINARY_SIZE ? 0 : sk_luks2_size(data), header_size = both / 2;
	uint32_t problems = 0;
	bool first_whole, second_whole;
	unsigned chosen;
	uint8_t *other;

	if (both == 0 || size < both)
		return false;
	first_whole = check_copy(data, header_size, 0, &problems);
	second_whole = check_copy(data + header_size, header_size, 1, &problems);
	if (!first_whole && !second_whole)
		return false;
	chosen = choose_copy(data, first_whole, second_whole);
	other = data + (1 - chosen) * header_size;
	memcpy(other, data + chosen * header_size, header_size);
	memcpy(other + MAGIC, magics[1 - chosen], MAGIC_SIZE);
	put_number(other + OFFSET, 8, (1 - chosen) * (uint64_t)header_size);
	sk_luks2_seal(other, header_size);
	return true;
}
