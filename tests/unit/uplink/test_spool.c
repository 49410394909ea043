/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/uplink/spool.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define MOST (1u << 20)

typedef struct Fixture {
	char directory[64];
	int fd;
	Spool *spool;
} Fixture;

static void reopen(Fixture *f)
{
	spool_close(f->spool);
	f->spool = NULL;
	assert_int_equal(spool_open(f->fd, "spool", &f->spool), 0);
}

static int setup(void **state)
{
	Fixture *f = calloc(1, sizeof(*f));

	sk_str_copy(f->directory, sizeof(f->directory), "/tmp/sekisho-spool-XXXXXX");
	if (!mkdtemp(f->directory))
		return -1;
	f->fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	reopen(f);
	*state = f;
	return f->fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	Fixture *f = *state;
	char command[128];

	spool_close(f->spool);
	close(f->fd);
	sk_str_format(command, sizeof(command), "rm -r %s", f->directory);
	free(f);
	return system(command);
}

static const char *key(unsigned n)
{
	static char text[SPOOL_KEY_SIZE];

	sk_str_format(text, sizeof(text), "%032x", n);
	return text;
}

static int add_text(Fixture *f, unsigned n, char *body, uint64_t most)
{
	SpoolCall call = {.operation = "loss.report", .data = body, .size = strlen(body)};

	sk_str_copy(call.key, sizeof(call.key), key(n));
	return spool_add(f->spool, &call, most);
}

static int add(Fixture *f, unsigned n)
{
	char body[32];

	sk_str_format(body, sizeof(body), "{\"n\":%u}", n);
	return add_text(f, n, body, MOST);
}

static void expect_first(Fixture *f, unsigned n)
{
	char body[32];
	SpoolCall call;

	sk_str_format(body, sizeof(body), "{\"n\":%u}", n);
	assert_int_equal(spool_first(f->spool, &call), 0);
	assert_string_equal(call.key, key(n));
	assert_string_equal(call.operation, "loss.report");
	assert_string_equal(call.data, body);
	assert_int_equal(call.size, strlen(body));
	free(call.data);
	spool_remove(f->spool, call.number);
}

static void in_order_also_after_a_restart(void **state)
{
	Fixture *f = *state;
	SpoolCall call;

	for (unsigned n = 1; n <= 20; n++) {
		assert_int_equal(add(f, n), 0);
		if (n % 7 == 0)
			reopen(f);
	}
	assert_int_equal(spool_count(f->spool), 20);
	for (unsigned n = 1; n <= 20; n++) {
		expect_first(f, n);
		if (n % 6 == 0)
			reopen(f);
	}
	assert_int_equal(spool_first(f->spool, &call), -ENOENT);
	assert_int_equal(spool_bytes(f->spool), 0);
}

static void a_call_that_waits_is_taken_once(void **state)
{
	Fixture *f = *state;

	assert_int_equal(add(f, 1), 0);
	assert_int_equal(add(f, 1), 0);
	reopen(f);
	assert_int_equal(add(f, 1), 0);
	assert_int_equal(spool_count(f->spool), 1);
}

static void it_has_an_end(void **state)
{
	Fixture *f = *state;
	char body[3000] = "", small[] = "{}";

	memset(body, 'x', sizeof(body) - 1);
	for (unsigned n = 0; n < 4; n++)
		assert_int_equal(add_text(f, n, body, 16384), 0);
	assert_int_equal(add_text(f, 9, small, 16384), -ENOSPC);
	reopen(f);
	assert_int_equal(spool_count(f->spool), 4);
	assert_int_equal(spool_bytes(f->spool), 16384);
	assert_int_equal(add_text(f, 9, small, 16384), -ENOSPC);
}

static void put(Fixture *f, const char *name, const char *text)
{
	char path[128];

	sk_str_format(path, sizeof(path), "spool/%s", name);
	int fd = openat(f->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(sk_io_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

/* What a kill leaves, and what somebody put there. */
static void rubbish_holds_up_nothing(void **state)
{
	Fixture *f = *state;

	put(f, "0000000000000001-00000000000000000000000000000aaa", "no line break");
	put(f, "0000000000000002-00000000000000000000000000000bbb", "");
	put(f, "0000000000000003-00000000000000000000000000000ccc", "\nbody without an operation");
	put(f, ".0000000000000004-00000000000000000000000000000ddd.new", "half");
	put(f, "something else", "x");
	put(f, "000000000000000z-00000000000000000000000000000eee", "a.b\n{}");
	reopen(f);
	assert_int_equal(spool_count(f->spool), 3);
	assert_int_equal(add(f, 7), 0);
	expect_first(f, 7);
	assert_int_equal(spool_count(f->spool), 0);
	assert_int_equal(
		faccessat(f->fd, "spool/.0000000000000004-00000000000000000000000000000ddd.new", F_OK, 0),
		-1);
	assert_int_equal(
		faccessat(f->fd, "spool/0000000000000001-00000000000000000000000000000aaa.bad", F_OK, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_order_also_after_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(a_call_that_waits_is_taken_once, setup, teardown),
		cmocka_unit_test_setup_teardown(it_has_an_end, setup, teardown),
		cmocka_unit_test_setup_teardown(rubbish_holds_up_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
