/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/lease.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"

#define LABEL_SIZE 256

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
