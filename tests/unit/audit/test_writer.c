/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serves LOG-3. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sys/wait.h>
#include <signal.h>

#include "lib/audit/line.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "tests/unit/audit/fixture.h"

/* The last line of segment 1. */
static void assert_last_line_has(Log *log, unsigned segment, const char *text)
{
	Lines lines = log_read_lines(log, segment);

	assert_true(lines.count > 0);
	if (!strstr(lines.items[lines.count - 1], text))
		fail_msg("%s is not in %s", text, lines.items[lines.count - 1]);
	for (size_t i = 0; i < lines.count; i++)
		free(lines.items[i]);
}

static void only_one_writer_at_a_time(void **state)
{
	Log *log = *state;
	SkAudit *first = log_open(log), *second = NULL;

	assert_int_equal(sk_audit_open(log->directory, &log->options, &second), -EBUSY);
	assert_int_equal(sk_audit_close(first), 0);
	log_write(log, 1);
}

static void what_cannot_be_a_record_is_refused_and_leaves_no_trace(void **state)
{
	static const struct {
		const char *kind;
		const char *actor;
		const char *body;
		int result;
	} cases[] = {
		{"test.good", "me", "{}", 0},
		{"test", "me", "{}", -EINVAL},
		{"", "me", "{}", -EINVAL},
		{".test", "me", "{}", -EINVAL},
		{"test.", "me", "{}", -EINVAL},
		{"test..a", "me", "{}", -EINVAL},
		{"Test.a", "me", "{}", -EINVAL},
		{"test.\"a", "me", "{}", -EINVAL},
		{"audit.seal", "me", "{}", -EINVAL},
		{"test.good", "\xFF", "{}", -EINVAL},
		{"test.good", "me", "[]", -EINVAL},
		{"test.good", "me", "{\"a\":1e300}", -EINVAL},
		{"test.good", "line\nbreak \"quoted\" \xE9\x96\xA2", "{\"a\":\"\\u2028\\n\"}", 0},
	};
	Log *log = *state;
	SkAudit *audit = log_open(log);
	uint64_t expected = 1;

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		json_t *body = json_loads(cases[i].body, JSON_ALLOW_NUL, NULL);
		uint64_t seq = 0;

		assert_non_null(body);
		if (sk_audit_append(audit, cases[i].kind, cases[i].actor, body, &seq) != cases[i].result)
			fail_msg("%zu", i);
		json_decref(body);
		if (cases[i].result == 0)
			assert_int_equal(seq, ++expected);
	}
	assert_int_equal(sk_audit_close(audit), 0);
	log_assert_intact(log, expected + 1);
}

static void a_record_that_is_too_long_is_refused(void **state)
{
	Log *log = *state;
	SkAudit *audit = log_open(log);
	char *text = malloc(SK_AUDIT_LINE_MAX + 1);
	json_t *body;

	memset(text, 'x', SK_AUDIT_LINE_MAX);
	text[SK_AUDIT_LINE_MAX] = 0;
	body = json_pack("{s:s}", "text", text);
	assert_int_equal(sk_audit_append(audit, "test.long", "me", body, NULL), -EMSGSIZE);
	json_decref(body);
	text[SK_AUDIT_LINE_MAX - 1000] = 0;
	body = json_pack("{s:s}", "text", text);
	assert_int_equal(sk_audit_append(audit, "test.long", "me", body, NULL), 0);
	json_decref(body);
	free(text);
	assert_int_equal(sk_audit_close(audit), 0);
	log_assert_intact(log, 3);
}

static void a_queue_is_acknowledged_as_one_and_bounded(void **state)
{
	Log *log = *state;
	SkAudit *audit = log_open(log);
	json_t *body = json_object();
	unsigned queued = 0;
	SkAuditHead head;
	int r;

	while ((r = sk_audit_queue(audit, "test.queued", "me", body, NULL)) == 0)
		queued++;
	assert_int_equal(r, -ENOBUFS);
	assert_true(queued >= 100);
	sk_audit_get_head(audit, &head);
	assert_int_equal(head.seq, 1);
	assert_int_equal(sk_audit_append(audit, "test.appended", "me", body, NULL), 0);
	json_decref(body);
	sk_audit_get_head(audit, &head);
	assert_true(head.seq > queued + 1);
	assert_int_equal(sk_audit_close(audit), 0);
	log_verify(log, true, NULL);
	assert_int_equal(log->report.findings, 0);
}

