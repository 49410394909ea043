/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include "agent/pam/service.h"
#include "lib/ipc/proto_sign_in.h"

static void what_is_not_known_is_a_sign_in(void **state)
{
	assert_int_equal(service_kind("login"), SERVICE_SIGN_IN);
	assert_int_equal(service_kind("sshd"), SERVICE_SIGN_IN);
	assert_int_equal(service_kind("gdm-password"), SERVICE_SIGN_IN);
	assert_int_equal(service_kind("a-display-manager-of-2040"), SERVICE_SIGN_IN);
	assert_int_equal(service_kind(""), SERVICE_SIGN_IN);
}

static void programs_of_who_is_signed_in_are_none(void **state)
{
	assert_int_equal(service_kind("sudo"), SERVICE_INSIDE);
	assert_int_equal(service_kind("cron"), SERVICE_INSIDE);
	assert_int_equal(service_kind("systemd-user"), SERVICE_INSIDE);
	assert_int_equal(service_kind("gdm-launch-environment"), SERVICE_INSIDE);
	assert_int_equal(service_kind("sekisho-lock"), SERVICE_UNLOCK);
	assert_int_equal(service_kind("kde"), SERVICE_UNLOCK);
}

static void who_reads_gets_letters_he_can_read(void **state)
{
	assert_int_equal(service_letters("login", "tty1", "ja_JP.UTF-8"), SK_LETTERS_ASCII);
	assert_int_equal(service_letters("sekisho-lock", "tty15", "ja_JP.UTF-8"), SK_LETTERS_JAPANESE);
	assert_int_equal(service_letters("sekisho-lock", "tty15", "C.UTF-8"), SK_LETTERS_ASCII);
	assert_int_equal(service_letters("login", "ttyS0", NULL), SK_LETTERS_BOTH);
	assert_int_equal(service_letters("login", "pts/1", NULL), SK_LETTERS_BOTH);
	assert_int_equal(service_letters("login", "pts/1", "C.UTF-8"), SK_LETTERS_BOTH);
	assert_int_equal(service_letters("login", "ssh", "ja_JP.UTF-8"), SK_LETTERS_JAPANESE);
	assert_int_equal(service_letters("login", ":0", "en_GB.UTF-8"), SK_LETTERS_ENGLISH);
	assert_int_equal(service_letters("login", "tty", NULL), SK_LETTERS_BOTH);
	/* gdm tells the console its session is on. */
	assert_int_equal(service_letters("gdm-password", "tty1", "ja_JP.UTF-8"), SK_LETTERS_JAPANESE);
	assert_int_equal(service_letters("gdm", "tty1", NULL), SK_LETTERS_BOTH);
	assert_int_equal(service_letters("gdmx", "tty1", NULL), SK_LETTERS_ASCII);
	assert_true(service_replaces_errors("lightdm"));
	assert_false(service_replaces_errors("gdm-password"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_known_is_a_sign_in),
		cmocka_unit_test(programs_of_who_is_signed_in_are_none),
		cmocka_unit_test(who_reads_gets_letters_he_can_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
