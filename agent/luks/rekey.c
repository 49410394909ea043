/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other keys for a medium, in the copy of its header: the new slots are made and opened beside the old ones,
 * in areas of their own, and only then are the old ones destroyed. So whoever writes the areas first, and
 * what names them afterwards, can be cut at any moment (agent/media/header.h).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/luks/luks.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/passphrase.h"

#define PAGE 4096

typedef struct Rekeying {
	Luks *luks;
	SkLuksRekey order; /* a copy: the channel's memory is used again by what is asked meanwhile */
	int header_fd;
	SkLuksFacts facts;
	SkLuksPlan plan; /* of the header as it is, with the derivation and the recovery key of the order */
	struct crypt_device *device;
	SkSecret *volume_key;
	SkLuksMade made;
	LuksDetail detail;
} Rekeying;

static int slot_now(const Rekeying *rekeying, int slot)
{
	return sk_luks2_slot_now(&rekeying->facts, slot);
}

static void fill_plan(Rekeying *rekeying)
{
	const SkLuksToken *token = &rekeying->facts.token;
	SkLuksPlan *plan = &rekeying->plan;

	*plan = rekeying->order.change.plan;
	plan->mode = token->mode;
	sk_str_copy(plan->organisation, sizeof(plan->organisation), token->organisation);
	sk_str_copy(plan->label, sizeof(plan->label), token->label);
	if (rekeying->order.change.how == SK_LUKS_REKEY_PASSPHRASE)
		sk_str_copy(plan->recovery_key, sizeof(plan->recovery_key), token->keys[0]);
}

/* The key of the passphrase slot, whichever passphrase it is. */
static SkReason passphrase_key(Rekeying *rekeying, SkSecret *passphrase, SkSecret **ret_key)
{
	const LuksSlot slot = {.medium = rekeying->plan.medium,
		.mode = rekeying->plan.mode,
		.purpose = rekeying->order.change.wanted.purpose,
		.passphrase = passphrase,
		.is_made = true};

	return luks_slot_key(rekeying->luks, &slot, ret_key);
}

/* The volume key, by what opened the medium up to now. */
static SkReason open_old(Rekeying *rekeying, int secret_fd)
{
	bool by_recovery = rekeying->order.change.how == SK_LUKS_REKEY_RECOVERY;
	own_secret SkSecret *secret = NULL, *key = NULL;
	SkReason code = SK_REASON_NONE;
	size_t size = SK_LUKS2_KEY_SIZE;
	int r;

	if (luks_passphrase_read(secret_fd, &secret) < 0)
		return SK_MEDIUM_WRONG_PASSPHRASE;
	if (by_recovery)
		key = own_take(secret);
	else
		code = passphrase_key(rekeying, secret, &key);
	if (code != SK_REASON_NONE)
		return code;
	r = sk_secret_new(SK_LUKS2_KEY_SIZE, &rekeying->volume_key);
	if (r == 0)
		r = crypt_volume_key_get(rekeying->device,
			slot_now(rekeying, by_recovery ? SK_LUKS2_SLOT_RECOVERY : SK_LUKS2_SLOT_PASSPHRASE),
			(char *)sk_secret_data(rekeying->volume_key), &size,
			(const char *)sk_secret_data(key), sk_secret_size(key));
	if (r >= 0 && size == SK_LUKS2_KEY_SIZE)
		return SK_REASON_NONE;
	if (r != -EPERM)
		return SK_MEDIUM_DAMAGED;
	return by_recovery ? SK_MEDIUM_WRONG_RECOVERY_KEY : SK_MEDIUM_WRONG_PASSPHRASE;
}

/* Return: the number of the one token that the profile allows, or negative errno. */
static int find_token(struct crypt_device *device)
{
	for (int number = 0; number < 32; number++)
		if (crypt_token_status(device, number, NULL) > CRYPT_TOKEN_INACTIVE)
			return number;
	return -ENOENT;
}

/* Both new ones before the first old one goes: its area would be used again. */
static int replace(Rekeying *rekeying, SkSecret *key)
{
	int passphrase = slot_now(rekeying, SK_LUKS2_SLOT_PASSPHRASE);
	int recovery = slot_now(rekeying, SK_LUKS2_SLOT_RECOVERY);
	bool both = rekeying->order.change.how != SK_LUKS_REKEY_PASSPHRASE;
	const LuksNewSlot new_passphrase = {SK_LUKS2_SLOT_OTHER(passphrase), key, &rekeying->plan};
	const LuksNewSlot new_recovery = {SK_LUKS2_SLOT_OTHER(recovery), NULL, &rekeying->plan};
	int token = find_token(rekeying->device), r = token;

	if (r >= 0)
		r = luks_keyslot_add(rekeying->device, &new_passphrase, rekeying->volume_key);
	if (r >= 0 && both)
		r = luks_keyslot_add_recovery(
			rekeying->device, &new_recovery, rekeying->volume_key, &rekeying->made);
	if (r >= 0)
		r = crypt_keyslot_destroy(rekeying->device, passphrase);
	if (r >= 0 && both)
		r = crypt_keyslot_destroy(rekeying->device, recovery);
	return r < 0 ? r : luks_token_write(rekeying->device, token, new_passphrase.number, &rekeying->plan);
}

