/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/luks2/metadata.h"

#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

/* As they stand in the binary header and its JSON: a section that is not one of these hides something. */
static const char *const sections[] = {"keyslots", "tokens", "segments", "digests", "config"};

void luks2_cipher_check(const char *encryption, uint32_t key_size, SkLuksFacts *facts)
{
	/* "cipher_null-ecb", "null", "capi:ecb(cipher_null)-plain" */
	if (strstr(encryption, "null"))
		facts->problems |= SK_LUKS_NULL_CIPHER;
	if (!sk_str_eq(encryption, SK_LUKS2_CIPHER) || key_size != SK_LUKS2_KEY_SIZE)
		facts->problems |= SK_LUKS_WEAK_CIPHER;
}

/* Each a promise that a reader must know how to keep; ours are read by a cryptsetup that has nothing under
 * way. */
static void read_requirements(const json_t *config, SkLuksFacts *facts)
{
	const json_t *requirements = json_object_get(config, "requirements");
	const json_t *mandatory = json_object_get(requirements, "mandatory");
	const json_t *item;
	size_t i;

	if (!requirements)
		return;
	if (!json_is_array(mandatory) || json_object_size(requirements) != 1)
		facts->problems |= SK_LUKS_REQUIREMENTS;
	json_array_foreach (mandatory, i, item) {
		const char *text = json_string_value(item);

		if (text && strstr(text, "reencrypt"))
			facts->problems |= SK_LUKS_REENCRYPTION;
		else
			facts->problems |= SK_LUKS_REQUIREMENTS;
	}
}

/* Return: where the keyslots' areas end. */
static uint64_t read_config(const json_t *config, SkLuksFacts *facts)
{
	uint64_t size = luks2_large_number(config, "keyslots_size", facts);

	if (luks2_large_number(config, "json_size", facts) != facts->header_size - SK_LUKS2_BINARY_SIZE)
		facts->problems |= SK_LUKS_STRUCTURE;
	read_requirements(config, facts);
	if (size > INT64_MAX) {
		facts->problems |= SK_LUKS_STRUCTURE;
		size = 0;
	}
	return 2 * facts->header_size + size;
}

static void check_sections(const json_t *json, SkLuksFacts *facts)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(sections); i++)
		if (!json_is_object(json_object_get(json, sections[i])))
			facts->problems |= SK_LUKS_STRUCTURE;
	if (json_object_size(json) > SK_ARRAY_SIZE(sections))
		facts->problems |= SK_LUKS_EXTRA;
}

void luks2_metadata_read(const char *text, size_t size, uint64_t medium_size, SkLuksFacts *facts)
{
	json_auto_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	uint64_t end;

	if (!json_is_object(json)) {
		facts->problems |= SK_LUKS_JSON;
		return;
	}
	check_sections(json, facts);
	end = read_config(json_object_get(json, "config"), facts);
	if (end > medium_size)
		facts->problems |= SK_LUKS_STRUCTURE;
	luks2_keyslots_read(json_object_get(json, "keyslots"), end, facts);
	luks2_segments_read(json_object_get(json, "segments"), end, medium_size, facts);
	luks2_digests_read(json_object_get(json, "digests"), facts);
	luks2_tokens_read(json_object_get(json, "tokens"), facts);
}