static void a_torn_line_is_cut_and_told(void **state)
{
	static const char *const torn[] = {"{\"seq\":36,", "x", "{\"seq\":9,\"prev\":\n\nxx", "\n"};
	Log *log = *state;

	log_write(log, 3);
	for (size_t i = 0; i < SK_ARRAY_SIZE(torn); i++) {
		char command[128], expected[64];

		sk_str_format(command, sizeof(command), "printf '%s' >> segment-00000001.jsonl", torn[i]);
		log_shell(log, command);
		assert_int_equal(sk_audit_close(log_open(log)), 0);
		sk_str_format(expected, sizeof(expected), "{\"cut-bytes\":%zu,\"lost-records\":0,",
			strlen(torn[i]));
		{
			Lines lines = log_read_lines(log, 1);

			assert_non_null(strstr(lines.items[lines.count - 2], "\"kind\":\"audit.recovered\""));
			assert_non_null(strstr(lines.items[lines.count - 2], expected));
			log_write_lines(log, 1, &lines);
		}
		log_verify(log, true, NULL);
		assert_int_equal(log->report.findings, 0);
		assert_int_equal(log->found[SK_AUDIT_RECOVERED], i + 1);
	}
}

static void a_clean_start_adds_nothing(void **state)
{
	Log *log = *state;

	log_write(log, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sk_audit_close(log_open(log)), 0);
	log_assert_intact(log, 5);
}

/* A child queues two, pushes the first of them when asked to, and dies without a word. */
static void die_after_queueing(Log *log, bool push)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		SkAudit *audit = log_open(log);
		json_t *body = json_object();

		if (sk_audit_queue(audit, "test.record", "test", body, NULL) < 0)
			_exit(1);
		if (push)
			sk_audit_push(audit);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void what_was_pushed_survives_a_kill(void **state)
{
	Log *log = *state;

	log_write(log, 3); /* 5 records with the creation and the seal */
	die_after_queueing(log, false);
	log_write(log, 1);
	log_assert_intact(log, 7);
	die_after_queueing(log, true);
	log_write(log, 1);
	log_assert_intact(log, 10);
}

static void what_was_pushed_is_written_once(void **state)
{
	Log *log = *state;
	SkAudit *audit = log_open(log);
	json_auto_t *body = json_object();

	for (int i = 0; i < 4; i++) {
		assert_int_equal(sk_audit_queue(audit, "test.record", "test", body, NULL), 0);
		sk_audit_push(audit);
		sk_audit_push(audit);
		if (i % 2)
			assert_int_equal(sk_audit_sync(audit), 0);
	}
	assert_int_equal(sk_audit_close(audit), 0);
	log_assert_intact(log, 6);
}

static void bad_now(void *userdata, SkAuditTime *ret_time)
{
	*ret_time = (SkAuditTime){.clock = "unknown", .boot = "none"};
}

/* Killed at each step of the first start. A clock that cannot be a record's stops it before the first record.
 */
static void a_log_half_created_is_created(void **state)
{
	static const char *const kills[] = {
		"rm segment-* head seal-state start-key && : > start-key.new",
		"rm segment-* head seal-state",
		"rm segment-* seal-state",
		"rm segment-*",
		":",
		"printf '{\"seq\":1' > segment-00000001.jsonl",
	};
	Log *log = *state;

	for (size_t i = 0; i < SK_ARRAY_SIZE(kills); i++) {
		SkAuditOptions bad = log->options;
		SkAudit *audit = NULL;
		struct stat st;

		bad.now = bad_now;
		log_shell(log, "rm -f segment-* head seal-state start-key*");
		assert_int_equal(sk_audit_open(log->directory, &bad, &audit), -EINVAL);
		log_shell(log, kills[i]);
		log_write(log, 3);
		log_assert_intact(log, i == 5 ? 6 : 5);
		assert_int_equal(fstatat(log->dir_fd, "start-key", &st, 0), 0);
		assert_int_equal(st.st_mode & 0777, 0400);
	}
}

