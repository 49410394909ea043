/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose terminal a console is, by lines of /proc/PID/stat whose second word is whatever a program likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/lock/front.h"
#include "agent/lock/owners.h"
#include "lib/base/str.h"

/* Of main.c. */
void lock_look(Lock *lock)
{
}

uint64_t lock_now(void)
{
	return 1;
}

#define TTY3 "1027"  /* 4 * 256 + 3 */
#define TTY63 "1087" /* the last one of the kernel's */
#define REST " -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 "

static void test_names(void **state)
{
	static const char *const names[] = {"bash", "a b", "a) S 1 1 1 1028", "((()))", ")", "",
		"\n9 (x) R 1 9 9 1028", "\xff\xfe", ") S 1 7 7 1028 -1 1 1 1 1 1 1 1 1 1 1"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		char text[256];
		OwnerStat stat;

		assert_true(sk_str_format(
			text, sizeof(text), "42 (%s) S 7 42 40 " TTY3 REST "12345 1 2\n", names[i]));
		assert_true(owners_parse_stat(text, &stat));
		assert_int_equal(stat.pid, 42);
		assert_int_equal(stat.parent, 7);
		assert_int_equal(stat.leader, 40);
		assert_int_equal(stat.vt, 3);
		assert_int_equal(stat.started, 12345);
	}
}

static void test_terminals(void **state)
{
	static const struct {
		const char *number;
		unsigned vt;
		int pts;
	} rows[] = {{"0", 0, -1}, {"1024", 0, -1}, {"1025", 1, -1}, {TTY63, 63, -1},
		{"1088", 0, -1} /* ttyS0 */, {"34816", 0, 0}, {"34823", 0, 7}, {"1083394", 0, 258},
		{"1049603", 0, -1} /* the minor number 259 */, {"-1", 0, -1}, {"1280", 0, -1} /* /dev/tty */};

	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++) {
		char text[256];
		OwnerStat stat;

		assert_true(
			sk_str_format(text, sizeof(text), "42 (sh) S 7 42 40 %s" REST "1\n", rows[i].number));
		assert_true(owners_parse_stat(text, &stat));
		assert_int_equal(stat.vt, rows[i].vt);
		assert_int_equal(stat.pts, rows[i].pts);
	}
}

static void test_no_lines(void **state)
{
	static const char *const texts[] = {"", ")", "42", "42 (sh", "42 (sh)", "42 (sh) S 7 42 40 " TTY3,
		"42 (sh) S 7 42 40 " TTY3 REST, "x (sh) S 7 42 40 " TTY3 REST "1",
		"0 (sh) S 7 42 40 " TTY3 REST "1", "-4 (sh) S 7 42 40 " TTY3 REST "1",
		"42 (sh) S a 42 40 " TTY3 REST "1"};
	OwnerStat stat;

	for (size_t i = 0; i < SK_ARRAY_SIZE(texts); i++)
		assert_false(owners_parse_stat(texts[i], &stat));
}

static void test_earlier(void **state)
{
	const OwnerStat leader = {.pid = 900, .leader = 900, .started = 5},
			same_time = {.pid = 30, .leader = 900, .started = 5},
			later = {.pid = 31, .leader = 900, .started = 6};

	assert_true(owners_is_earlier(&leader, &same_time)); /* numbers begin anew */
	assert_false(owners_is_earlier(&same_time, &leader));
	assert_true(owners_is_earlier(&same_time, &later));
	assert_false(owners_is_earlier(&later, &leader));
}

/* The kernel's own lines, with this very process among them. */
static void test_kernel(void **state)
{
	Owner owners[OWNERS_VT_MAX + 1];
	OwnerStat stat;
	char text[4096] = "";
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	assert_true(owners_parse_stat(text, &stat));
	assert_int_equal(stat.pid, getpid());
	assert_int_equal(stat.parent, getppid());
	assert_int_equal(stat.leader, getsid(0));
	assert_true(stat.started > 0);
	assert_int_equal(owners_read(owners), 0);
	assert_int_equal(owners[0].pid, 0);
}

/* The one in front, when nobody was found there. */
static void test_next_look(void **state)
{
	static Lock lock = {.front_looked = 100};
	const LockLimits none = {0}, idle = {.idle = 50, .end = 90, .no_cover = true}, end = {.end = 30};

	assert_true(front_next(&lock, &none) == LOCK_NEVER);
	assert_int_equal(front_next(&lock, &idle), 150);
	assert_int_equal(front_next(&lock, &end), 130);
	assert_false(front_is_due(&lock, &idle, 149));
	assert_true(front_is_due(&lock, &idle, 150));
	lock.front_known = true;
	assert_false(front_is_due(&lock, &idle, 1000));
	assert_false(front_is_due(&lock, &none, 1000));
}

static void test_limits(void **state)
{
	const LockLimits idle = {.idle = 50, .end = 90, .held = 7, .confirm = 3, .no_cover = true},
			 early = {.idle = 50, .end = 30}, end = {.end = 30}, none = {0};
	LockLimits covered = front_limits(&idle);

	assert_true(covered.idle == 50 && covered.end == 0 && covered.held == 7 && covered.confirm == 3);
	assert_false(covered.no_cover);
	covered = front_limits(&early);
	assert_true(covered.idle == 30 && covered.end == 0);
	covered = front_limits(&end);
	assert_true(covered.idle == 30 && covered.end == 0);
	covered = front_limits(&none);
	assert_true(covered.idle == 0 && covered.end == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_terminals),
		cmocka_unit_test(test_no_lines), cmocka_unit_test(test_earlier),
		cmocka_unit_test(test_kernel), cmocka_unit_test(test_next_look),
		cmocka_unit_test(test_limits)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
