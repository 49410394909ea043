/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/carry_plan.h"

#include <string.h>

#include "agent/core/core.h"
#include "agent/core/json_text.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/luks2/profile.h"

void carry_plan_derivation(const Core *core, SkLuksPlan *plan)
{
	const SkCarrySettings *settings = &core->settings->carry;

	plan->kdf = settings->kdf == SK_CARRY_PBKDF2 ? SK_LUKS_KDF_PBKDF2 : SK_LUKS_KDF_ARGON2ID;
	plan->time = (uint32_t)settings->kdf_time;
	plan->memory = (uint32_t)(settings->kdf_memory / 1024);
	plan->iterations = (uint32_t)settings->kdf_iterations;
}

bool carry_plan_recovery(const json_t *grant, SkLuksPlan *plan)
{
	const json_t *recovery = json_object_get(grant, "recovery");
	const char *key = text_of(recovery, "public"), *id = text_of(recovery, "id");
	uint8_t bytes[SK_BASE64_SIZE(32)];
	size_t size = 0;

	if (strlen(key) != SK_BASE64_SIZE(32) - 1 || sk_base64_parse(key, strlen(key), bytes, &size) < 0 ||
		size != sizeof(plan->recovery_public))
		return false;
	memcpy(plan->recovery_public, bytes, size);
	return *id && sk_str_copy(plan->recovery_key, sizeof(plan->recovery_key), id);
}

json_t *carry_plan_facts(const SkLuksPlan *plan, const SkLuksMade *made)
{
	char digest[SK_BASE64_SIZE(SK_LUKS_SECRET_SIZE)], box[SK_BASE64_SIZE(sizeof(made->box))];

	sk_base64_format(made->digest, made->digest_size, digest);
	sk_base64_format(made->box, made->box_size, box);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:b, s:{s:s, s:s}}", "medium", plan->medium,
		"luksUuid", made->uuid, "volumeDigest", digest, "cipher", SK_LUKS2_CIPHER, "keyBits",
		SK_LUKS2_KEY_SIZE * 8, "pbkdf", plan->kdf == SK_LUKS_KDF_PBKDF2 ? "pbkdf2" : "argon2id",
		"tested", 1, "escrow", "recoveryKey", plan->recovery_key, "box", box);
}
