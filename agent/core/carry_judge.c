/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/carry_judge.h"

#include <string.h>

#include "agent/core/core.h"
#include "agent/core/grants.h"
#include "agent/core/json_text.h"
#include "agent/core/sightings.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/luks2/profile.h"

bool carry_is_ours(const Volume *volume)
{
	return volume->facts && volume->facts->state == SK_BLOCK_FACTS_OK &&
	       volume->facts->content == SK_CONTENT_LUKS2 && sk_luks2_is_ours(&volume->facts->luks);
}

const char *carry_medium(const Volume *volume)
{
	return volume->facts->luks.token.medium;
}

bool carry_read_identity(const json_t *grant, SkLuksWanted *wanted)
{
	const char *digest = text_of(grant, "digest");
	uint8_t bytes[SK_BASE64_SIZE(SK_LUKS_SECRET_SIZE)];
	size_t size = 0;

	if (!*digest || strlen(digest) >= sizeof(bytes) ||
		sk_base64_parse(digest, strlen(digest), bytes, &size) < 0 || size == 0 ||
		size > sizeof(wanted->digest))
		return false;
	memcpy(wanted->digest, bytes, size);
	wanted->digest_size = (uint32_t)size;
	return sk_str_copy(wanted->uuid, sizeof(wanted->uuid), text_of(grant, "uuid")) &&
	       sk_str_copy(wanted->medium, sizeof(wanted->medium), text_of(grant, "medium"));
}

bool carry_is_the_one(const SkLuksFacts *facts, const SkLuksWanted *wanted)
{
	const SkLuksDigest *digest = &facts->digests[0];

	return sk_str_eq(facts->uuid, wanted->uuid) && digest->digest_size == wanted->digest_size &&
	       memcmp(digest->digest, wanted->digest, wanted->digest_size) == 0;
}

SkReason carry_judge(Core *core, const Volume *volume, bool writing, SkLuksWanted *ret_wanted)
{
	const GrantAsk ask = {.medium = carry_medium(volume),
		.user = core->session.present ? core->session.user : "",
		.mode = writing ? "read-write" : "read"};
	SkLuksWanted wanted = {.purpose = writing ? SK_MEDIA_FOR_WRITING : SK_MEDIA_FOR_READING};
	const json_t *grant = NULL;
	SkReason code = grants_find(core, &ask, &grant);

	if (code != SK_REASON_NONE)
		return sighting_reason(volume, code);
	if (writing && volume->decision.media.handling != MEDIA_CARRY_OUT)
		return SK_MEDIUM_WRITING_BY_RULE;
	if (!carry_read_identity(grant, &wanted))
		/* A code that was read out says no more than which one is meant. */
		return json_object_get(grant, "counter") ? SK_CONSOLE_NEEDED : SK_MEDIUM_NOT_THE_ONE;
	if (!carry_is_the_one(&volume->facts->luks, &wanted))
		return SK_MEDIUM_NOT_THE_ONE;
	wanted.lease = json_integer_value(json_object_get(grant, "lease")) > 0;
	*ret_wanted = wanted;
	return SK_REASON_NONE;
}

SkReason carry_judge_any(Core *core, const Volume *volume)
{
	SkLuksWanted wanted;
	SkReason for_writing = carry_judge(core, volume, true, &wanted);

	if (for_writing == SK_REASON_NONE || carry_judge(core, volume, false, &wanted) == SK_REASON_NONE)
		return SK_MEDIUM_LOCKED;
	return for_writing;
}
