/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/core/fixture.h"

#include <sqlite3.h>

static void note(Fixture *f, const char *hash)
{
	const HistoryDevice device = {.hash = hash,
		.vendor_id = 0x056E,
		.product_id = 0x0001,
		.serial = "S1",
		.name = "stick",
		.interfaces = "08:06:50",
		.user = "",
		.code = "SK-1001"};

	assert_int_equal(history_note_device(f->core.history, &device), 0);
}

static void path_of(const Fixture *f, const char *name, char ret_path[128])
{
	assert_true(sk_str_format(ret_path, 128, "%s/%s", f->directory, name));
}

static void what_was_seen_is_there_after_a_restart(void **state)
{
	Fixture *f = *state;

	note(f, "first");
	history_close(&f->core);
	assert_int_equal(history_open(&f->core), 0);
	assert_true(history_was_allowed(f->core.history, "first"));
	assert_false(history_was_allowed(f->core.history, "second"));
}

static void a_damaged_database_is_kept_aside(void **state)
{
	Fixture *f = *state;
	char aside[128];

	history_close(&f->core);
	fixture_write(
		f, "history.db", "this is no database, whatever its name may say, and it is long enough");
	assert_int_equal(history_open(&f->core), 0);
	path_of(f, "history.db.damaged", aside);
	assert_int_equal(access(aside, F_OK), 0);
	note(f, "first");
	assert_true(history_was_allowed(f->core.history, "first"));
}

static void a_database_that_another_holds_is_left_alone(void **state)
{
	Fixture *f = *state;
	char path[128], aside[128];
	sqlite3 *other;

	note(f, "first");
	history_close(&f->core);
	path_of(f, "history.db", path);
	path_of(f, "history.db.damaged", aside);
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN; SELECT * FROM devices", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(history_open(&f->core), 0);
	assert_int_not_equal(access(aside, F_OK), 0);
	/* Decisions go on; what this start does not know is not trusted. */
	assert_false(history_was_allowed(f->core.history, "first"));
	history_close(&f->core);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	assert_int_equal(history_open(&f->core), 0);
	assert_true(history_was_allowed(f->core.history, "first"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_was_seen_is_there_after_a_restart, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			a_damaged_database_is_kept_aside, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			a_database_that_another_holds_is_left_alone, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
