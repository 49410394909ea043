/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/luks.h"

#include "agent/core/records.h"
#include "lib/base/str.h"
#include "lib/ipc/check.h"

static const char *kdf_name(uint8_t kdf)
{
	static const char *const names[SK_LUKS_KDF_MAX_] = {"none", "pbkdf2", "argon2i", "argon2id", "other"};

	return names[kdf];
}

static json_t *problems_to_json(uint32_t problems)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < 32; i++)
		if (problems & 1u << i)
			json_array_append_new(list, json_string(sk_luks_problem_name(1u << i)));
	return list;
}

static json_t *keyslots_to_json(const SkLuksFacts *facts)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < facts->n_keyslots; i++) {
		const SkLuksKeyslot *slot = &facts->keyslots[i];

		json_array_append_new(
			list, json_pack("{s:i, s:s, s:I, s:I, s:I}", "number", slot->number, "kdf",
				      kdf_name(slot->kdf), "time", (json_int_t)slot->time, "memory_kib",
				      (json_int_t)slot->memory, "iterations", (json_int_t)slot->iterations));
	}
	return list;
}

static json_t *token_to_json(const SkLuksToken *token)
{
	static const char *const modes[SK_LUKS_MODE_MAX_] = {"none", "bound", "portable", "hand-over"};

	return json_pack("{s:s, s:o, s:o, s:o}", "mode", modes[token->mode], "medium",
		record_text(token->medium), "organisation", record_text(token->organisation), "label",
		record_text(token->label));
}

/* The digest is that of the volume key of the first segment: with the uuid it names the medium. */
json_t *luks_to_json(const SkLuksFacts *facts)
{
	const SkLuksDigest *digest = &facts->digests[0];
	char hex[2 * SK_LUKS_SECRET_SIZE + 1];
	json_t *object;

	sk_hex_format(hex, digest->digest, digest->digest_size);
	object = json_pack("{s:i, s:o, s:o, s:o, s:I, s:o, s:s, s:o}", "luks", 2, "uuid",
		record_text(facts->uuid), "label", record_text(facts->label), "cipher",
		record_text(facts->segments[0].encryption), "key_bits",
		(json_int_t)facts->keyslots[0].key_size * 8, "keyslots", keyslots_to_json(facts),
		"key_digest", hex, "problems", problems_to_json(facts->problems));
	if (object && facts->token.mode != SK_LUKS_MODE_NONE)
		json_object_set_new(object, "token", token_to_json(&facts->token));
	return object;
}
