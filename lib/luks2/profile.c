/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/luks2/profile.h"

#include "lib/base/str.h"
#include "lib/ipc/check.h"

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

/* Of both numbers of the pair: one slot, or none. */
static const SkLuksKeyslot *find_slot(const SkLuksFacts *facts, int slot)
{
	for (uint32_t i = 0; i < facts->n_keyslots && i < SK_LUKS_KEYSLOTS_MAX; i++)
		if (facts->keyslots[i].number == slot ||
			facts->keyslots[i].number == SK_LUKS2_SLOT_OTHER(slot))
			return &facts->keyslots[i];
	return NULL;
}

int sk_luks2_slot_now(const SkLuksFacts *facts, int slot)
{
	const SkLuksKeyslot *found = find_slot(facts, slot);

	return found ? found->number : slot;
}

static uint32_t bit_of(const SkLuksFacts *facts, int slot)
{
	return 1u << sk_luks2_slot_now(facts, slot);
}

/* One more was added by whoever knew a key; one less is a medium that nobody can recover. Only the one with a
 * random key may be named "not to be tried": it may have a weaker derivation. */
static const char *check_slots(const SkLuksFacts *facts)
{
	const SkLuksKeyslot *passphrase = find_slot(facts, SK_LUKS2_SLOT_PASSPHRASE);
	const SkLuksKeyslot *recovery = find_slot(facts, SK_LUKS2_SLOT_RECOVERY);

	if (!recovery)
		return "recovery-slot";
	if (!passphrase || facts->n_keyslots != 2 || passphrase->type != SK_LUKS_KEYSLOT_PASSPHRASE ||
		recovery->type != SK_LUKS_KEYSLOT_PASSPHRASE || passphrase->priority == 0)
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

	if (facts->n_digests != 1 || digest->digest_size == 0 || digest->segments != 1 ||
		digest->keyslots !=
			(bit_of(facts, SK_LUKS2_SLOT_PASSPHRASE) | bit_of(facts, SK_LUKS2_SLOT_RECOVERY)))
		return "digest";
	return NULL;
}

static const char *check_token(const SkLuksFacts *facts)
{
	const SkLuksToken *token = &facts->token;

	if (facts->n_tokens != 1 || !sk_luks2_is_ours(facts) ||
		token->keyslots != bit_of(facts, SK_LUKS2_SLOT_PASSPHRASE) || token->n_keys != 1)
		return "token";
	return NULL;
}

const char *sk_luks2_profile_check(const SkLuksFacts *facts)
{
	const char *wrong = first_problem(facts->problems & ~(uint32_t)SK_LUKS_INTERRUPTED);

	if (!wrong && facts->header_size != SK_LUKS2_METADATA_SIZE)
		wrong = "header-size";
	if (!wrong)
		wrong = check_slots(facts);
	if (!wrong)
		wrong = check_segment(facts);
	if (!wrong)
		wrong = check_digest(facts);
	return wrong ? wrong : check_token(facts);
}
