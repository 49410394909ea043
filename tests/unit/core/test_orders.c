/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "agent/core/orders.h"
#include "lib/base/str.h"

static char done_subject[SK_SYSNAME_SIZE];
static bool done_without_answer;
static unsigned n_done;

static void note(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	sk_str_copy(done_subject, sizeof(done_subject), subject);
	done_without_answer = !message;
	n_done++;
}

static void an_answer_finds_its_order_once(void **state)
{
	Orders orders = {0};
	SkHead answer = {0};

	n_done = 0;
	orders_add(&orders, "a", "1-1", note);
	answer.cookie = orders_add(&orders, "a", "1-2", note);
	assert_int_equal(orders_finish(NULL, &orders, &answer, NULL, 0), 0);
	assert_string_equal(done_subject, "1-2");
	assert_false(done_without_answer);
	assert_int_equal(orders_finish(NULL, &orders, &answer, NULL, 0), -EPROTO);
	assert_int_equal(n_done, 1);
	orders_deinit(&orders);
}

static void the_death_of_a_sibling_ends_its_orders_and_no_others(void **state)
{
	const char *monitor = "monitor", *media = "media";
	Orders orders = {0};

	n_done = 0;
	orders_add(&orders, monitor, "1-1", note);
	orders_add(&orders, media, "sda1", note);
	orders_add(&orders, monitor, "1-2", note);
	orders_fail(NULL, &orders, monitor);
	assert_int_equal(n_done, 2);
	assert_true(done_without_answer);
	assert_false(orders_waits_for(&orders, monitor));
	assert_true(orders_waits_for(&orders, media));
	orders_deinit(&orders);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_finds_its_order_once),
		cmocka_unit_test(the_death_of_a_sibling_ends_its_orders_and_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
