/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "console/store/id.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

#define THREADS 4
#define IDS 20000

static char ids[THREADS][IDS][SK_ID_SIZE];

static void *make(void *userdata)
{
	char(*mine)[SK_ID_SIZE] = userdata;

	for (int i = 0; i < IDS; i++)
		sk_id_new(mine[i]);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void test_unique(void **state)
{
	pthread_t threads[THREADS];
	int64_t before = sk_time_now(), after;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, make, ids[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	after = sk_time_now();
	for (int i = 0; i < THREADS; i++)
		for (int j = 0; j < IDS; j++) {
			assert_true(sk_id_check(ids[i][j]));
			assert_in_range(sk_id_time(ids[i][j]), before, after);
			if (j > 0)
				assert_true(strcmp(ids[i][j - 1], ids[i][j]) < 0);
		}
	qsort(ids, THREADS * IDS, SK_ID_SIZE, compare);
	for (int i = 1; i < THREADS * IDS; i++)
		assert_string_not_equal(((char(*)[SK_ID_SIZE])ids)[i - 1], ((char(*)[SK_ID_SIZE])ids)[i]);
}

static void test_check(void **state)
{
	static const char *const bad[] = {
		"",
		"0",
		"01J0000000000000000000000",
		"01J000000000000000000000000",
		"81J00000000000000000000000",
		"01j00000000000000000000000",
		"01I00000000000000000000000",
		"01J0000000000000000000000 ",
		"01J0000000000000000000000'",
	};

	assert_true(sk_id_check("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
	assert_true(sk_id_time("7ZZZZZZZZZZZZZZZZZZZZZZZZZ") == (INT64_C(1) << 48) - 1);
	assert_true(sk_id_time("00000000010000000000000000") == 1);
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		assert_false(sk_id_check(bad[i]));
		assert_int_equal(sk_id_time(bad[i]), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unique),
		cmocka_unit_test(test_check),
	};

	return sk_crypt_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
