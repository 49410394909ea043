/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The slot's key in a lease (lib/crypt/lease.h): sealed here, because nobody else has it; the box is opened
 * by core, and the passphrase is needed for what comes out. */
#include <errno.h>
#include <string.h>

#include "agent/luks/luks.h"
#include "lib/base/str.h"
#include "lib/crypt/lease.h"

_Static_assert(SK_LEASE_MASKED_SIZE + SK_BOX_OVERHEAD <= SK_MEDIA_LEASE_BOX_SIZE, "room for the box");

static int ask(Luks *luks, const LuksSlot *slot, SkMediaLeaseAsk *message)
{
	sk_head_init(&message->head, SK_MEDIA_LEASE_ASK, sizeof(*message));
	sk_str_copy(message->medium, sizeof(message->medium), slot->medium);
	return luks_ask(luks, &message->head);
}

SkReason luks_lease_find(Luks *luks, const LuksSlot *slot, SkSecret **ret_key)
{
	SkMediaLeaseAsk message = {.what = SK_MEDIA_LEASE_FIND};
	const uint8_t *masked = luks->lease.box;

	if (ask(luks, slot, &message) < 0 || luks->lease.code == SK_LEASE_NONE)
		return SK_CONSOLE_NEEDED;
	if (luks->lease.code)
		return (SkReason)luks->lease.code;
	if (luks->lease.box_size != SK_LEASE_MASKED_SIZE || sk_secret_new(SK_HMAC_SIZE, ret_key) < 0)
		return SK_CONSOLE_NEEDED;
	memcpy(sk_secret_data(*ret_key), masked + SK_LEASE_SALT_SIZE, SK_HMAC_SIZE);
	if (sk_lease_mask(slot->medium, slot->passphrase, masked, sk_secret_data(*ret_key)) < 0)
		return SK_MEDIUM_WRONG_PASSPHRASE;
	luks->is_from_lease = true;
	return SK_REASON_NONE;
}

static int seal(const SkMediaLease *given, const LuksSlot *slot, SkSecret *key, uint8_t *ret_box)
{
	const SkLease lease = {.id = given->id,
		.medium = slot->medium,
		.terminal = given->terminal,
		.from = given->from,
		.until = given->until};
	own_secret SkSecret *masked = NULL;
	uint8_t *data;
	int r = sk_secret_new(SK_LEASE_MASKED_SIZE, &masked);

	if (r < 0)
		return r;
	data = sk_secret_data(masked);
	sk_random_fill(data, SK_LEASE_SALT_SIZE);
	memcpy(data + SK_LEASE_SALT_SIZE, sk_secret_data(key), SK_HMAC_SIZE);
	r = sk_lease_mask(slot->medium, slot->passphrase, data, data + SK_LEASE_SALT_SIZE);
	return r < 0 ? r : sk_lease_seal(given->public_key, &lease, data, SK_LEASE_MASKED_SIZE, ret_box);
}

void luks_lease_take(Luks *luks, const LuksSlot *slot, SkSecret *key)
{
	SkMediaLeaseAsk take = {.what = SK_MEDIA_LEASE_TAKE};
	SkMediaLeaseAsk keep = {
		.what = SK_MEDIA_LEASE_KEEP, .box_size = SK_LEASE_MASKED_SIZE + SK_BOX_OVERHEAD};

	if (sk_secret_size(key) == SK_HMAC_SIZE && ask(luks, slot, &take) == 0 && !luks->lease.code &&
		seal(&luks->lease, slot, key, keep.box) == 0)
		(void)ask(luks, slot, &keep);
}
