/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "lib/base/str.h"
#include "lib/luks2/metadata.h"

/* What has how many digests: bit n of once and of twice. */
typedef struct Owned {
	uint32_t once, twice;
} Owned;

static void count(Owned *owned, uint32_t bits)
{
	owned->twice |= owned->once & bits;
	owned->once |= bits;
}

static void read_digest(const json_t *json, SkLuksDigest *digest, SkLuksFacts *facts)
{
	digest->is_pbkdf2 = sk_str_eq(luks2_text(json, "type", facts), "pbkdf2");
	digest->keyslots = luks2_numbers(json, "keyslots", facts);
	digest->segments = luks2_numbers(json, "segments", facts);
	if (!digest->is_pbkdf2) {
		facts->problems |= SK_LUKS_DIGEST;
		return;
	}
	digest->iterations = luks2_number(json, "iterations", facts);
	luks2_text_copy(json, "hash", digest->hash, sizeof(digest->hash), facts);
	digest->digest_size = luks2_bytes(json, "digest", digest->digest, facts);
	digest->salt_size = luks2_bytes(json, "salt", digest->salt, facts);
}

static uint32_t keyslots_present(const SkLuksFacts *facts)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < facts->n_keyslots; i++)
		if (facts->keyslots[i].type != SK_LUKS_KEYSLOT_REENCRYPT)
			bits |= 1u << facts->keyslots[i].number;
	return bits;
}

static uint32_t segments_present(const SkLuksFacts *facts)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < facts->n_segments && i < SK_LUKS_SEGMENTS_MAX; i++)
		if (facts->segments[i].is_crypt)
			bits |= 1u << facts->segments[i].number;
	return bits;
}

void luks2_digests_read(const json_t *section, SkLuksFacts *facts)
{
	Owned keyslots = {0}, segments = {0};
	const char *name;
	json_t *json;

	json_object_foreach ((json_t *)section, name, json) {
		SkLuksDigest digest = {0};

		if (!luks2_name_parse(name, &digest.number)) {
			facts->problems |= SK_LUKS_STRUCTURE;
			continue;
		}
		read_digest(json, &digest, facts);
		count(&keyslots, digest.keyslots);
		count(&segments, digest.segments);
		if (facts->n_digests < SK_LUKS_DIGESTS_MAX)
			facts->digests[facts->n_digests] = digest;
		facts->n_digests++;
	}
	if (keyslots.once != keyslots_present(facts) || segments.once != segments_present(facts) ||
		keyslots.twice || segments.twice)
		facts->problems |= SK_LUKS_DIGEST;
}
