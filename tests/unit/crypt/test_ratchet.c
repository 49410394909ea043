/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/ratchet.h"

static int init(void **state)
{
	return sk_crypt_init();
}

static void assert_hex(const uint8_t bytes[32], const char *expected)
{
	char hex[65];

	sk_hex_format(hex, bytes, 32);
	assert_string_equal(hex, expected);
}

/* Computed with Python's hmac and hashlib from the key 00 01 .. 1f and the labels of ratchet.h. */
static void anyone_with_hmac_computes_the_same(void **state)
{
	uint8_t key[SK_RATCHET_KEY_SIZE], out[SK_RATCHET_MAC_SIZE];
	own_ratchet SkRatchet *ratchet = NULL;

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	assert_int_equal(sk_ratchet_new(key, 0, &ratchet), 0);
	sk_ratchet_id(ratchet, out);
	assert_hex(out, "d6ee8eaae01958499455370268e606f6c1d9946fae6a151da7d9d2fd21d9d5ff");
	sk_ratchet_mac(ratchet, "abc", 3, out);
	assert_hex(out, "4337d66ca5acce48f94a3fc98e06592bf09cf0c4d1330bd776ed11c2fc69c2c8");
	sk_ratchet_step(ratchet);
	assert_int_equal(sk_ratchet_epoch(ratchet), 1);
	assert_hex(
		sk_ratchet_key(ratchet), "d37b484103d3d117c19022669ba482a67ed885ba1ba41ed65d33a7fdf8a35d95");
	sk_ratchet_mac(ratchet, "abc", 3, out);
	assert_hex(out, "6ac5a9d76d9e7b60f3056e6e536d7ec415729d1f5abb0f968d63720773e1f719");
}

static void start_keys_are_random(void **state)
{
	own_ratchet SkRatchet *a = NULL, *b = NULL;

	assert_int_equal(sk_ratchet_new(NULL, 7, &a), 0);
	assert_int_equal(sk_ratchet_new(NULL, 0, &b), 0);
	assert_int_equal(sk_ratchet_epoch(a), 7);
	assert_memory_not_equal(sk_ratchet_key(a), sk_ratchet_key(b), SK_RATCHET_KEY_SIZE);
}

static void a_step_forgets_the_key_before(void **state)
{
	uint8_t before[SK_RATCHET_KEY_SIZE];
	own_ratchet SkRatchet *ratchet = NULL;

	assert_int_equal(sk_ratchet_new(NULL, 0, &ratchet), 0);
	memcpy(before, sk_ratchet_key(ratchet), sizeof(before));
	sk_ratchet_step(ratchet);
	assert_memory_not_equal(sk_ratchet_key(ratchet), before, sizeof(before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anyone_with_hmac_computes_the_same),
		cmocka_unit_test(start_keys_are_random),
		cmocka_unit_test(a_step_forgets_the_key_before),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
