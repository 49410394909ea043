/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/crypt/digest.h"
#include "lib/crypt/secret.h"

static int init(void **state)
{
	return sk_crypt_init();
}

static void new_secrets_are_zero_and_writable(void **state)
{
	own_secret SkSecret *secret = NULL;
	uint8_t zeros[100] = {0};

	assert_int_equal(sk_secret_new(sizeof(zeros), &secret), 0);
	assert_int_equal(sk_secret_size(secret), sizeof(zeros));
	assert_memory_equal(sk_secret_data(secret), zeros, sizeof(zeros));
	memset(sk_secret_data(secret), 'x', sizeof(zeros));
	sk_secret_wipe(sk_secret_data(secret), sizeof(zeros));
	assert_memory_equal(sk_secret_data(secret), zeros, sizeof(zeros));
}

static void an_empty_secret_is_a_mistake(void **state)
{
	SkSecret *secret = NULL;

	assert_int_equal(sk_secret_new(0, &secret), -EINVAL);
	assert_null(secret);
	sk_secret_free(NULL);
}

/* The kernel's own account of locked memory, in kB. */
static long locked_kilobytes(void)
{
	own_file FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long kilobytes = -1;

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmLck: %ld", &kilobytes) == 1)
			break;
	return kilobytes;
}

static void secrets_are_locked_into_memory(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	skip(); /* it replaces mlock() by nothing */
#endif
	own_secret SkSecret *secret = NULL;
	long before = locked_kilobytes();

	assert_int_equal(sk_secret_new(64, &secret), 0);
	assert_true(locked_kilobytes() > before);
}

static void one_byte_too_far_is_the_end(void **state)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		SkSecret *secret = NULL;

		signal(SIGSEGV, SIG_DFL);
		if (sk_secret_new(64, &secret) == 0)
			((volatile uint8_t *)sk_secret_data(secret))[64] = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void equality_looks_at_every_byte(void **state)
{
	assert_true(sk_secret_equal("abcd", "abcd", 4));
	assert_false(sk_secret_equal("abcd", "abce", 4));
	assert_false(sk_secret_equal("abcd", "bbcd", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_secrets_are_zero_and_writable),
		cmocka_unit_test(an_empty_secret_is_a_mistake),
		cmocka_unit_test(secrets_are_locked_into_memory),
		cmocka_unit_test(one_byte_too_far_is_the_end),
		cmocka_unit_test(equality_looks_at_every_byte),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
