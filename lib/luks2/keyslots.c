/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "lib/base/str.h"
#include "lib/luks2/metadata.h"

static uint8_t read_type(const json_t *keyslot, SkLuksFacts *facts)
{
	const char *type = luks2_text(keyslot, "type", facts);

	if (sk_str_eq(type, "luks2"))
		return SK_LUKS_KEYSLOT_PASSPHRASE;
	if (sk_str_eq(type, "reencrypt")) {
		facts->problems |= SK_LUKS_REENCRYPTION;
		return SK_LUKS_KEYSLOT_REENCRYPT;
	}
	facts->problems |= SK_LUKS_KEYSLOT_KIND;
	return SK_LUKS_KEYSLOT_OTHER;
}

static void read_priority(const json_t *keyslot, SkLuksKeyslot *slot, SkLuksFacts *facts)
{
	uint32_t priority = 1;

	if (json_object_get(keyslot, "priority"))
		priority = luks2_number(keyslot, "priority", facts);
	if (priority > 2) {
		facts->problems |= SK_LUKS_STRUCTURE;
		priority = 1;
	}
	slot->priority = (uint8_t)priority;
}

static void read_argon2(const json_t *kdf, SkLuksKeyslot *slot, SkLuksFacts *facts)
{
	slot->time = luks2_number(kdf, "time", facts);
	slot->memory = luks2_number(kdf, "memory", facts);
	slot->cpus = luks2_number(kdf, "cpus", facts);
	if (slot->kdf == SK_LUKS_KDF_ARGON2I || slot->time < SK_LUKS2_ARGON2_TIME_MIN ||
		slot->memory < SK_LUKS2_ARGON2_MEMORY_MIN || slot->cpus == 0)
		facts->problems |= SK_LUKS_WEAK_KDF;
}

static void read_pbkdf2(const json_t *kdf, SkLuksKeyslot *slot, SkLuksFacts *facts)
{
	slot->iterations = luks2_number(kdf, "iterations", facts);
	luks2_text_copy(kdf, "hash", slot->kdf_hash, sizeof(slot->kdf_hash), facts);
	if (slot->iterations < (slot->priority == 0 ? SK_LUKS2_PBKDF2_ITERATIONS_RANDOM_KEY
						    : SK_LUKS2_PBKDF2_ITERATIONS_MIN) ||
		(!sk_str_eq(slot->kdf_hash, "sha256") && !sk_str_eq(slot->kdf_hash, "sha512")))
		facts->problems |= SK_LUKS_WEAK_KDF;
}

static void read_kdf(const json_t *keyslot, SkLuksKeyslot *slot, SkLuksFacts *facts)
{
	static const struct {
		const char *type;
		uint8_t kdf;
		void (*read)(const json_t *kdf, SkLuksKeyslot *slot, SkLuksFacts *facts);
	} kinds[] = {
		{"pbkdf2", SK_LUKS_KDF_PBKDF2, read_pbkdf2},
		{"argon2i", SK_LUKS_KDF_ARGON2I, read_argon2},
		{"argon2id", SK_LUKS_KDF_ARGON2ID, read_argon2},
	};
	const json_t *kdf = json_object_get(keyslot, "kdf");
	const char *type = luks2_text(kdf, "type", facts);
	uint8_t salt[SK_LUKS_SECRET_SIZE];

	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++)
		if (sk_str_eq(type, kinds[i].type)) {
			slot->kdf = kinds[i].kdf;
			kinds[i].read(kdf, slot, facts);
			luks2_bytes(kdf, "salt", salt, facts);
			return;
		}
	slot->kdf = SK_LUKS_KDF_OTHER;
	facts->problems |= SK_LUKS_KEYSLOT_KIND;
}

/* The anti-forensic splitter: all but its hash is fixed. */
static void read_splitter(const json_t *keyslot, SkLuksKeyslot *slot, SkLuksFacts *facts)
{
	const json_t *af = json_object_get(keyslot, "af");

	slot->stripes = luks2_number(af, "stripes", facts);
	luks2_text_copy(af, "hash", slot->af_hash, sizeof(slot->af_hash), facts);
	if (!sk_str_eq(luks2_text(af, "type", facts), "luks1") || slot->stripes != SK_LUKS2_STRIPES)
		facts->problems |= SK_LUKS_KEYSLOT_KIND;
}

/* Between the copies of the header and `end`. */
static void read_place(const json_t *area, uint64_t end, SkLuksKeyslot *slot, SkLuksFacts *facts)
{
	slot->area_offset = luks2_large_number(area, "offset", facts);
	slot->area_size = luks2_large_number(area, "size", facts);
	if (slot->area_offset < 2 * facts->header_size || slot->area_offset > end || slot->area_size == 0 ||
		slot->area_size > end - slot->area_offset)
		facts->problems |= SK_LUKS_STRUCTURE;
}

static void read_area(const json_t *keyslot, uint64_t end, SkLuksKeyslot *slot, SkLuksFacts *facts)
{
	const json_t *area = json_object_get(keyslot, "area");

	read_place(area, end, slot, facts);
	if (slot->type != SK_LUKS_KEYSLOT_PASSPHRASE)
		return;
	if (!sk_str_eq(luks2_text(area, "type", facts), "raw"))
		facts->problems |= SK_LUKS_KEYSLOT_KIND;
	luks2_text_copy(area, "encryption", slot->area_encryption, sizeof(slot->area_encryption), facts);
	slot->area_key_size = luks2_number(area, "key_size", facts);
	luks2_cipher_check(slot->area_encryption, slot->area_key_size, facts);
}

static void read_keyslot(const json_t *keyslot, uint64_t end, SkLuksKeyslot *slot, SkLuksFacts *facts)
{
	slot->type = read_type(keyslot, facts);
	slot->key_size = luks2_number(keyslot, "key_size", facts);
	read_priority(keyslot, slot, facts);
	read_area(keyslot, end, slot, facts);
	if (slot->type != SK_LUKS_KEYSLOT_PASSPHRASE)
		return;
	if (slot->key_size != SK_LUKS2_KEY_SIZE)
		facts->problems |= SK_LUKS_WEAK_CIPHER;
	read_splitter(keyslot, slot, facts);
	read_kdf(keyslot, slot, facts);
}

void luks2_keyslots_read(const json_t *section, uint64_t end, SkLuksFacts *facts)
{
	const char *name;
	json_t *keyslot;

	json_object_foreach ((json_t *)section, name, keyslot) {
		SkLuksKeyslot *slot = &facts->keyslots[facts->n_keyslots];

		/* As many names as there is room: jansson has refused repeated ones. */
		if (!luks2_name_parse(name, &slot->number)) {
			facts->problems |= SK_LUKS_STRUCTURE;
			continue;
		}
		facts->n_keyslots++;
		read_keyslot(keyslot, end, slot, facts);
	}
}
