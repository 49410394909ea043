/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes a header, in memory, of a medium of the profile (lib/luks2/profile.h): two slots, each opened once
 * before anything is said of it, the token, and the recovery key sealed to the organisation. What was made is
 * read by the same reader and judged by the same check as when it will be opened.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "agent/luks/luks.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/box.h"
#include "lib/crypt/passphrase.h"

#define ESCROW_INFO "sekisho escrow 1" /* docs/keys.md */
#define RECOVERY_SIZE 32
#define SECTOR 512

typedef struct Forming {
	SkLuksForm order; /* a copy: the channel's memory is used again by what is asked meanwhile */
	int header_fd;
	struct crypt_device *device;
	SkLuksFormed *answer;
} Forming;

/* 4096 where the medium consists of such: cryptsetup elsewhere would refuse the rest at its end. */
static uint32_t sector_size(uint64_t medium_size)
{
	return medium_size % 4096 == 0 ? 4096 : SECTOR;
}

static struct crypt_pbkdf_type kdf_of(const SkLuksPlan *plan)
{
	if (plan->kdf == SK_LUKS_KDF_PBKDF2)
		return (struct crypt_pbkdf_type){.type = CRYPT_KDF_PBKDF2,
			.hash = "sha256",
			.iterations = plan->iterations,
			.flags = CRYPT_PBKDF_NO_BENCHMARK};
	return (struct crypt_pbkdf_type){.type = CRYPT_KDF_ARGON2ID,
		.iterations = plan->time,
		.max_memory_kb = plan->memory,
		.parallel_threads = 1,
		.flags = CRYPT_PBKDF_NO_BENCHMARK};
}

static int format(const Forming *forming)
{
	const struct crypt_pbkdf_type kdf = kdf_of(&forming->order.plan);
	struct crypt_params_luks2 params = {.pbkdf = &kdf,
		.sector_size = sector_size(forming->order.medium_size),
		.subsystem = "sekisho"};
	int r = crypt_set_data_offset(forming->device, SK_LUKS2_DATA_OFFSET / SECTOR);

	return r < 0 ? r
		     : crypt_format(forming->device, CRYPT_LUKS2, "aes", "xts-plain64", NULL, NULL,
			       SK_LUKS2_KEY_SIZE, &params);
}

/* And opened, with the key compared: a slot that nobody has tried is none. */
static int add_slot(const Forming *forming, int number, SkSecret *key)
{
	uint8_t *wanted = forming->answer->volume.key;
	own_secret SkSecret *found = NULL;
	size_t size = SK_LUKS2_KEY_SIZE;
	int r = sk_secret_new(size, &found);

	if (r == 0)
		r = crypt_keyslot_add_by_volume_key(forming->device, number, NULL, 0,
			(const char *)sk_secret_data(key), sk_secret_size(key));
	if (r >= 0)
		r = crypt_volume_key_get(forming->device, number, (char *)sk_secret_data(found), &size,
			(const char *)sk_secret_data(key), sk_secret_size(key));
	if (r < 0)
		return r;
	if (number == SK_LUKS2_SLOT_PASSPHRASE)
		memcpy(wanted, sk_secret_data(found), SK_LUKS2_KEY_SIZE);
	return sk_secret_equal(wanted, sk_secret_data(found), SK_LUKS2_KEY_SIZE) ? 0 : -EILSEQ;
}

/* Its key leaves this process only in the box. */
static int add_recovery_slot(const Forming *forming)
{
	const SkLuksPlan *plan = &forming->order.plan;
	const SkBoxLabel label = {.info = ESCROW_INFO, .aad = plan->medium};
	SkLuksMade *made = &forming->answer->made;
	own_secret SkSecret *key = NULL;
	int r = sk_secret_new(RECOVERY_SIZE, &key);

	if (r < 0)
		return r;
	sk_random_fill(sk_secret_data(key), RECOVERY_SIZE);
	r = add_slot(forming, SK_LUKS2_SLOT_RECOVERY, key);
	if (r == 0)
		r = crypt_keyslot_set_priority(
			forming->device, SK_LUKS2_SLOT_RECOVERY, CRYPT_SLOT_PRIORITY_IGNORE);
	if (r < 0)
		return r;
	made->box_size = RECOVERY_SIZE + SK_BOX_OVERHEAD;
	return sk_box_seal(plan->recovery_public, label, sk_secret_data(key), RECOVERY_SIZE, made->box);
}

static int add_token(const Forming *forming)
{
	static const char *const modes[] = {
		[SK_LUKS_MODE_BOUND] = "bound", [SK_LUKS_MODE_PORTABLE] = "portable"};
	const SkLuksPlan *plan = &forming->order.plan;
	json_auto_t *token = json_pack("{s:s, s:[s], s:i, s:s, s:s, s:s, s:s, s:[s]}", "type", "sekisho",
		"keyslots", "0", "version", 1, "medium", plan->medium, "organisation", plan->organisation,
		"label", plan->label, "mode", modes[plan->mode], "keys", plan->recovery_key);
	own_free char *text = token ? json_dumps(token, JSON_COMPACT) : NULL;

	return text ? crypt_token_json_set(forming->device, CRYPT_ANY_TOKEN, text) : -EINVAL;
}

static int make(Forming *forming, SkSecret *key)
{
	int r = format(forming);

	if (r >= 0)
		r = add_slot(forming, SK_LUKS2_SLOT_PASSPHRASE, key);
	if (r >= 0)
		r = add_recovery_slot(forming);
	return r < 0 ? r : add_token(forming);
}

/* What the ledger is told is what a reader finds. */
static int read_back(Forming *forming)
{
	const SkLuksSegment *segment;
	SkLuksFormed *answer = forming->answer;
	SkLuksFacts facts;
	const char *wrong;
	int r = luks_facts_read(forming->header_fd, forming->order.medium_size, &facts);

	if (r < 0)
		return r;
	wrong = sk_luks2_profile_check(&facts);
	if (wrong) {
		sk_str_format(answer->detail, sizeof(answer->detail), "not of the profile: %s", wrong);
		return -EBADMSG;
	}
	segment = &facts.segments[0];
	answer->volume.offset = segment->offset;
	answer->volume.sector_size = segment->sector_size;
	sk_str_copy(answer->made.uuid, sizeof(answer->made.uuid), facts.uuid);
	answer->made.digest_size = facts.digests[0].digest_size;
	memcpy(answer->made.digest, facts.digests[0].digest, answer->made.digest_size);
	answer->made.capacity =
		(forming->order.medium_size - segment->offset) / segment->sector_size * segment->sector_size;
	return 0;
}

static SkReason form(Luks *luks, Forming *forming, int passphrase_fd)
{
	own_luks_device struct crypt_device *device = NULL;
	own_secret SkSecret *passphrase = NULL, *key = NULL;
	const SkLuksPlan *plan = &forming->order.plan;
	LuksSlot slot = {.medium = plan->medium, .mode = plan->mode, .purpose = SK_MEDIA_FOR_PREPARING};
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
	if (r < 0 && !forming->answer->detail[0])
		sk_str_format(forming->answer->detail, sizeof(forming->answer->detail), "libcryptsetup: %s",
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
	if (answer.code) {
		sk_secret_wipe(&answer.volume, sizeof(answer.volume));
		answer.made = (SkLuksMade){.box_size = 0};
	}
	r = sk_chan_send(luks->worker, &answer, NULL, 0);
	sk_secret_wipe(&answer, sizeof(answer));
	return r;
}
