/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <string.h>

#include "console/db/statements.h"
#include "lib/base/str.h"

static unsigned freed;

static void count_freed(void *userdata, SkStatement *statement)
{
	freed++;
}

static SkStatement *add(SkStatements *statements, unsigned number)
{
	char sql[32];

	sk_str_format(sql, sizeof(sql), "SELECT %u", number);
	return sk_statements_add(statements, sql);
}

static void test_least_recently_used(void **state)
{
	SkStatements statements = {.free_prepared = count_freed};

	freed = 0;
	for (unsigned i = 0; i < SK_STATEMENTS_MAX; i++)
		assert_non_null(add(&statements, i));
	assert_int_equal(freed, 0);
	assert_non_null(sk_statements_find(&statements, "SELECT 0"));
	assert_non_null(add(&statements, 1000));
	assert_int_equal(freed, 1);
	/* 0 was used just now, 1 was not. */
	assert_non_null(sk_statements_find(&statements, "SELECT 0"));
	assert_null(sk_statements_find(&statements, "SELECT 1"));
	sk_statements_clear(&statements);
	assert_int_equal(freed, SK_STATEMENTS_MAX + 1);
}

static void test_busy(void **state)
{
	SkStatements statements = {.free_prepared = count_freed};
	SkStatement *first = add(&statements, 1), *second, *extra;

	freed = 0;
	first->busy = true;
	assert_null(sk_statements_find(&statements, "SELECT 1"));
	second = add(&statements, 1);
	assert_ptr_not_equal(first, second);
	assert_int_not_equal(first->number, second->number);
	second->busy = true;
	/* The second is not kept, the first is. */
	sk_statements_release(&statements, second);
	assert_int_equal(freed, 1);
	sk_statements_release(&statements, first);
	assert_int_equal(freed, 1);
	assert_ptr_equal(sk_statements_find(&statements, "SELECT 1"), first);
	/* All are busy: one more lives outside. */
	first->busy = true;
	for (unsigned i = 2; i <= SK_STATEMENTS_MAX; i++)
		add(&statements, i)->busy = true;
	extra = add(&statements, 5000);
	assert_int_equal(freed, 1);
	sk_statements_release(&statements, extra);
	assert_int_equal(freed, 2);
	sk_statements_clear(&statements);
	assert_int_equal(freed, 2 + SK_STATEMENTS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_least_recently_used),
		cmocka_unit_test(test_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
