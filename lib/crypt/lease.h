/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A lease: the key of a medium's slot, sealed to one terminal until a time, for work away from the network.
 * Whoever opened the medium under a grant that allows a lease seals it; the console has noted the lease
 * before. The box is HPKE (box.h) to the terminal's seal key; what the lease is about is bound to it, its end
 * too, so that nobody makes it longer by writing another time beside it.
 *
 * The time is given by the caller as a span (lib/audit/strict_clock.h): a lease does not begin before the
 * earlier of the two and is over with the later.
 */
#include <stdint.h>

#include "lib/crypt/box.h"
#include "lib/crypt/kdf.h"
#include "lib/crypt/password.h"

#define SK_LEASE_KEY_MAX 64
#define SK_LEASE_BOX_MAX (SK_LEASE_KEY_MAX + SK_BOX_OVERHEAD)

typedef struct SkLease {
	const char *id, *medium, *terminal; /* as the console signed them: no blanks in them */
	int64_t from, until;		    /* ms since 1970 */
} SkLease;

/*
 * The terminal alone opens nothing: what is sealed is the slot's key under a mask of the passphrase
 * (Argon2id, then HMAC), with no check of its own, so that who has medium, terminal and box learns of each
 * guess only from the slot itself, and pays its costs besides.
 *
 *	masked = salt (16) || key XOR mask (32)
 */
#define SK_LEASE_SALT_SIZE SK_PASSWORD_SALT_SIZE
#define SK_LEASE_MASKED_SIZE (SK_LEASE_SALT_SIZE + SK_HMAC_SIZE)

/* Puts the mask on, and takes it off again: key becomes the other one. Return: 0, -EINVAL no passphrase of
 * ours (lib/crypt/passphrase.h), -ENOMEM. */
int sk_lease_mask(const char *medium, SkSecret *passphrase, const uint8_t salt[SK_LEASE_SALT_SIZE],
	uint8_t key[SK_HMAC_SIZE]);

/* ret_box holds size + SK_BOX_OVERHEAD. Return: 0, -EINVAL a bad public key, size or text, -ENOMEM. */
int sk_lease_seal(const uint8_t public_key[SK_BOX_KEY_SIZE], const SkLease *lease, const void *key,
	size_t size, uint8_t *ret_box);

typedef struct SkLeaseTime {
	int64_t earliest, latest; /* ms since 1970: it is neither before the one nor after the other */
} SkLeaseTime;

typedef struct SkLeaseBox {
	const void *bytes;
	size_t size;
} SkLeaseBox;

/* Return: 0, -ETIME not now, -EBADMSG not a box for this lease and key, others as sk_box_open(). */
int sk_lease_open(
	SkSecret *seal_key, const SkLease *lease, SkLeaseTime now, SkLeaseBox box, SkSecret **ret_key);
