/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes a header, in memory, of a medium of the profile (lib/luks2/profile.h): two slots, each opened once
 * before anything is said of it, the token, and the recovery key sealed to the organisation. What was made is
 * read by the same reader and judged by the same check as when it will be opened.
 */
#include <errno.h>
#include <string.h>

#include "agent/luks/luks.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/passphrase.h"

#define SECTOR 512

typedef struct Forming {
	SkLuksForm order; /* a copy: the channel's memory is used again by what is asked meanwhile */
	int header_fd;
	struct crypt_device *device;
	SkSecret *volume_key;
	SkLuksFormed *answer;
	LuksDetail detail;
} Forming;

/* 4096 where the medium consists of such: cryptsetup elsewhere would refuse the rest at its end. */
static uint32_t sector_size(uint64_t medium_size)
{
	return medium_size % 4096 == 0 ? 4096 : SECTOR;
}

/* The slots are added later, each with a derivation of its own. */
static int format(const Forming *forming)
{
	const struct crypt_pbkdf_type kdf = {.type = CRYPT_KDF_PBKDF2,
		.hash = "sha256",
		.iterations = SK_LUKS2_PBKDF2_ITERATIONS_MIN,
		.flags = CRYPT_PBKDF_NO_BENCHMARK};
	struct crypt_params_luks2 params = {.pbkdf = &kdf,
		.sector_size = sector_size(forming->order.medium_size),
		.subsystem = "sekisho"};
	int r = crypt_set_data_offset(forming->device, SK_LUKS2_DATA_OFFSET / SECTOR);

	return r < 0 ? r
		     : crypt_format(forming->device, CRYPT_LUKS2, "aes", "xts-plain64", NULL,
			       (const char *)sk_secret_data(forming->volume_key), SK_LUKS2_KEY_SIZE, &params);
}

static int make(Forming *forming, SkSecret *key)
{
	LuksNewSlot slot = {SK_LUKS2_SLOT_PASSPHRASE, key, &forming->order.plan};
	int r = sk_secret_new(SK_LUKS2_KEY_SIZE, &forming->volume_key);

	if (r < 0)
		return r;
	sk_random_fill(sk_secret_data(forming->volume_key), SK_LUKS2_KEY_SIZE);
	r = format(forming);
	if (r >= 0)
		r = luks_keyslot_add(forming->device, &slot, forming->volume_key);
	slot = (LuksNewSlot){SK_LUKS2_SLOT_RECOVERY, NULL, &forming->order.plan};
	if (r >= 0)
		r = luks_keyslot_add_recovery(
			forming->device, &slot, forming->volume_key, &forming->answer->made);
	return r < 0 ? r
		     : luks_token_write(forming->device, CRYPT_ANY_TOKEN, SK_LUKS2_SLOT_PASSPHRASE,
			       &forming->order.plan);
}

/* What the ledger is told is what a reader finds. */
static int read_back(Forming *forming)
{
	SkLuksVolume *volume = &forming->answer->volume;
	uint64_t size = forming->order.medium_size;
	SkLuksFacts facts;
	int r = luks_read_back(forming->header_fd, size, &facts, &forming->detail);

	if (r < 0)
		return r;
	volume->offset = facts.segments[0].offset;
	volume->sector_size = facts.segments[0].sector_size;
	memcpy(volume->key, sk_secret_data(forming->volume_key), SK_LUKS2_KEY_SIZE);
	luks_made_fill(&facts, size, &forming->answer->made);
	return 0;
}

static SkReason form(Luks *luks, Forming *forming, int passphrase_fd)
{
	own_luks_device struct crypt_device *device = NULL;
	own_secret SkSecret *passphrase = NULL, *key = NULL;
	const SkLuksPlan *plan = &forming->order.plan;
	LuksSlot slot = {.medium = plan->medium,
		.mode = plan->mode,
		.purpose = SK_MEDIA_FOR_PREPARING,
		.is_made = true};
	SkReason code;
	int r;

	if (forming->order.medium_size < SK_LUKS2_MEDIUM_MIN)
		return SK_MEDIUM_TOO_SMALL;
	if (luks_passphrase_read(passphrase_fd, &passphrase) < 0 ||
		!sk_passphrase_is_mixed((const char *)sk_secret_data(passphrase), sk_secret_size(passphrase)))
		return SK_PASSPHRASE_WEAK;
	slot.passphrase = passphrase;
	code = luks_slot_key(luks, &slot, &key);
	if (code != SK_REASON_NONE)
		return code;
	if (luks_device_new(forming->header_fd, &device) < 0)
		return SK_MEDIUM_NOT_PREPARED;
	forming->device = device;
	r = make(forming, key);
	if (r >= 0)
		r = read_back(forming);
	if (r < 0 && !forming->detail.text[0])
		sk_str_format(forming->detail.text, sizeof(forming->detail.text), "libcryptsetup: %s",
			strerror(-r));
	return r < 0 ? SK_MEDIUM_NOT_PREPARED : SK_REASON_NONE;
}

int luks_on_form(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	SkLuksFormed answer = {0};
	Forming forming = {.order = *(const SkLuksForm *)head, .header_fd = fds[0], .answer = &answer};
	Luks *luks = userdata;
	int r;

	sk_head_init(&answer.head, SK_LUKS_FORMED, sizeof(answer));
	answer.code = (uint32_t)form(luks, &forming, fds[1]);
	sk_secret_free(forming.volume_key);
	sk_str_copy(answer.detail, sizeof(answer.detail), forming.detail.text);
	if (answer.code) {
		sk_secret_wipe(&answer.volume, sizeof(answer.volume));
		answer.made = (SkLuksMade){.box_size = 0};
	}
	r = sk_chan_send(luks->worker, &answer, NULL, 0);
	sk_secret_wipe(&answer, sizeof(answer));
	return r;
}
