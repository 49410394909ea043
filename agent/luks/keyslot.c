/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key slots and the token of a header that is being made or changed, in memory. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "agent/luks/luks.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/box.h"

#define ESCROW_INFO "sekisho escrow 1" /* docs/keys.md */
#define RECOVERY_SIZE 32

/* Of a passphrase: as the settings of this PC say. */
static struct crypt_pbkdf_type kdf_of(const SkLuksPlan *plan)
{
	if (plan->kdf == SK_LUKS_KDF_PBKDF2)
		return (struct crypt_pbkdf_type){.type = CRYPT_KDF_PBKDF2,
			.hash = "sha256",
			.iterations = plan->iterations,
			.flags = CRYPT_PBKDF_NO_BENCHMARK};
	return (struct crypt_pbkdf_type){.type = CRYPT_KDF_ARGON2ID,
		.hash = "sha256",
		.iterations = plan->time,
		.max_memory_kb = plan->memory,
		.parallel_threads = 1,
		.flags = CRYPT_PBKDF_NO_BENCHMARK};
}

/* And opened, with the key compared: a slot that nobody has tried is none. */
static int add(struct crypt_device *device, int number, SkSecret *key, SkSecret *volume_key)
{
	own_secret SkSecret *found = NULL;
	size_t size = SK_LUKS2_KEY_SIZE;
	int r = sk_secret_new(size, &found);

	if (r == 0)
		r = crypt_keyslot_add_by_volume_key(device, number, (const char *)sk_secret_data(volume_key),
			sk_secret_size(volume_key), (const char *)sk_secret_data(key), sk_secret_size(key));
	if (r >= 0)
		r = crypt_volume_key_get(device, number, (char *)sk_secret_data(found), &size,
			(const char *)sk_secret_data(key), sk_secret_size(key));
	if (r < 0)
		return r;
	return sk_secret_equal(sk_secret_data(volume_key), sk_secret_data(found), SK_LUKS2_KEY_SIZE)
		       ? 0
		       : -EILSEQ;
}

int luks_keyslot_add(struct crypt_device *device, const LuksNewSlot *slot, SkSecret *volume_key)
{
	struct crypt_pbkdf_type kdf = kdf_of(slot->plan);
	int r = crypt_set_pbkdf_type(device, &kdf);

	return r < 0 ? r : add(device, slot->number, slot->key, volume_key);
}

/* The key leaves this process only in the box. It is random, so nothing is gained by deriving it slowly. */
int luks_keyslot_add_recovery(
	struct crypt_device *device, const LuksNewSlot *slot, SkSecret *volume_key, SkLuksMade *made)
{
	const struct crypt_pbkdf_type kdf = {.type = CRYPT_KDF_PBKDF2,
		.hash = "sha256",
		.iterations = SK_LUKS2_PBKDF2_ITERATIONS_RANDOM_KEY,
		.flags = CRYPT_PBKDF_NO_BENCHMARK};
	const SkBoxLabel label = {.info = ESCROW_INFO, .aad = slot->plan->medium};
	own_secret SkSecret *key = NULL;
	int r = sk_secret_new(RECOVERY_SIZE, &key);

	if (r < 0)
		return r;
	sk_random_fill(sk_secret_data(key), RECOVERY_SIZE);
	r = crypt_set_pbkdf_type(device, &kdf);
	if (r >= 0)
		r = add(device, slot->number, key, volume_key);
	if (r >= 0)
		r = crypt_keyslot_set_priority(device, slot->number, CRYPT_SLOT_PRIORITY_IGNORE);
	if (r < 0)
		return r;
	made->box_size = RECOVERY_SIZE + SK_BOX_OVERHEAD;
	return sk_box_seal(slot->plan->recovery_public, label, sk_secret_data(key), RECOVERY_SIZE, made->box);
}

int luks_token_write(struct crypt_device *device, int token, int slot, const SkLuksPlan *plan)
{
	static const char *const modes[] = {
		[SK_LUKS_MODE_BOUND] = "bound", [SK_LUKS_MODE_PORTABLE] = "portable"};
	char number[16];
	own_free char *text = NULL;
	json_auto_t *json = NULL;

	sk_str_format(number, sizeof(number), "%d", slot);
	json = json_pack("{s:s, s:[s], s:i, s:s, s:s, s:s, s:s, s:[s]}", "type", "sekisho", "keyslots",
		number, "version", 1, "medium", plan->medium, "organisation", plan->organisation, "label",
		plan->label, "mode", modes[plan->mode], "keys", plan->recovery_key);
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	return text ? crypt_token_json_set(device, token, text) : -EINVAL;
}

int luks_read_back(int header_fd, uint64_t medium_size, SkLuksFacts *facts, LuksDetail *detail)
{
	const char *wrong;
	int r = luks_facts_read(header_fd, medium_size, facts);

	if (r < 0)
		return r;
	wrong = facts->problems ? "problems" : sk_luks2_profile_check(facts);
	if (!wrong)
		return 0;
	sk_str_format(detail->text, sizeof(detail->text), "not of the profile: %s", wrong);
	return -EBADMSG;
}

void luks_made_fill(const SkLuksFacts *facts, uint64_t medium_size, SkLuksMade *made)
{
	const SkLuksSegment *segment = &facts->segments[0];

	sk_str_copy(made->uuid, sizeof(made->uuid), facts->uuid);
	made->digest_size = facts->digests[0].digest_size;
	memcpy(made->digest, facts->digests[0].digest, made->digest_size);
	made->capacity = (medium_size - segment->offset) / segment->sector_size * segment->sector_size;
}
