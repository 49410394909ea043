/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serves LOG-2. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "tests/unit/audit/fixture.h"

/*
 * 30 records with a seal after each 8: 1 created, 9, 18, 27 and 35 are seals, 35 is the last. In lines of
 * segment 1 record n has index n - 1.
 */
#define WRITTEN 30
#define LAST 35
#define SMALL_SEGMENT 3000

static void cut_last(Log *log)
{
	Lines lines = log_read_lines(log, 1);

	assert_int_equal(lines.count, LAST);
	lines_remove(&lines, LAST - 1);
	log_write_lines(log, 1, &lines);
}

static void cut_last_and_head(Log *log)
{
	cut_last(log);
	log_shell(log, "rm head");
}

static void cut_last_and_both(Log *log)
{
	cut_last(log);
	log_shell(log, "rm head seal-state");
}

static void cut_to_earlier_seal(Log *log)
{
	Lines lines = log_read_lines(log, 1);

	while (lines.count > 18)
		lines_remove(&lines, lines.count - 1);
	log_write_lines(log, 1, &lines);
}

static void cut_middle(Log *log)
{
	Lines lines = log_read_lines(log, 1);

	lines_remove(&lines, 10);
	lines_remove(&lines, 10);
	log_write_lines(log, 1, &lines);
}

static void edit(Log *log, size_t index)
{
	Lines lines = log_read_lines(log, 1);

	lines_replace(&lines, index, "user:1000", "user:1001");
	log_write_lines(log, 1, &lines);
}

static void edit_middle(Log *log)
{
	edit(log, 11);
}

static void edit_and_rechain(Log *log)
{
	Lines lines = log_read_lines(log, 1);

	lines_replace(&lines, 11, "user:1000", "user:1001");
	lines_rechain(&lines, 12);
	log_write_lines(log, 1, &lines);
}

static void edit_rechain_and_forget(Log *log)
{
	edit_and_rechain(log);
	log_shell(log, "rm head seal-state");
}

static void edit_last(Log *log)
{
	Lines lines = log_read_lines(log, 1);

	lines_replace(&lines, LAST - 1, "\"mono\":", "\"mono\":1");
	log_write_lines(log, 1, &lines);
}

static void edit_prev(Log *log)
{
	Lines lines = log_read_lines(log, 1);

	lines_replace(&lines, 11, "\"prev\":\"sha256:", "\"prev\":\"sha256:0");
	lines.items[11][strlen("{\"seq\":12,\"prev\":\"sha256:") + 64] = '"';
	memmove(lines.items[11] + strlen("{\"seq\":12,\"prev\":\"sha256:") + 65,
		lines.items[11] + strlen("{\"seq\":12,\"prev\":\"sha256:") + 66,
		strlen(lines.items[11] + strlen("{\"seq\":12,\"prev\":\"sha256:") + 66) + 1);
	log_write_lines(log, 1, &lines);
}

static void insert_copy(Log *log)
{
	Lines lines = log_read_lines(log, 1);

	lines_insert(&lines, 12, lines.items[11]);
	log_write_lines(log, 1, &lines);
}

/* A whole record between 12 and 13, hashes right, but then there are two records 13. */
static void insert_chained(Log *log)
{
	Lines lines = log_read_lines(log, 1);

	lines_insert(&lines, 12, lines.items[11]);
	lines_replace(&lines, 12, "{\"seq\":12,", "{\"seq\":13,");
	lines_rechain(&lines, 12);
	log_write_lines(log, 1, &lines);
}

static void reorder(Log *log)
{
	Lines lines = log_read_lines(log, 1);
	char *moved = lines.items[11];

	lines.items[11] = lines.items[12];
	lines.items[12] = moved;
	log_write_lines(log, 1, &lines);
}

static void break_json(Log *log)
{
	Lines lines = log_read_lines(log, 1);

	lines_replace(&lines, 11, "\"body\":{", "\"body\":[");
	log_write_lines(log, 1, &lines);
}

static void insert_long_line(Log *log)
{
	Lines lines = log_read_lines(log, 1);
	char *text = malloc(3 * SK_AUDIT_LINE_MAX);

	assert_non_null(text);
	memset(text, 'x', 3 * SK_AUDIT_LINE_MAX - 1);
	text[3 * SK_AUDIT_LINE_MAX - 1] = 0;
	lines_insert(&lines, 12, text);
	free(text);
	log_write_lines(log, 1, &lines);
}