/* Killed between a seal and its seal-state: keep an older seal-state beside the log. */
static void a_seal_without_its_state_is_completed(void **state)
{
	Log *log = *state;
	SkAudit *audit;

	log_write(log, 3);
	log_shell(log, "cp -p seal-state old");
	audit = log_open(log);
	assert_int_equal(log_append(audit, 1), 0);
	assert_int_equal(sk_audit_seal(audit), 0);
	assert_int_equal(log_append(audit, 2), 0);
	assert_int_equal(sk_audit_close(audit), 0);
	log_shell(log, "cp -p old seal-state");
	log_write(log, 1);
	log_verify(log, true, NULL);
	assert_int_equal(log->report.findings, 0);
	assert_int_equal(log->report.seals, log->report.seals_checked);
	assert_int_equal(log->found[SK_AUDIT_RECOVERED], 1);
}

static void lost_records_stay_a_visible_gap(void **state)
{
	Log *log = *state;
	Lines lines;

	log_write(log, 30);
	lines = log_read_lines(log, 1);
	while (lines.count > 20)
		lines_remove(&lines, lines.count - 1);
	log_write_lines(log, 1, &lines);
	log_write(log, 2);
	log_verify(log, true, NULL);
	assert_int_equal(log->found[SK_AUDIT_RECORDS_MISSING], 1);
	assert_int_equal(log->first.seq, 21);
	assert_int_equal(log->found[SK_AUDIT_LOSS_RECORDED], 1);
	assert_int_equal(log->found[SK_AUDIT_SEAL_BAD], 0);
	/* It is told once, not at each start. */
	log_write(log, 1);
	log_verify(log, true, NULL);
	assert_int_equal(log->found[SK_AUDIT_LOSS_RECORDED], 1);
}

static void damage_inside_stays_as_evidence(void **state)
{
	Log *log = *state;
	Lines lines;

	log_write(log, 30);
	lines = log_read_lines(log, 1);
	lines_replace(&lines, 30, "{\"seq\"", "{\"sex\"");
	log_write_lines(log, 1, &lines);
	for (int i = 0; i < 2; i++) {
		log_write(log, 2);
		log_verify(log, true, NULL);
		assert_int_equal(log->found[SK_AUDIT_LINE_BAD], 1);
		assert_int_equal(log->found[SK_AUDIT_LOSS_RECORDED], 1);
		assert_int_equal(log->report.findings, 2);
		assert_int_equal(log->report.segments, 2);
	}
}

static void a_lost_sealing_key_is_replaced_and_told(void **state)
{
	static const char *const losses[] = {"rm seal-state", "printf x > seal-state", ": > seal-state"};
	Log *log = *state;

	log_write(log, 20);
	for (size_t i = 0; i < SK_ARRAY_SIZE(losses); i++) {
		char command[128];
		SkAuditReport with_new_key;

		log_shell(log, losses[i]);
		log_write(log, 20);
		log_verify(log, true, NULL);
		assert_int_equal(log->found[SK_AUDIT_KEY_REPLACED], i + 1);
		assert_int_equal(log->report.findings, i + 1);
		assert_true(log->report.seals_checked < log->report.seals);
		sk_str_format(
			command, sizeof(command), "cp start-key key && cp -f start-key.%zu start-key", i + 2);
		log_shell(log, command);
		log_verify(log, true, NULL);
		with_new_key = log->report;
		log_shell(log, "cp -f key start-key");
		assert_int_equal(with_new_key.findings, i + 1);
		assert_true(with_new_key.seals_checked > 0);
		assert_int_equal(with_new_key.sealed_seq, with_new_key.head.seq);
	}
}

