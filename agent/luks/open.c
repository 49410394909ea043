/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the copy of a header to the volume key. Nothing is asked of the console for a header that is not as it
 * was made: a guess would be counted, and a passphrase tried, on a stranger's parameters. */
#include <errno.h>
#include <string.h>

#include "agent/luks/luks.h"
#include "lib/base/str.h"

typedef struct Opening {
	SkLuksOpen order; /* a copy: the channel's memory is used again by what is asked meanwhile */
	int header_fd;
	SkLuksFacts facts;
	SkLuksOpened *answer;
} Opening;

static bool is_the_one(const SkLuksFacts *facts, const SkLuksWanted *wanted)
{
	const SkLuksDigest *digest = &facts->digests[0];

	return sk_str_eq(facts->token.medium, wanted->medium) && sk_str_eq(facts->uuid, wanted->uuid) &&
	       wanted->digest_size > 0 && digest->digest_size == wanted->digest_size &&
	       memcmp(digest->digest, wanted->digest, wanted->digest_size) == 0;
}

static SkReason check_header(Opening *opening)
{
	const char *wrong;

	if (luks_facts_read(opening->header_fd, opening->order.medium_size, &opening->facts) < 0)
		return SK_MEDIUM_DAMAGED;
	wrong = sk_luks2_profile_check(&opening->facts);
	if (wrong) {
		sk_str_copy(opening->answer->detail, sizeof(opening->answer->detail), wrong);
		return SK_MEDIUM_HEADER_CHANGED;
	}
	return is_the_one(&opening->facts, &opening->order.wanted) ? SK_REASON_NONE : SK_MEDIUM_NOT_THE_ONE;
}

static SkReason open_slot(Opening *opening, SkSecret *key)
{
	own_luks_device struct crypt_device *device = NULL;
	SkLuksVolume *volume = &opening->answer->volume;
	size_t size = sizeof(volume->key);
	int r = luks_device_new(opening->header_fd, &device);

	if (r == 0)
		r = crypt_load(device, CRYPT_LUKS2, NULL);
	if (r < 0)
		return SK_MEDIUM_HEADER_CHANGED;
	r = crypt_volume_key_get(device, SK_LUKS2_SLOT_PASSPHRASE, (char *)volume->key, &size,
		(const char *)sk_secret_data(key), sk_secret_size(key));
	if (r < 0 || size != SK_LUKS2_KEY_SIZE)
		return r == -EPERM ? SK_MEDIUM_WRONG_PASSPHRASE : SK_MEDIUM_DAMAGED;
	volume->offset = opening->facts.segments[0].offset;
	volume->sector_size = opening->facts.segments[0].sector_size;
	return SK_REASON_NONE;
}

static SkReason open_medium(Luks *luks, Opening *opening, int passphrase_fd)
{
	own_secret SkSecret *passphrase = NULL, *key = NULL;
	LuksSlot slot = {.medium = opening->order.wanted.medium, .purpose = opening->order.wanted.purpose};
	SkReason code = check_header(opening);

	if (code != SK_REASON_NONE)
		return code;
	if (luks_passphrase_read(passphrase_fd, &passphrase) < 0)
		return SK_MEDIUM_WRONG_PASSPHRASE;
	slot.mode = opening->facts.token.mode;
	slot.passphrase = passphrase;
	code = luks_slot_key(luks, &slot, &key);
	return code == SK_REASON_NONE ? open_slot(opening, key) : code;
}

int luks_on_open(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	SkLuksOpened answer = {0};
	Opening opening = {.order = *(const SkLuksOpen *)head, .header_fd = fds[0], .answer = &answer};
	Luks *luks = userdata;
	int r;

	sk_head_init(&answer.head, SK_LUKS_OPENED, sizeof(answer));
	answer.code = (uint32_t)open_medium(luks, &opening, fds[1]);
	if (answer.code)
		sk_secret_wipe(&answer.volume, sizeof(answer.volume));
	r = sk_chan_send(luks->worker, &answer, NULL, 0);
	sk_secret_wipe(&answer, sizeof(answer));
	return r;
}
