/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A check that crashes, hangs, leaves its jail or tells nonsense costs itself, and no other. */
#include "tests/unit/posture/fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

#include "agent/posture/round.h"

static void run_good(const Posture *posture, PostureResult *result)
{
	posture_value(result, "good");
	posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
}

static void run_crash(const Posture *posture, PostureResult *result)
{
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

/* By a call that is allowed: nothing comes on this socket. */
static void run_hang(const Posture *posture, PostureResult *result)
{
	char byte;

	for (;;)
		(void)!read(posture->fds.chains, &byte, 1);
}

static void run_spin(const Posture *posture, PostureResult *result)
{
	for (volatile unsigned i = 0;; i++)
		continue;
}

static void run_escape(const Posture *posture, PostureResult *result)
{
	socket(AF_INET, SOCK_STREAM, 0);
	posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
}

/* The file is there; the jail of this check does not know it. */
static void run_peek(const Posture *posture, PostureResult *result)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	posture_value(result, "%s", fd < 0 ? strerror(errno) : "READ");
	posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
}

static void run_lie(const Posture *posture, PostureResult *result)
{
	strcpy(result->id, "disk-encryption");
	posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
}

static void run_nonsense(const Posture *posture, PostureResult *result)
{
	memset(result, 0xff, sizeof(*result));
}

#ifndef __SANITIZE_ADDRESS__ /* there is no limit then */
static void run_memory(const Posture *posture, PostureResult *result)
{
	volatile char *block = malloc(2ul << 30);

	posture_value(result, block ? "GOT IT" : "refused");
	posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
}
#endif

static const char *const no_paths[] = {NULL};

#define CHECK(name)                                                                                          \
	{                                                                                                    \
		.id = #name, .requirement = "EQP-1", .paths = no_paths, .run = run_##name                    \
	}
static const PostureCheck rows[] = {
	CHECK(good),
	CHECK(crash),
	CHECK(hang),
	CHECK(spin),
	CHECK(escape),
	CHECK(peek),
	CHECK(lie),
	CHECK(nonsense),
#ifndef __SANITIZE_ADDRESS__
	CHECK(memory),
#endif
};

typedef struct Expected {
	const char *id, *value;
	uint32_t state;
	bool told;
} Expected;

static Expected expected[] = {
	{"good", "good", SK_POSTURE_OK, false},
	{"crash", "ended by signal 11", SK_POSTURE_UNKNOWN, false},
	{"hang", "took too long", SK_POSTURE_UNKNOWN, false},
	{"spin", NULL, SK_POSTURE_UNKNOWN, false},
	{"escape", "ended with status 159", SK_POSTURE_UNKNOWN, false},
	{"peek", NULL, SK_POSTURE_OK, false},
	{"lie", "its answer is none", SK_POSTURE_UNKNOWN, false},
	{"nonsense", "its answer is none", SK_POSTURE_UNKNOWN, false},
#ifndef __SANITIZE_ADDRESS__
	{"memory", "refused", SK_POSTURE_OK, false},
#endif
};

static void take(void *userdata, const PostureResult *result)
{
	assert_true(sk_check_posture_result(&result->head));
	for (size_t i = 0; i < SK_ARRAY_SIZE(expected); i++) {
		if (!sk_str_eq(expected[i].id, result->id))
			continue;
		assert_false(expected[i].told);
		expected[i].told = true;
		assert_int_equal(result->state, expected[i].state);
		if (expected[i].value && !sk_str_eq(expected[i].value, result->value))
			fail_msg("%s: %s", result->id, result->value);
		assert_string_not_equal(result->value, "READ");
		++*(unsigned *)userdata;
		return;
	}
	fail_msg("a result of %s", result->id);
}

static void each_for_itself(void **state)
{
	const PostureCheck *checks[SK_ARRAY_SIZE(rows) + 1] = {NULL};
	Fixture *f = *state;
	unsigned count = 0;
	time_t start = time(NULL);
	int fds[2];

	signal(SIGXFSZ, SIG_IGN); /* as main.c: standard error may be a file */
	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++)
		checks[i] = &rows[i];
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	f->posture.fds.chains = fds[0];
	assert_int_equal(round_run(&f->posture, checks, f->root, take, &count), SK_ARRAY_SIZE(rows));
	assert_int_equal(count, SK_ARRAY_SIZE(rows));
	assert_in_range(time(NULL) - start, 0, ROUND_MSEC / 1000 + 3);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {fixture_test(each_for_itself)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
