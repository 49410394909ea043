/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <string.h>

#include "console/store/table_inside.h"
#include "lib/base/str.h"

static void test_fields(void **state)
{
	static const struct {
		SkColumn column;
		const char *field;
	} cases[] = {
		{{.name = "id"}, "id"},
		{{.name = "medium_id"}, "medium"},
		{{.name = "last_seen"}, "lastSeen"},
		{{.name = "last_seen_by"}, "lastSeenBy"},
		{{.name = "prepared_terminal_id"}, "preparedTerminal"},
		{{.name = "valid"}, "valid"},
		{{.name = "group_id", .field = "terminalGroup"}, "terminalGroup"},
		{{.name = "_id"}, "Id"},
	};
	char field[SK_FIELD_SIZE];

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_column_field(&cases[i].column, field);
		assert_string_equal(field, cases[i].field);
	}
}

static void test_find(void **state)
{
	static const SkColumn columns[] = {{.name = "id"}, {.name = "medium_id"}};
	const SkTable table = {.name = "t", SK_COLUMNS(columns)};

	assert_ptr_equal(sk_table_find(&table, "medium_id"), &columns[1]);
	assert_null(sk_table_find(&table, "medium"));
	assert_ptr_equal(sk_table_find_field(&table, "medium"), &columns[1]);
	assert_null(sk_table_find_field(&table, "medium_id"));
	assert_null(sk_table_find_field(&table, ""));
}

static void test_scope(void **state)
{
	const char *const list[] = {"A", "B"};
	const SkScope two = {.facilities = list, .n_facilities = 2};

	assert_true(sk_scope_has_facility(SK_SCOPE_ALL, "A"));
	assert_true(sk_scope_has_facility(SK_SCOPE_ALL, NULL));
	assert_true(sk_scope_has_facility(&two, "B"));
	assert_false(sk_scope_has_facility(&two, "C"));
	assert_false(sk_scope_has_facility(&two, NULL));
	assert_false(sk_scope_has_facility(&(SkScope){.n_facilities = 0}, "A"));
	assert_false(sk_scope_has_facility(
		&(SkScope){.facilities = list, .n_facilities = 2, .terminal = "t"}, "A"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
