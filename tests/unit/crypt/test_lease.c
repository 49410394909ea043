/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/lease.h"

static const uint8_t slot_key[64] = {7, 6, 5, 4, 3, 2, 1};
static const SkLease lease = {.id = "L1", .medium = "M1", .terminal = "T1", .from = 1000, .until = 2000};

typedef struct Fixture {
	SkSecret *secret;
	uint8_t public_key[SK_BOX_KEY_SIZE], box[SK_LEASE_BOX_MAX];
} Fixture;

static int setup(void **state)
{
	static Fixture fixture;

	*state = &fixture;
	return sk_box_key_new(&fixture.secret, fixture.public_key) < 0 ||
	       sk_lease_seal(fixture.public_key, &lease, slot_key, sizeof(slot_key), fixture.box) < 0;
}

static int teardown(void **state)
{
	Fixture *f = *state;

	sk_secret_free(f->secret);
	return 0;
}

static int open_at(Fixture *f, const SkLease *as, int64_t earliest, int64_t latest)
{
	own_secret SkSecret *key = NULL;
	int r = sk_lease_open(
		f->secret, as, (SkLeaseTime){earliest, latest}, (SkLeaseBox){f->box, sizeof(f->box)}, &key);

	if (r == 0)
		assert_memory_equal(sk_secret_data(key), slot_key, sizeof(slot_key));
	return r;
}

static void test_within_its_time(void **state)
{
	assert_int_equal(open_at(*state, &lease, 1000, 1999), 0);
	assert_int_equal(open_at(*state, &lease, 1500, 1500), 0);
}

static void test_a_clock_that_was_set_does_not_help(void **state)
{
	assert_int_equal(open_at(*state, &lease, 1500, 2000), -ETIME);
	assert_int_equal(open_at(*state, &lease, 1000, 99999), -ETIME);
	assert_int_equal(open_at(*state, &lease, 999, 1500), -ETIME);
}

static void test_everything_is_bound(void **state)
{
	SkLease others[] = {lease, lease, lease, lease, lease};

	others[0].until = 99999;
	others[1].from = 1;
	others[2].medium = "M2";
	others[3].terminal = "T2";
	others[4].id = "L2";
	for (size_t i = 0; i < SK_ARRAY_SIZE(others); i++)
		assert_int_equal(open_at(*state, &others[i], 1500, 1500), -EBADMSG);
	others[0] = lease;
	others[0].id = "L1 M1"; /* would run together */
	assert_int_equal(open_at(*state, &others[0], 1500, 1500), -EBADMSG);
}

static void test_each_byte_of_the_box(void **state)
{
	Fixture *f = *state;

	for (size_t i = 0; i < sizeof(f->box); i++) {
		f->box[i] ^= 1;
		assert_int_not_equal(open_at(f, &lease, 1500, 1500), 0);
		f->box[i] ^= 1;
	}
	assert_int_equal(open_at(f, &lease, 1500, 1500), 0);
}

static void test_bad_input(void **state)
{
	uint8_t box[SK_LEASE_BOX_MAX + 1] = {0}, zero[SK_BOX_KEY_SIZE] = {0};
	Fixture *f = *state;
	own_secret SkSecret *key = NULL;

	assert_int_equal(sk_lease_seal(f->public_key, &lease, slot_key, 0, box), -EINVAL);
	assert_int_equal(sk_lease_seal(f->public_key, &lease, box, SK_LEASE_KEY_MAX + 1, box), -EINVAL);
	assert_int_equal(sk_lease_seal(zero, &lease, slot_key, 32, box), -EINVAL);
	assert_int_equal(sk_lease_open(f->secret, &lease, (SkLeaseTime){1500, 1500},
				 (SkLeaseBox){box, sizeof(box)}, &key),
		-EBADMSG);
	assert_int_not_equal(
		sk_lease_open(f->secret, &lease, (SkLeaseTime){1500, 1500}, (SkLeaseBox){box, 3}, &key), 0);
}

static SkSecret *text_secret(const char *text, size_t size)
{
	SkSecret *secret = NULL;

	assert_int_equal(sk_secret_new(size, &secret), 0);
	memcpy(sk_secret_data(secret), text, size);
	return secret;
}

static void test_the_passphrase_is_needed(void **state)
{
	static const uint8_t salt[SK_LEASE_SALT_SIZE] = {1}, other_salt[SK_LEASE_SALT_SIZE] = {2};
	own_secret SkSecret *right = text_secret("Correct-Horse-7", 15),
			    *wrong = text_secret("Correct-Horse-8", 15);
	own_secret SkSecret *cut = text_secret("Correct\0Horse-7", 15);
	uint8_t key[SK_HMAC_SIZE], masked[SK_HMAC_SIZE];

	memcpy(key, slot_key, sizeof(key));
	assert_int_equal(sk_lease_mask("M1", right, salt, key), 0);
	memcpy(masked, key, sizeof(key));
	assert_memory_not_equal(masked, slot_key, sizeof(masked));
	assert_int_equal(sk_lease_mask("M1", right, salt, key), 0);
	assert_memory_equal(key, slot_key, sizeof(key));
	const struct {
		const char *medium;
		SkSecret *passphrase;
		const uint8_t *salt;
	} others[] = {{"M1", wrong, salt}, {"M2", right, salt}, {"M1", right, other_salt}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(others); i++) {
		memcpy(key, masked, sizeof(key));
		assert_int_equal(
			sk_lease_mask(others[i].medium, others[i].passphrase, others[i].salt, key), 0);
		assert_memory_not_equal(key, slot_key, sizeof(key));
	}
	assert_int_equal(sk_lease_mask("M1", cut, salt, key), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_passphrase_is_needed),
		cmocka_unit_test_setup_teardown(test_within_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_clock_that_was_set_does_not_help, setup, teardown),
		cmocka_unit_test_setup_teardown(test_everything_is_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_byte_of_the_box, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_input, setup, teardown),
	};

	return sk_crypt_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
