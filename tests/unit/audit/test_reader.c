/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <poll.h>
#include <string.h>

#include "lib/audit/line.h"
#include "lib/audit/reader.h"
#include "tests/unit/audit/fixture.h"

static void assert_seqs(SkAuditReader *reader, uint64_t first, uint64_t last)
{
	SkAuditRecord record;

	for (uint64_t seq = first; seq <= last; seq++) {
		assert_int_equal(sk_audit_reader_next(reader, &record), 1);
		assert_int_equal(record.seq, seq);
	}
	assert_int_equal(sk_audit_reader_next(reader, &record), 0);
}

static void reading_starts_anywhere(void **state)
{
	static const uint64_t starts[] = {0, 1, 2, 17, 50, 117, 230, 236, 237};
	Log *log = *state;
	SkAuditHead head;
	SkAudit *audit;

	log->options.segment_size = 3000;
	log_write(log, 200);
	audit = log_open(log);
	sk_audit_get_head(audit, &head);
	assert_int_equal(sk_audit_close(audit), 0);
	/* Killed between making a segment and its first record. */
	log_shell(log, ": > segment-00000099.jsonl");
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		own_audit_reader SkAuditReader *reader = NULL;

		assert_int_equal(sk_audit_reader_open(log->directory, starts[i], &reader), 0);
		assert_seqs(reader, starts[i] ? starts[i] : 1, head.seq);
	}
}

/* Also over the border of a segment. */
static void following_waits_for_what_is_written(void **state)
{
	own_audit_reader SkAuditReader *reader = NULL;
	Log *log = *state;
	SkAuditHead head, before;
	SkAudit *audit;
	int fd;

	log->options.segment_size = 3000;
	audit = log_open(log);
	assert_int_equal(log_append(audit, 1), 0);
	assert_int_equal(sk_audit_reader_open(log->directory, 0, &reader), 0);
	assert_int_equal(sk_audit_reader_get_fd(reader, &fd), 0);
	sk_audit_get_head(audit, &head);
	assert_seqs(reader, 1, head.seq);
	for (unsigned i = 0; i < 30; i++) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

		assert_int_equal(poll(&poll_fd, 1, 0), 0);
		before = head;
		assert_int_equal(log_append(audit, i), 0);
		assert_int_equal(poll(&poll_fd, 1, 1000), 1);
		sk_audit_get_head(audit, &head);
		assert_seqs(reader, before.seq + 1, head.seq);
	}
	assert_int_equal(sk_audit_close(audit), 0);
}

static void damaged_lines_are_told_and_passed_over(void **state)
{
	own_audit_reader SkAuditReader *reader = NULL;
	Log *log = *state;
	SkAuditRecord record;
	const char *file;
	uint64_t number;
	Lines lines;

	log_write(log, 3);
	lines = log_read_lines(log, 1);
	lines_replace(&lines, 2, "\"kind\"", "\"king\"");
	log_write_lines(log, 1, &lines);
	assert_int_equal(sk_audit_reader_open(log->directory, 0, &reader), 0);
	assert_int_equal(sk_audit_reader_next(reader, &record), 1);
	assert_int_equal(sk_audit_reader_next(reader, &record), 1);
	assert_int_equal(sk_audit_reader_next(reader, &record), -EBADMSG);
	sk_audit_reader_get_place(reader, &file, &number);
	assert_string_equal(file, "segment-00000001.jsonl");
	assert_int_equal(number, 3);
	assert_seqs(reader, 4, 5);
}

static void an_unfinished_line_is_not_read(void **state)
{
	own_audit_reader SkAuditReader *reader = NULL;
	Log *log = *state;

	log_write(log, 3);
	log_shell(log, "printf '{\"seq\":6' >> segment-00000001.jsonl");
	assert_int_equal(sk_audit_reader_open(log->directory, 0, &reader), 0);
	assert_seqs(reader, 1, 5);
}

static void no_log_is_an_error(void **state)
{
	Log *log = *state;
	SkAuditReader *reader = NULL;

	assert_int_equal(sk_audit_reader_open(log->directory, 0, &reader), -ENOENT);
	assert_null(reader);
}

static void kinds_cover_those_below_them(void **state)
{
	const SkAuditText kind = {"device.decided", strlen("device.decided")};

	assert_true(sk_audit_kind_covers("device", kind));
	assert_true(sk_audit_kind_covers("device.decided", kind));
	assert_false(sk_audit_kind_covers("device.dec", kind));
	assert_false(sk_audit_kind_covers("dev", kind));
	assert_false(sk_audit_kind_covers("device.decided.again", kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reading_starts_anywhere, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(following_waits_for_what_is_written, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(
			damaged_lines_are_told_and_passed_over, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(an_unfinished_line_is_not_read, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(no_log_is_an_error, log_setup, log_teardown),
		cmocka_unit_test(kinds_cover_those_below_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
