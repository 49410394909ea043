/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

/* Standard error goes into a pipe while a test runs. */
static int pipe_fds[2];
static int saved_stderr;

static int setup(void **state)
{
	saved_stderr = dup(STDERR_FILENO);
	if (saved_stderr < 0 || pipe(pipe_fds) < 0 || dup2(pipe_fds[1], STDERR_FILENO) < 0)
		return -1;
	unsetenv("JOURNAL_STREAM");
	unsetenv("SEKISHO_DEBUG");
	sk_log_init("sekisho-test");
	return 0;
}

static int teardown(void **state)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	return 0;
}

static void assert_written(const char *expected)
{
	char text[4096] = {0};
	ssize_t n;

	fputc('.', stderr); /* the end, so that reading nothing does not wait */
	n = read(pipe_fds[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n - 1] = 0;
	assert_string_equal(text, expected);
}

static void without_a_journal_messages_go_to_standard_error(void **state)
{
	const SkLogField fields[] = {{"DEVICE", "usb-1"}, {NULL, NULL}};
	const SkLogEvent event = {.priority = LOG_WARNING,
		.id = SK_MESSAGE_DEVICE_REFUSED,
		.code = "SK-1105",
		.fields = fields};

	sk_log_event(&event, "refused %s", "a device");
	assert_written("<4>sekisho-test: SK-1105: refused a device\n");
}

static void a_message_is_one_line(void **state)
{
	sk_log(LOG_INFO, "one\n<0>two");
	assert_written("<6>sekisho-test: one <0>two\n");
}

static void debugging_is_silent_unless_asked_for(void **state)
{
	sk_log(LOG_DEBUG, "detail");
	assert_written("");
	setenv("SEKISHO_DEBUG", "1", 1);
	sk_log_init("sekisho-test");
	sk_log(LOG_DEBUG, "detail");
	assert_written("<7>sekisho-test: detail\n");
}

static void a_stream_of_somebody_else_is_no_journal(void **state)
{
	setenv("JOURNAL_STREAM", "1:2", 1);
	sk_log_init("sekisho-test");
	sk_log(LOG_ERR, "here");
	assert_written("<3>sekisho-test: here\n");
}

/* The ids of ids.h are 128 bit in hexadecimal and differ. */
static void message_ids_are_well_formed(void **state)
{
	const char *ids[] = {SK_MESSAGE_STARTED, SK_MESSAGE_DEVICE_ALLOWED, SK_MESSAGE_DEVICE_REFUSED,
		SK_MESSAGE_MEDIA_ADMITTED, SK_MESSAGE_MEDIA_REFUSED, SK_MESSAGE_FILE_REFUSED,
		SK_MESSAGE_AUDIT_FAULT};

	for (size_t i = 0; i < SK_ARRAY_SIZE(ids); i++) {
		assert_int_equal(strspn(ids[i], "0123456789abcdef"), 32);
		assert_int_equal(strlen(ids[i]), 32);
		for (size_t k = i + 1; k < SK_ARRAY_SIZE(ids); k++)
			assert_string_not_equal(ids[i], ids[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			without_a_journal_messages_go_to_standard_error, setup, teardown),
		cmocka_unit_test_setup_teardown(a_message_is_one_line, setup, teardown),
		cmocka_unit_test_setup_teardown(debugging_is_silent_unless_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stream_of_somebody_else_is_no_journal, setup, teardown),
		cmocka_unit_test(message_ids_are_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