/* Seal 1 (record 18) goes, everything behind is numbered and chained anew. */
static void remove_seal_and_rechain(Log *log)
{
	Lines lines = log_read_lines(log, 1);

	lines_remove(&lines, 17);
	for (size_t i = 17; i < lines.count; i++) {
		char from[32], to[32];

		sk_str_format(from, sizeof(from), "{\"seq\":%zu,", i + 2);
		sk_str_format(to, sizeof(to), "{\"seq\":%zu,", i + 1);
		lines_replace(&lines, i, from, to);
	}
	lines_rechain(&lines, 17);
	log_write_lines(log, 1, &lines);
}

static void break_seal_body(Log *log)
{
	Lines lines = log_read_lines(log, 1);

	lines_replace(&lines, 17, "hmac-sha256", "hmac-sha512");
	log_write_lines(log, 1, &lines);
}

static void swap_segments(Log *log)
{
	log_shell(log, "mv segment-00000002.jsonl x && mv segment-00000003.jsonl segment-00000002.jsonl && "
		       "mv x segment-00000003.jsonl");
}

static void remove_first_segment(Log *log)
{
	log_shell(log, "rm segment-00000001.jsonl");
}

static void remove_segment(Log *log)
{
	log_shell(log, "rm segment-00000002.jsonl");
}

static void remove_last_segment(Log *log)
{
	log_shell(log, "rm $(ls segment-* | tail -n 1)");
}

static void link_segment(Log *log)
{
	log_shell(log, "mv segment-00000001.jsonl x && ln -s x segment-00000001.jsonl");
}

static void fifo_segment(Log *log)
{
	log_shell(log, "rm segment-00000001.jsonl && mkfifo segment-00000001.jsonl");
}

static void remove_state(Log *log)
{
	log_shell(log, "rm seal-state");
}

static void damage_state(Log *log)
{
	log_shell(log, "printf x | dd of=seal-state bs=1 seek=130 conv=notrunc 2>/dev/null");
}

static void damage_head(Log *log)
{
	log_shell(log, "printf xx > head");
}

static void replace_start_key(Log *log)
{
	log_shell(log, "mkdir other");
}

static const struct Tampering {
	const char *name;
	void (*tamper)(Log *log);
	uint64_t segment_size;
	bool with_key;
	SkAuditFindingKind kind; /* the first finding */
	uint64_t seq;		 /* of it; 0: not told */
	uint64_t findings;	 /* all; 0: do not care */
} tamperings[] = {
	{"last record cut", cut_last, 0, false, SK_AUDIT_TAIL_CUT, LAST, 0},
	{"last record cut, head removed", cut_last_and_head, 0, false, SK_AUDIT_HEAD_MISSING, 0, 2},
	{"last record cut, head and state removed", cut_last_and_both, 0, false, SK_AUDIT_KEY_STATE_BAD, 0,
		2},
	{"cut back to a seal", cut_to_earlier_seal, 0, true, SK_AUDIT_KEY_STATE_BAD, 0, 3},
	{"cut back to a seal, no key", cut_to_earlier_seal, 0, false, SK_AUDIT_TAIL_CUT, 19, 2},
	{"middle cut", cut_middle, 0, false, SK_AUDIT_RECORDS_MISSING, 11, 1},
	{"record edited", edit_middle, 0, false, SK_AUDIT_RECORD_CHANGED, 12, 1},
	{"record edited, with key", edit_middle, 0, true, SK_AUDIT_RECORD_CHANGED, 12, 1},
	{"edited and chained anew", edit_and_rechain, 0, false, SK_AUDIT_HEAD_CHANGED, LAST, 2},
	{"edited and chained anew, with key", edit_and_rechain, 0, true, SK_AUDIT_SEAL_BAD, 18, 0},
	{"edited and chained anew, all removed", edit_rechain_and_forget, 0, true, SK_AUDIT_KEY_STATE_BAD, 0,
		5},
	{"last record edited", edit_last, 0, false, SK_AUDIT_HEAD_CHANGED, LAST, 2},
	{"hash of the one before edited", edit_prev, 0, false, SK_AUDIT_RECORD_CHANGED, 11, 2},
	{"record repeated", insert_copy, 0, false, SK_AUDIT_RECORDS_ORDER, 12, 1},
	{"record inserted", insert_chained, 0, false, SK_AUDIT_RECORDS_ORDER, 13, 0},
	{"records out of order", reorder, 0, false, SK_AUDIT_RECORDS_MISSING, 12, 0},
	{"bad JSON", break_json, 0, false, SK_AUDIT_LINE_BAD, 0, 1},
	{"line without end", insert_long_line, 0, false, SK_AUDIT_LINE_BAD, 0, 1},
	{"seal removed", remove_seal_and_rechain, 0, false, SK_AUDIT_SEAL_MISSING, 26, 0},
	{"seal removed, with key", remove_seal_and_rechain, 0, true, SK_AUDIT_SEAL_MISSING, 26, 0},
	{"seal of another kind", break_seal_body, 0, false, SK_AUDIT_SEAL_BAD, 18, 0},
	{"segments swapped", swap_segments, SMALL_SEGMENT, false, SK_AUDIT_SEGMENT_ORDER, 0, 0},
	{"first segment removed", remove_first_segment, SMALL_SEGMENT, false, SK_AUDIT_SEGMENT_MISSING, 0, 3},
	{"first segment removed, with key", remove_first_segment, SMALL_SEGMENT, true,
		SK_AUDIT_SEGMENT_MISSING, 0, 3},
	{"segment removed", remove_segment, SMALL_SEGMENT, false, SK_AUDIT_SEGMENT_MISSING, 0, 0},
	{"last segment removed", remove_last_segment, SMALL_SEGMENT, false, SK_AUDIT_TAIL_CUT, 0, 0},
	{"segment is a link", link_segment, 0, false, SK_AUDIT_LINE_BAD, 0, 0},
	{"segment is a FIFO", fifo_segment, 0, false, SK_AUDIT_LINE_BAD, 0, 0},
	{"key state removed", remove_state, 0, false, SK_AUDIT_KEY_STATE_BAD, 0, 1},
	{"key state damaged", damage_state, 0, false, SK_AUDIT_KEY_STATE_BAD, 0, 1},
	{"head damaged", damage_head, 0, false, SK_AUDIT_HEAD_MISSING, 0, 1},
};

