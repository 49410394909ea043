/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serves NET-3. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/password.h"

static int init(void **state)
{
	return sk_crypt_init();
}

/* Of the processor: what else runs beside a test does not count. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void the_password_and_no_other(void **state)
{
	char hash[SK_PASSWORD_HASH_SIZE], again[SK_PASSWORD_HASH_SIZE];

	assert_int_equal(sk_password_hash("\xE9\x96\xA2\xE6\x89\x80 and more", hash), 0);
	assert_true(sk_str_starts(hash, "$argon2id$v=19$m=65536,t=3,p=1$"));
	assert_int_equal(sk_password_verify(hash, "\xE9\x96\xA2\xE6\x89\x80 and more"), 0);
	assert_int_equal(sk_password_verify(hash, "\xE9\x96\xA2\xE6\x89\x80 and mor"), -EACCES);
	assert_int_equal(sk_password_verify(hash, ""), -EACCES);
	assert_false(sk_password_needs_rehash(hash));
	assert_int_equal(sk_password_hash("\xE9\x96\xA2\xE6\x89\x80 and more", again), 0);
	assert_string_not_equal(hash, again);
}

static void a_key_of_a_password_is_one_of_its_salt(void **state)
{
	const uint8_t salt[SK_PASSWORD_SALT_SIZE] = "sixteen bytes..", other[SK_PASSWORD_SALT_SIZE] = "other";
	uint8_t key[SK_PASSWORD_KEY_SIZE], again[SK_PASSWORD_KEY_SIZE];

	assert_int_equal(sk_password_key("kaki no ki", salt, key), 0);
	assert_int_equal(sk_password_key("kaki no ki", salt, again), 0);
	assert_memory_equal(key, again, sizeof(key));
	assert_int_equal(sk_password_key("kaki no ki", other, again), 0);
	assert_memory_not_equal(key, again, sizeof(key));
	assert_int_equal(sk_password_key("kaki no k", salt, again), 0);
	assert_memory_not_equal(key, again, sizeof(key));
	assert_int_equal(sk_password_key("", salt, again), -EINVAL);
}

static void empty_and_endless_passwords_are_refused(void **state)
{
	char hash[SK_PASSWORD_HASH_SIZE], endless[SK_PASSWORD_MAX + 2];

	memset(endless, 'a', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_int_equal(sk_password_hash("", hash), -EINVAL);
	assert_int_equal(sk_password_hash(endless, hash), -EINVAL);
	endless[SK_PASSWORD_MAX] = '\0';
	assert_int_equal(sk_password_hash(endless, hash), 0);
	assert_int_equal(sk_password_verify(hash, endless), 0);
}

static void nobody_takes_as_long_as_somebody(void **state)
{
	char hash[SK_PASSWORD_HASH_SIZE];
	double begin, somebody, nobody;

	assert_int_equal(sk_password_hash("a password", hash), 0);
	assert_int_equal(sk_password_verify(NULL, "warm"), -EACCES);
	begin = now();
	assert_int_equal(sk_password_verify(hash, "another"), -EACCES);
	somebody = now() - begin;
	begin = now();
	assert_int_equal(sk_password_verify(NULL, "another"), -EACCES);
	nobody = now() - begin;
	assert_true(nobody > somebody / 3 && somebody > nobody / 3);
}

/* A database that was written to must not make us take 4 GiB, or half a day. */
static void foreign_and_greedy_hashes_are_refused(void **state)
{
	static const char *const hashes[] = {
		"",
		"x",
		"$argon2id$",
		"$argon2i$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"$argon2id$v=19$m=4194304,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"$argon2id$v=19$m=65536,t=30000,p=1$c29tZXNhbHRzb21lc2FsdA$"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"$6$abc$def",
	};
	char endless[400];

	for (size_t i = 0; i < SK_ARRAY_SIZE(hashes); i++) {
		assert_int_equal(sk_password_verify(hashes[i], "x"), -EBADMSG);
		assert_true(sk_password_needs_rehash(hashes[i]));
	}
	memset(endless, 'a', sizeof(endless) - 1);
	memcpy(endless, "$argon2id$v=19$m=65536,t=3,p=1$", 31);
	endless[sizeof(endless) - 1] = '\0';
	assert_int_equal(sk_password_verify(endless, "x"), -EBADMSG);
	assert_int_equal(sk_password_verify("$argon2id$v=19$m=65536,t=3,p=1$!!!", "x"), -EACCES);
}

static void cheaper_hashes_are_made_anew(void **state)
{
	/* Of "password", by Python's argon2-cffi with m=8192, t=2, p=1. */
	assert_true(sk_password_needs_rehash("$argon2id$v=19$m=8192,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"
					     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void *verify_in_thread(void *hash)
{
	return (void *)(intptr_t)sk_password_verify(hash, "a password");
}

static long peak_kilobytes(void)
{
	char line[256];
	long peak = -1;
	FILE *status = fopen("/proc/self/status", "re");

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmHWM: %ld", &peak) == 1)
			break;
	if (status)
		fclose(status);
	return peak;
}

static void many_at_once_take_the_memory_of_four(void **state)
{
	char hash[SK_PASSWORD_HASH_SIZE];
	pthread_t threads[12];
	void *answer;

	assert_int_equal(sk_password_hash("a password", hash), 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, verify_in_thread, hash), 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &answer);
		assert_true((intptr_t)answer == 0 || (intptr_t)answer == -EBUSY);
	}
#ifndef __SANITIZE_ADDRESS__
	assert_true(peak_kilobytes() < (SK_PASSWORD_AT_ONCE * 64 + 40) * 1024);
#else
	(void)peak_kilobytes;
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_password_and_no_other),
		cmocka_unit_test(a_key_of_a_password_is_one_of_its_salt),
		cmocka_unit_test(empty_and_endless_passwords_are_refused),
		cmocka_unit_test(nobody_takes_as_long_as_somebody),
		cmocka_unit_test(foreign_and_greedy_hashes_are_refused),
		cmocka_unit_test(cheaper_hashes_are_made_anew),
		cmocka_unit_test(many_at_once_take_the_memory_of_four),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
