/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a carry-out medium of ours looks like (shared by who makes one and who opens one): facts of its header
 * in, what is wrong with it out. LUKS2 does not authenticate its header, so nothing but exactly this is
 * opened.
 */
#include <stdbool.h>

#include "lib/luks2/luks2.h"

/* The data begin here; what is before it is the header, which is copied whole. */
#define SK_LUKS2_DATA_OFFSET (16u << 20)
/* A medium smaller than that is none. */
#define SK_LUKS2_MEDIUM_MIN (64ull << 20)

/* What is before it are the two copies of the metadata; behind it, the areas of the slots. */
#define SK_LUKS2_METADATA_SIZE (16u << 10)

/* The numbers of a new medium. A slot that replaces one is made beside it and has the other number of its
 * pair: 0 and 2, 1 and 3. */
#define SK_LUKS2_SLOT_PASSPHRASE 0
#define SK_LUKS2_SLOT_RECOVERY 1
#define SK_LUKS2_SLOT_OTHER(number) ((number) ^ 2)

/* Is it a medium of ours at all: a token that names what it is in a ledger? What is wrong with it is another
 * question. */
bool sk_luks2_is_ours(const SkLuksFacts *facts);

/* The number that the slot of that pair has now; of a header without a fault of sk_luks2_profile_check(). */
int sk_luks2_slot_now(const SkLuksFacts *facts, int slot);

/*
 * Return: NULL, or what is wrong with it, as one word for records: the name of a problem
 * (sk_luks_problem_name()), "header-size", "key-slots", "recovery-slot", "segment", "digest", "token". A
 * header that was being written when the power went has none, as far as one of its copies is whole.
 */
const char *sk_luks2_profile_check(const SkLuksFacts *facts);