static void check_tampering(const struct Tampering *t)
{
	void *state = NULL;
	Log *log;

	assert_int_equal(log_setup(&state), 0);
	log = state;
	if (t->segment_size > 0)
		log->options.segment_size = t->segment_size;
	log_write(log, WRITTEN);
	log_verify(log, true, NULL);
	assert_int_equal(log->report.findings, 0);
	t->tamper(log);
	log_verify(log, t->with_key, NULL);
	if (log->report.findings == 0 || log->first.kind != t->kind ||
		(t->seq > 0 && log->first.seq != t->seq) ||
		(t->findings > 0 && log->report.findings != t->findings)) {
		print_error("%s: %llu findings, the first is %s of record %llu\n", t->name,
			(unsigned long long)log->report.findings, sk_audit_finding_name(log->first.kind),
			(unsigned long long)log->first.seq);
		fail();
	}
	assert_int_equal(log_teardown(&state), 0);
}

static void every_tampering_is_found(void **state)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(tamperings); i++)
		check_tampering(&tamperings[i]);
}

static void an_untouched_log_is_intact(void **state)
{
	Log *log = *state;

	log_write(log, WRITTEN);
	log_assert_intact(log, LAST);
	assert_int_equal(log->report.segments, 1);
	assert_int_equal(log->report.seals, 4);
	assert_int_equal(log->report.information, 1);
}

static void segments_follow_each_other(void **state)
{
	Log *log = *state;

	log->options.segment_size = SMALL_SEGMENT;
	log_write(log, 200);
	log_verify(log, true, NULL);
	assert_int_equal(log->report.findings, 0);
	assert_true(log->report.segments > 10);
	assert_int_equal(log->report.seals, log->report.seals_checked);
	assert_int_equal(log->report.sealed_seq, log->report.head.seq);
}

static void a_start_key_of_another_log_is_told(void **state)
{
	Log *log = *state, other = *log;

	log_write(log, WRITTEN);
	sk_str_format(other.directory, sizeof(other.directory), "%s/other", log->directory);
	replace_start_key(log);
	other.options.userdata = &other;
	log_write(&other, 1);
	log_shell(log, "mv -f other/start-key start-key");
	log_verify(log, true, NULL);
	assert_int_equal(log->first.kind, SK_AUDIT_KEY_WRONG);
	log_shell(log, "printf nonsense > other/start-key; cp -f other/start-key nonsense");
	{
		char path[128];
		const SkAuditVerifyOptions options = {.directory = log->directory, .start_key_path = path};

		sk_str_format(path, sizeof(path), "%s/nonsense", log->directory);
		assert_int_equal(sk_audit_verify(&options, NULL, NULL, &log->report), -EINVAL);
	}
}