static void a_lost_head_is_told_and_made_again(void **state)
{
	Log *log = *state;

	log_write(log, 20);
	log_shell(log, "rm head");
	log_write(log, 1);
	log_verify(log, true, NULL);
	assert_int_equal(log->report.findings, 1);
	assert_int_equal(log->found[SK_AUDIT_LOSS_RECORDED], 1);
	assert_int_equal(log->found[SK_AUDIT_HEAD_MISSING], 0);
}

static void removed_segments_are_told(void **state)
{
	Log *log = *state;

	log->options.segment_size = 3000;
	log_write(log, 60);
	log_shell(log, "rm segment-*");
	log_write(log, 3);
	log_verify(log, true, NULL);
	assert_int_equal(log->found[SK_AUDIT_SEGMENT_MISSING], 1);
	assert_int_equal(log->found[SK_AUDIT_START_MISSING], 1);
	assert_int_equal(log->found[SK_AUDIT_LOSS_RECORDED], 1);
}

static void the_old_key_leaves_the_disk(void **state)
{
	Log *log = *state;
	own_free char *before = NULL, *after = NULL;
	size_t before_size, after_size;

	log_write(log, 1);
	assert_int_equal(sk_io_read_file_at(log->dir_fd, "seal-state", 1024, &before, &before_size), 0);
	log_shell(log, "ln seal-state held");
	log_write(log, 1);
	assert_int_equal(sk_io_read_file_at(log->dir_fd, "held", 1024, &after, &after_size), 0);
	assert_int_equal(after_size, before_size);
	for (size_t i = 0; i < after_size; i++)
		assert_int_equal(after[i], 0);
}

static void the_start_key_can_be_kept_elsewhere(void **state)
{
	Log *log = *state;
	char path[128];
	struct stat st;

	sk_str_format(path, sizeof(path), "%s/kept/terminal.key", log->directory);
	log_shell(log, "mkdir kept");
	log->options.start_key_path = path;
	log_write(log, 3);
	log->options.start_key_path = NULL;
	assert_int_equal(fstatat(log->dir_fd, "start-key", &st, 0), -1);
	log_shell(log, "cp kept/terminal.key start-key");
	log_assert_intact(log, 5);
}

static void the_reserve_is_taken_and_counted(void **state)
{
	Log *log = *state;
	SkAuditSpace space;
	SkAudit *audit;

	log->options.reserve_size = 1 << 20;
	audit = log_open(log);
	assert_int_equal(sk_audit_get_space(audit, &space), 0);
	assert_int_equal(space.reserve, 1 << 20);
	assert_false(space.reserve_opened);
	assert_true(space.free > 0);
	assert_int_equal(sk_audit_close(audit), 0);
}

static void a_system_clock_is_recorded(void **state)
{
	Log *log = *state;

	log->options.now = NULL;
	log_write(log, 3);
	log_assert_intact(log, 5);
	assert_last_line_has(log, 1, "\"kind\":\"audit.seal\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_pushed_survives_a_kill, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(what_was_pushed_is_written_once, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(only_one_writer_at_a_time, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(
			what_cannot_be_a_record_is_refused_and_leaves_no_trace, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(
			a_record_that_is_too_long_is_refused, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(
			a_queue_is_acknowledged_as_one_and_bounded, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(a_torn_line_is_cut_and_told, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(a_clean_start_adds_nothing, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(a_log_half_created_is_created, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(
			a_seal_without_its_state_is_completed, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(lost_records_stay_a_visible_gap, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(damage_inside_stays_as_evidence, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(
			a_lost_sealing_key_is_replaced_and_told, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(a_lost_head_is_told_and_made_again, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(removed_segments_are_told, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(the_old_key_leaves_the_disk, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(the_start_key_can_be_kept_elsewhere, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(the_reserve_is_taken_and_counted, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(a_system_clock_is_recorded, log_setup, log_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
