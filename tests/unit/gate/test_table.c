/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>

#include "lib/gate/table.h"
#include "tests/unit/gate/fake_group.h"

typedef struct Fixture {
	FakeGroup group;
	SkGate *gate;
	SkGateTable *table;
	SkGateVerdict verdict; /* of the last admission */
	bool first;
	SkFileId file;
} Fixture;

static void admit(void *userdata, SkGate *gate, SkGateEvent *event)
{
	Fixture *fixture = userdata;

	fixture->first = false;
	fixture->file = event->file;
	fixture->verdict = sk_gate_table_admit(fixture->table, event, &fixture->first);
}

static void set_up(Fixture *fixture, size_t max_files)
{
	*fixture = (Fixture){.group = fake_group_new()};
	fixture->gate = fake_gate(&fixture->group, admit, fixture);
	fixture->table = sk_gate_table_new(fixture->gate, max_files);
	assert_non_null(fixture->table);
}

static void tear_down(Fixture *fixture)
{
	fixture->table = sk_gate_table_free(fixture->table);
	fixture->gate = sk_gate_free(fixture->gate);
	close(fixture->group.kernel);
}

/* Somebody opens the file behind fd. */
static void open_again(Fixture *fixture, int fd)
{
	fake_event(&fixture->group, fcntl(fd, F_DUPFD_CLOEXEC, 3), 10, FAN_OPEN_PERM);
	assert_int_equal(fake_dispatch(fixture->gate), 1);
}