/* Another seal-state of the same epoch: only the key itself tells. */
static void a_key_state_with_another_key_is_found(void **state)
{
	Log *log = *state, other = *log;

	log_write(log, WRITTEN);
	sk_str_format(other.directory, sizeof(other.directory), "%s/other", log->directory);
	log_shell(log, "mkdir other");
	other.options.userdata = &other;
	log_write(&other, WRITTEN);
	log_shell(log, "cp -f other/seal-state seal-state");
	log_verify(log, true, NULL);
	assert_int_equal(log->found[SK_AUDIT_KEY_STATE_BAD], 1);
	assert_int_equal(log->found[SK_AUDIT_HEAD_CHANGED], 1);
}

/* A whole older copy of the directory is consistent in itself: only who remembers a later head can tell. */
static void a_rolled_back_directory_is_found_by_who_remembers(void **state)
{
	Log *log = *state;
	SkAuditHead remembered, changed;
	SkAudit *audit;

	log_write(log, WRITTEN);
	log_shell(log, "mkdir copy && cp -p head seal-state segment-* copy");
	audit = log_open(log);
	assert_int_equal(log_append(audit, 1), 0);
	sk_audit_get_head(audit, &remembered);
	assert_int_equal(sk_audit_close(audit), 0);
	log_verify(log, true, &remembered);
	assert_int_equal(log->report.findings, 0);
	changed = remembered;
	changed.hash[5] ^= 1;
	log_verify(log, true, &changed);
	assert_int_equal(log->first.kind, SK_AUDIT_HEAD_CHANGED);

	log_shell(log, "cp -fp copy/* .");
	log_verify(log, true, NULL);
	assert_int_equal(log->report.findings, 0);
	log_verify(log, true, &remembered);
	assert_int_equal(log->report.findings, 1);
	assert_int_equal(log->first.kind, SK_AUDIT_TAIL_CUT);
}

static void clock_jumps_are_information(void **state)
{
	Log *log = *state;
	SkAudit *audit = log_open(log);

	assert_int_equal(log_append(audit, 1), 0);
	log->now.wall += INT64_C(3600) * 1000000;
	assert_int_equal(log_append(audit, 2), 0);
	log->now.wall -= INT64_C(7200) * 1000000;
	assert_int_equal(log_append(audit, 3), 0);
	/* A suspended laptop: both clocks go on. */
	log->now.wall += INT64_C(86400) * 1000000;
	log->now.mono += UINT64_C(86400) * 1000000;
	assert_int_equal(log_append(audit, 4), 0);
	/* Another boot, an hour later: the monotonic clock begins anew. */
	log->now.boot = "fedcba9876543210fedcba9876543210";
	log->now.mono = 5000000;
	log->now.wall += INT64_C(3600) * 1000000;
	assert_int_equal(log_append(audit, 5), 0);
	assert_int_equal(sk_audit_close(audit), 0);
	log_verify(log, true, NULL);
	assert_int_equal(log->report.findings, 0);
	assert_int_equal(log->found[SK_AUDIT_CLOCK_JUMPED], 2);
}

static void a_record_being_written_is_information(void **state)
{
	Log *log = *state;

	log_write(log, WRITTEN);
	log_shell(log, "printf '{\"seq\":36,' >> segment-00000001.jsonl");
	log_verify(log, true, NULL);
	assert_int_equal(log->report.findings, 0);
	assert_int_equal(log->found[SK_AUDIT_TORN_TAIL], 1);
}

static void a_directory_without_a_log_is_an_error(void **state)
{
	Log *log = *state;
	const SkAuditVerifyOptions options = {.directory = log->directory};
	const SkAuditVerifyOptions nowhere = {.directory = "/nonexistent/directory"};

	assert_int_equal(sk_audit_verify(&options, NULL, NULL, &log->report), -ENOENT);
	assert_int_equal(sk_audit_verify(&nowhere, NULL, NULL, &log->report), -ENOENT);
}

static void every_kind_of_finding_has_words(void **state)
{
	for (SkAuditFindingKind kind = 0; kind < SK_AUDIT_FINDING_KIND_MAX; kind++) {
		assert_true(strlen(sk_audit_finding_name(kind)) > 0);
		assert_true(strlen(sk_audit_finding_cause(kind)) > 0);
		assert_true(sk_audit_finding_advice(kind) || sk_audit_finding_evidence(kind));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_tampering_is_found),
		cmocka_unit_test_setup_teardown(an_untouched_log_is_intact, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(segments_follow_each_other, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(a_start_key_of_another_log_is_told, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(
			a_key_state_with_another_key_is_found, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(
			a_rolled_back_directory_is_found_by_who_remembers, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(clock_jumps_are_information, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(
			a_record_being_written_is_information, log_setup, log_teardown),
		cmocka_unit_test_setup_teardown(
			a_directory_without_a_log_is_an_error, log_setup, log_teardown),
		cmocka_unit_test(every_kind_of_finding_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