static bool is_in_use(const SkLuksFacts *facts, uint64_t at)
{
	for (uint32_t i = 0; i < facts->n_keyslots; i++) {
		const SkLuksKeyslot *slot = &facts->keyslots[i];

		if (at < slot->area_offset + slot->area_size && slot->area_offset < at + PAGE)
			return true;
	}
	return false;
}

/* libcryptsetup leaves random bytes where a slot was; whoever writes the header must see which areas are
 * free, and write those last. Also what an earlier change that was cut has left. */
static int clear_free_areas(const Rekeying *rekeying, const SkLuksFacts *facts)
{
	static const uint8_t zeros[PAGE];

	for (uint64_t at = 2 * SK_LUKS2_METADATA_SIZE; at < SK_LUKS2_DATA_OFFSET; at += PAGE)
		if (!is_in_use(facts, at) && pwrite(rekeying->header_fd, zeros, PAGE, (off_t)at) != PAGE)
			return -EIO;
	return 0;
}

static int change(Rekeying *rekeying, SkSecret *key)
{
	const SkLuksWanted *wanted = &rekeying->order.change.wanted;
	uint64_t size = rekeying->order.medium_size;
	SkLuksFacts facts;
	int r = replace(rekeying, key);

	if (r >= 0)
		r = luks_read_back(rekeying->header_fd, size, &facts, &rekeying->detail);
	if (r == 0)
		r = clear_free_areas(rekeying, &facts);
	if (r < 0)
		return r;
	luks_made_fill(&facts, size, &rekeying->made);
	return rekeying->made.digest_size == wanted->digest_size &&
			       memcmp(rekeying->made.digest, wanted->digest, wanted->digest_size) == 0
		       ? 0
		       : -EILSEQ;
}

static SkReason rekey(Rekeying *rekeying, const int *fds)
{
	own_luks_device struct crypt_device *device = NULL;
	own_secret SkSecret *passphrase = NULL, *key = NULL;
	const SkLuksRekey *order = &rekeying->order;
	SkReason code = luks_header_check(rekeying->header_fd, order->medium_size, &order->change.wanted,
		&rekeying->facts, &rekeying->detail);
	int r;

	if (code != SK_REASON_NONE)
		return code;
	fill_plan(rekeying);
	if (luks_passphrase_read(fds[2], &passphrase) < 0 ||
		!sk_passphrase_is_mixed((const char *)sk_secret_data(passphrase), sk_secret_size(passphrase)))
		return SK_PASSPHRASE_WEAK;
	r = luks_device_new(rekeying->header_fd, &device);
	if (r == 0)
		r = crypt_load(device, CRYPT_LUKS2, NULL);
	if (r < 0)
		return SK_MEDIUM_HEADER_CHANGED;
	rekeying->device = device;
	code = open_old(rekeying, fds[1]);
	if (code == SK_REASON_NONE)
		code = passphrase_key(rekeying, passphrase, &key);
	if (code != SK_REASON_NONE)
		return code;
	r = change(rekeying, key);
	if (r < 0 && !rekeying->detail.text[0])
		sk_str_format(rekeying->detail.text, sizeof(rekeying->detail.text), "libcryptsetup: %s",
			strerror(-r));
	return r < 0 ? SK_MEDIUM_NOT_REKEYED : SK_REASON_NONE;
}

int luks_on_rekey(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	SkLuksRekeyed answer = {0};
	Rekeying rekeying = {.luks = userdata, .order = *(const SkLuksRekey *)head, .header_fd = fds[0]};

	sk_head_init(&answer.head, SK_LUKS_REKEYED, sizeof(answer));
	answer.code = (uint32_t)rekey(&rekeying, fds);
	sk_secret_free(rekeying.volume_key);
	if (!answer.code)
		answer.made = rekeying.made;
	sk_str_copy(answer.detail, sizeof(answer.detail), rekeying.detail.text);
	return sk_chan_send(rekeying.luks->worker, &answer, NULL, 0);
}
