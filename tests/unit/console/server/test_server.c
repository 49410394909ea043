/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the server keeps in memory for many clients: token buckets and waiting requests; and its choice of
 * language. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "console/server/limit.h"
#include "console/server/password_rules.h"
#include "console/server/poll.h"
#include "console/server/problem.h"
#include "lib/crypt/digest.h"

static void test_limit(void **state)
{
	SkLimit *limit;
	uint64_t now = 1000000;

	assert_int_equal(sk_limit_new(60, 5, &limit), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(sk_limit_take(limit, "a", 1, now), 0);
	assert_in_range(sk_limit_take(limit, "a", 1, now), 900, 1100);
	assert_int_equal(sk_limit_take(limit, "b", 1, now), 0);
	/* One token a second, also when somebody asks every millisecond. */
	for (int i = 0; i < 998; i++)
		assert_true(sk_limit_take(limit, "a", 1, ++now) > 0);
	now += 10;
	assert_int_equal(sk_limit_take(limit, "a", 1, now), 0);
	assert_true(sk_limit_take(limit, "a", 1, now) > 0);
	/* A long time fills it, and no more than that; a clock that goes back takes nothing away. */
	now += UINT64_C(1) << 50;
	for (int i = 0; i < 5; i++)
		assert_int_equal(sk_limit_take(limit, "a", 1, now), 0);
	assert_true(sk_limit_take(limit, "a", 1, now - 5000) > 0);
	sk_limit_free(limit);
}

/* More keys than there is room for: those who stop are forgotten, nobody is refused who asks for the first
 * time. */
static void test_limit_full(void **state)
{
	SkLimit *limit;

	assert_int_equal(sk_limit_new(1, 1, &limit), 0);
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(sk_limit_take(limit, &i, sizeof(i), 1000 + i), 0);
	sk_limit_free(limit);
}

typedef struct Waiting {
	SkWaiter *waiter;
	int resumed;
} Waiting;

static void resume(void *userdata)
{
	((Waiting *)userdata)->resumed++;
}

static void test_poll(void **state)
{
	static const char a[] = "01M80XDJ368KGJA8VMYR5EF5FA", b[] = "01M80XDJ368KGJA8VMYR5EF5FB";
	Waiting first = {0}, second = {0}, other = {0};
	SkPoll *poll;

	assert_int_equal(sk_poll_new(&poll), 0);
	assert_int_equal(sk_waiter_new(resume, &first, &first.waiter), 0);
	assert_int_equal(sk_waiter_new(resume, &second, &second.waiter), 0);
	assert_int_equal(sk_waiter_new(resume, &other, &other.waiter), 0);
	assert_int_equal(sk_poll_arm(poll, first.waiter, a), 0);
	assert_int_equal(sk_poll_arm(poll, second.waiter, a), 0);
	assert_int_equal(sk_poll_arm(poll, other.waiter, b), 0);
	sk_poll_suspended(poll, first.waiter, 5000);
	sk_poll_suspended(poll, other.waiter, 5000);
	/* second was not suspended yet: it is woken when it is. */
	sk_poll_wake(poll, a);
	assert_int_equal(first.resumed, 1);
	assert_int_equal(second.resumed, 0);
	assert_int_equal(other.resumed, 0);
	sk_poll_suspended(poll, second.waiter, 5000);
	assert_int_equal(second.resumed, 1);
	assert_false(sk_waiter_timed_out(second.waiter));
	sk_poll_wake(poll, a);
	assert_int_equal(first.resumed, 1);
	assert_int_equal(sk_poll_count(poll), 1);
	sk_poll_tick(poll, 4999);
	assert_int_equal(other.resumed, 0);
	sk_poll_tick(poll, 5000);
	assert_int_equal(other.resumed, 1);
	assert_true(sk_waiter_timed_out(other.waiter));
	assert_int_equal(sk_poll_count(poll), 0);
	sk_waiter_free(poll, first.waiter);
	sk_waiter_free(poll, second.waiter);
	sk_waiter_free(poll, other.waiter);
	sk_poll_free(poll);
}

/* Longer than one round of the wheel, and a clock that jumps over many. */
static void test_poll_long(void **state)
{
	Waiting waiting[100] = {0};
	SkPoll *poll;
	char id[SK_ID_SIZE];

	assert_int_equal(sk_poll_new(&poll), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "01M80XDJ368KGJA8VMYR5EF5%02d", i / 2);
		assert_int_equal(sk_waiter_new(resume, &waiting[i], &waiting[i].waiter), 0);
		assert_int_equal(sk_poll_arm(poll, waiting[i].waiter, id), 0);
		sk_poll_suspended(poll, waiting[i].waiter, 300000 + i);
	}
	for (int64_t now = 0; now < 300000; now += 7000)
		sk_poll_tick(poll, now);
	assert_int_equal(sk_poll_count(poll), 100);
	sk_poll_tick(poll, 300050);
	assert_int_equal(sk_poll_count(poll), 49);
	sk_poll_wake(poll, NULL);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(waiting[i].resumed, 1);
		sk_waiter_free(poll, waiting[i].waiter);
	}
	sk_poll_free(poll);
}

static void test_language(void **state)
{
	assert_int_equal(sk_problem_language(NULL), SK_ENGLISH);
	assert_int_equal(sk_problem_language("ja"), SK_JAPANESE);
	assert_int_equal(sk_problem_language("ja-JP, en;q=0.8"), SK_JAPANESE);
	assert_int_equal(sk_problem_language("en-US,ja;q=0.9"), SK_ENGLISH);
	assert_int_equal(sk_problem_language("ja;q=0"), SK_ENGLISH);
	assert_int_equal(sk_problem_language("jax, de"), SK_ENGLISH);
	assert_int_equal(sk_problem_language("ja;q="), SK_JAPANESE);
	assert_int_equal(sk_problem_language(",,;,ja"), SK_JAPANESE);
}

static void test_password_made(void **state)
{
	char first[SK_PASSWORD_MADE_SIZE], second[SK_PASSWORD_MADE_SIZE];

	sk_password_make(first);
	sk_password_make(second);
	assert_int_equal(strlen(first), SK_PASSWORD_MADE_SIZE - 1);
	assert_string_not_equal(first, second);
	assert_non_null(sk_password_fault("Short-1", "a", true));
	assert_non_null(sk_password_fault("Twelve-chars", "a", false));
	assert_non_null(sk_password_fault("onlysmallletters", "a", false));
	assert_null(sk_password_fault("Kaki-no-ki 7 hon", "a", false));
	assert_null(sk_password_fault("Kk7 hon!", "a", true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_limit_full),
		cmocka_unit_test(test_poll),
		cmocka_unit_test(test_poll_long),
		cmocka_unit_test(test_language),
		cmocka_unit_test(test_password_made),
	};

	return sk_crypt_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
