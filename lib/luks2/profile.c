/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/luks2/profile.h"

#include "lib/base/str.h"
#include "lib/ipc/check.h"

#define BOTH_SLOTS (1u << SK_LUKS2_SLOT_PASSPHRASE | 1u << SK_LUKS2_SLOT_RECOVERY)

bool sk_luks2_is_ours(const SkLuksFacts *facts)
{
	return facts->token.mode != SK_LUKS_MODE_NONE && facts->token.medium[0];
}

static const char *first_problem(uint32_t problems)
{
	for (unsigned i = 0; i < 32; i++)
		if (problems & 1u << i)
			return sk_luks_problem_name(1u << i);
	return NULL;
}

static const SkLuksKeyslot *find_slot(const SkLuksFacts *facts, uint8_t number)
{
	for (uint32_t i = 0; i < facts->n_keyslots && i < SK_LUKS_KEYSLOTS_MAX; i++)
		if (facts->keyslots[i].number == number)
			return &facts->keyslots[i];
	return NULL;
}

/* One more was added by whoever knew a key; one less is a medium that nobody can recover. */
static const char *check_slots(const SkLuksFacts *facts)
{
	const SkLuksKeyslot *passphrase = find_slot(facts, SK_LUKS2_SLOT_PASSPHRASE);
	const SkLuksKeyslot *recovery = find_slot(facts, SK_LUKS2_SLOT_RECOVERY);

	if (!recovery)
		return "recovery-slot";
	if (!passphrase || facts->n_keyslots != 2 || passphrase->type != SK_LUKS_KEYSLOT_PASSPHRASE ||
		recovery->type != SK_LUKS_KEYSLOT_PASSPHRASE)
		return "key-slots";
	return NULL;
}

static const char *check_segment(const SkLuksFacts *facts)
{
	const SkLuksSegment *segment = &facts->segments[0];

	if (facts->n_segments != 1 || segment->number != 0 || !segment->is_crypt || segment->has_integrity ||
		segment->has_flags || segment->iv_tweak != 0 || segment->offset != SK_LUKS2_DATA_OFFSET ||
		segment->size != SK_LUKS_DYNAMIC ||
		(segment->sector_size != 512 && segment->sector_size != 4096) ||
		!sk_str_eq(segment->encryption, SK_LUKS2_CIPHER))
		return "segment";
	return NULL;
}

/* The slot that does not lead to the key of the data leads to another one. */
static const char *check_digest(const SkLuksFacts *facts)
{
	const SkLuksDigest *digest = &facts->digests[0];

	if (facts->n_digests != 1 || digest->digest_size == 0 || digest->keyslots != BOTH_SLOTS ||
		digest->segments != 1)
		return "digest";
	return NULL;
}

static const char *check_token(const SkLuksFacts *facts)
{
	const SkLuksToken *token = &facts->token;

	if (facts->n_tokens != 1 || !sk_luks2_is_ours(facts) ||
		token->keyslots != 1u << SK_LUKS2_SLOT_PASSPHRASE || token->n_keys != 1)
		return "token";
	return NULL;
}

const char *sk_luks2_profile_check(const SkLuksFacts *facts)
{
	const char *wrong = first_problem(facts->problems);

	if (!wrong)
		wrong = check_slots(facts);
	if (!wrong)
		wrong = check_segment(facts);
	if (!wrong)
		wrong = check_digest(facts);
	return wrong ? wrong : check_token(facts);
}