static void one_verdict_answers_all_that_wait_for_the_file(void **state)
{
	Fixture fixture;
	int one = fake_file("one"), other = fake_file("other");
	SkFileId file;

	set_up(&fixture, 0);
	open_again(&fixture, one);
	file = fixture.file;
	assert_true(fixture.first);
	for (int i = 0; i < 3; i++) {
		open_again(&fixture, one);
		assert_int_equal(fixture.verdict, SK_GATE_UNKNOWN);
		assert_false(fixture.first);
	}
	open_again(&fixture, other);
	assert_true(fixture.first);
	assert_int_equal(sk_gate_table_resolve(fixture.table, &file, SK_GATE_ALLOW), 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(fake_answer(&fixture.group).response, FAN_ALLOW);
	assert_int_equal(fake_answer(&fixture.group).fd, -1); /* the other one still waits */
	assert_int_equal(sk_gate_outstanding(fixture.gate), 1);
	close(one);
	close(other);
	tear_down(&fixture);
}

static void a_known_verdict_is_answered_at_once(void **state)
{
	Fixture fixture;
	int fd = fake_file("known");
	SkFileId file;
	mode_t mode;

	set_up(&fixture, 0);
	assert_int_equal(sk_gate_file_id(fd, &file, &mode), 0);
	assert_int_equal(sk_gate_table_lookup(fixture.table, &file), SK_GATE_UNKNOWN);
	assert_int_equal(sk_gate_table_resolve(fixture.table, &file, SK_GATE_DENY), 0);
	assert_int_equal(sk_gate_table_lookup(fixture.table, &file), SK_GATE_DENY);
	open_again(&fixture, fd);
	assert_int_equal(fixture.verdict, SK_GATE_DENY);
	assert_int_equal(fake_answer(&fixture.group).response, FAN_DENY);
	assert_int_equal(sk_gate_table_resolve(fixture.table, &file, SK_GATE_ALLOW), 0); /* thought better */
	open_again(&fixture, fd);
	assert_int_equal(fake_answer(&fixture.group).response, FAN_ALLOW);
	assert_int_equal(sk_gate_table_files(fixture.table), 1);
	close(fd);
	tear_down(&fixture);
}

static void settling_answers_without_remembering(void **state)
{
	Fixture fixture;
	int fd = fake_file("scanner crashes on it");

	set_up(&fixture, 0);
	open_again(&fixture, fd);
	assert_int_equal(sk_gate_table_settle(fixture.table, &fixture.file, SK_GATE_DENY), 1);
	assert_int_equal(fake_answer(&fixture.group).response, FAN_DENY);
	open_again(&fixture, fd);
	assert_int_equal(fixture.verdict, SK_GATE_UNKNOWN);
	assert_true(fixture.first);
	close(fd);
	tear_down(&fixture);
}

static void no_verdict_is_no_answer(void **state)
{
	Fixture fixture;
	int fd = fake_file("x");

	set_up(&fixture, 0);
	open_again(&fixture, fd);
	assert_int_equal(sk_gate_table_resolve(fixture.table, &fixture.file, SK_GATE_UNKNOWN), -EINVAL);
	assert_int_equal(sk_gate_table_settle(fixture.table, &fixture.file, SK_GATE_UNKNOWN), -EINVAL);
	assert_int_equal(fake_answer(&fixture.group).fd, -1);
	close(fd);
	tear_down(&fixture);
}

static void the_oldest_verdicts_are_forgotten_first(void **state)
{
	Fixture fixture;
	SkFileId file = {.dev = 1};

	set_up(&fixture, 3);
	for (file.ino = 1; file.ino <= 5; file.ino++)
		assert_int_equal(sk_gate_table_resolve(fixture.table, &file, SK_GATE_ALLOW), 0);
	assert_int_equal(sk_gate_table_files(fixture.table), 3);
	for (file.ino = 1; file.ino <= 5; file.ino++)
		assert_int_equal(sk_gate_table_lookup(fixture.table, &file),
			file.ino <= 2 ? SK_GATE_UNKNOWN : SK_GATE_ALLOW);
	tear_down(&fixture);
}

static void forgetting_leaves_what_waits(void **state)
{
	Fixture fixture;
	int fd = fake_file("waits");
	const SkFileId known = {.dev = 1, .ino = 2};

	set_up(&fixture, 0);
	assert_int_equal(sk_gate_table_resolve(fixture.table, &known, SK_GATE_ALLOW), 0);
	open_again(&fixture, fd);
	sk_gate_table_forget(fixture.table);
	assert_int_equal(sk_gate_table_lookup(fixture.table, &known), SK_GATE_UNKNOWN);
	assert_int_equal(sk_gate_table_files(fixture.table), 0);
	assert_int_equal(sk_gate_table_resolve(fixture.table, &fixture.file, SK_GATE_ALLOW), 1);
	close(fd);
	tear_down(&fixture);
}

static void freeing_the_table_denies_what_waits(void **state)
{
	Fixture fixture;
	int fd = fake_file("waits");

	set_up(&fixture, 0);
	open_again(&fixture, fd);
	fixture.table = sk_gate_table_free(fixture.table);
	assert_int_equal(fake_answer(&fixture.group).response, FAN_DENY);
	assert_int_equal(sk_gate_outstanding(fixture.gate), 0);
	close(fd);
	tear_down(&fixture);
}

static void a_file_that_changed_is_another_file(void **state)
{
	Fixture fixture;
	int fd = fake_file("before");

	set_up(&fixture, 0);
	open_again(&fixture, fd);
	assert_int_equal(sk_gate_table_resolve(fixture.table, &fixture.file, SK_GATE_ALLOW), 1);
	assert_int_equal(write(fd, "more", 4), 4);
	open_again(&fixture, fd);
	assert_int_equal(fixture.verdict, SK_GATE_UNKNOWN);
	close(fd);
	tear_down(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_verdict_answers_all_that_wait_for_the_file),
		cmocka_unit_test(a_known_verdict_is_answered_at_once),
		cmocka_unit_test(settling_answers_without_remembering),
		cmocka_unit_test(no_verdict_is_no_answer),
		cmocka_unit_test(the_oldest_verdicts_are_forgotten_first),
		cmocka_unit_test(forgetting_leaves_what_waits),
		cmocka_unit_test(freeing_the_table_denies_what_waits),
		cmocka_unit_test(a_file_that_changed_is_another_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
