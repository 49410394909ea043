/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/lease.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"

#define LABEL_SIZE 256
#define MASK_LABEL "sekisho lease mask 1"

/* One text for each lease: the parts have no blanks. */
static int format_label(const SkLease *lease, char label[LABEL_SIZE])
{
	if (strchr(lease->id, ' ') || strchr(lease->medium, ' ') || strchr(lease->terminal, ' '))
		return -EINVAL;
	return sk_str_format(label, LABEL_SIZE, "%s %s %s %lld %lld", lease->id, lease->medium,
		       lease->terminal, (long long)lease->from, (long long)lease->until)
		       ? 0
		       : -EINVAL;
}

static SkBoxLabel label_of(const char *label)
{
	return (SkBoxLabel){.info = "sekisho lease 1", .aad = label};
}

int sk_lease_mask(const char *medium, SkSecret *passphrase, const uint8_t salt[SK_LEASE_SALT_SIZE],
	uint8_t key[SK_HMAC_SIZE])
{
	const SkBytes pieces[] = {{MASK_LABEL, sizeof(MASK_LABEL)}, {medium, strlen(medium)}};
	uint8_t derived[SK_PASSWORD_KEY_SIZE], mask[SK_HMAC_SIZE];
	size_t size = sk_secret_size(passphrase);
	own_secret SkSecret *text = NULL;
	int r;

	/* It is given on as a text. */
	if (memchr(sk_secret_data(passphrase), 0, size))
		return -EINVAL;
	r = sk_secret_new(size + 1, &text);
	if (r < 0)
		return r;
	memcpy(sk_secret_data(text), sk_secret_data(passphrase), size);
	r = sk_password_key((const char *)sk_secret_data(text), salt, derived);
	if (r < 0)
		return r;
	sk_hmac(derived, sizeof(derived), pieces, SK_ARRAY_SIZE(pieces), mask);
	for (size_t i = 0; i < sizeof(mask); i++)
		key[i] ^= mask[i];
	sk_secret_wipe(derived, sizeof(derived));
	sk_secret_wipe(mask, sizeof(mask));
	return 0;
}

int sk_lease_seal(const uint8_t public_key[SK_BOX_KEY_SIZE], const SkLease *lease, const void *key,
	size_t size, uint8_t *ret_box)
{
	char label[LABEL_SIZE];

	if (size == 0 || size > SK_LEASE_KEY_MAX || format_label(lease, label) < 0)
		return -EINVAL;
	return sk_box_seal(public_key, label_of(label), key, size, ret_box);
}

int sk_lease_open(
	SkSecret *seal_key, const SkLease *lease, SkLeaseTime now, SkLeaseBox box, SkSecret **ret_key)
{
	char label[LABEL_SIZE];

	if (now.latest >= lease->until || now.earliest < lease->from)
		return -ETIME;
	if (box.size > SK_LEASE_BOX_MAX || format_label(lease, label) < 0)
		return -EBADMSG;
	return sk_box_open(seal_key, label_of(label), box.bytes, box.size, ret_key);
}
