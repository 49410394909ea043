/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/audit/fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/audit/line.h"
#include "lib/audit/segment.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

static void now(void *userdata, SkAuditTime *ret_time)
{
	Log *log = userdata;

	log->now.wall += 1000000;
	log->now.mono += 1000000;
	*ret_time = log->now;
}

int log_setup(void **state)
{
	Log *log = calloc(1, sizeof(*log));

	if (!log || sk_crypt_init() < 0)
		return -1;
	/* Hundreds of fsyncs: in memory, where that is possible; audit-kill tries a real file system. */
	sk_str_copy(log->directory, sizeof(log->directory),
		access("/dev/shm", W_OK) == 0 ? "/dev/shm/sekisho-audit-XXXXXX"
					      : "/tmp/sekisho-audit-XXXXXX");
	if (!mkdtemp(log->directory))
		return -1;
	log->dir_fd = open(log->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log->now = (SkAuditTime){.wall = INT64_C(1800000000) * 1000000,
		.mono = 1000000,
		.clock = "synchronised",
		.boot = "0123456789abcdef0123456789abcdef"};
	log->options =
		(SkAuditOptions){.segment_size = 16 << 20, .seal_every = 8, .now = now, .userdata = log};
	*state = log;
	return 0;
}

int log_teardown(void **state)
{
	Log *log = *state;
	char command[128];

	close(log->dir_fd);
	sk_str_format(command, sizeof(command), "rm -r %s", log->directory);
	free(log);
	return system(command);
}

SkAudit *log_open(Log *log)
{
	SkAudit *audit = NULL;

	assert_int_equal(sk_audit_open(log->directory, &log->options, &audit), 0);
	return audit;
}

int log_append(SkAudit *audit, unsigned number)
{
	json_t *body =
		json_pack("{s:i, s:s}", "number", (int)number, "name", "\xE9\x96\xA2\xE6\x89\x80 \"x\"\n");
	int r = sk_audit_append(audit, "test.record", "user:1000", body, NULL);

	json_decref(body);
	return r;
}

void log_write(Log *log, unsigned count)
{
	SkAudit *audit = log_open(log);

	for (unsigned i = 0; i < count; i++)
		assert_int_equal(log_append(audit, i), 0);
	assert_int_equal(sk_audit_close(audit), 0);
}

static void note(void *userdata, const SkAuditFinding *finding)
{
	Log *log = userdata;

	assert_true(finding->kind < SK_AUDIT_FINDING_KIND_MAX);
	assert_true(strlen(finding->detail) > 0);
	if (!sk_audit_finding_is_information(finding->kind) && log->first.detail == NULL)
		log->first = *finding;
	log->found[finding->kind]++;
}

void log_verify(Log *log, bool with_key, const SkAuditHead *expected)
{
	char key_path[128];
	SkAuditVerifyOptions options = {.directory = log->directory, .expected_head = expected};

	sk_str_format(key_path, sizeof(key_path), "%s/start-key", log->directory);
	options.start_key_path = with_key ? key_path : NULL;
	memset(log->found, 0, sizeof(log->found));
	log->first = (SkAuditFinding){0};
	assert_int_equal(sk_audit_verify(&options, note, log, &log->report), 0);
}

void log_assert_intact(Log *log, uint64_t count)
{
	log_verify(log, true, NULL);
	assert_int_equal(log->report.findings, 0);
	assert_int_equal(log->report.records, count);
	assert_int_equal(log->report.seals, log->report.seals_checked);
	log_verify(log, false, NULL);
	assert_int_equal(log->report.findings, 0);
	assert_int_equal(log->found[SK_AUDIT_SEALS_UNCHECKED], 1);
}

Lines log_read_lines(Log *log, unsigned segment)
{
	char name[SK_SEGMENT_NAME_SIZE];
	own_free char *text = NULL;
	Lines lines = {0};

	sk_segment_name(name, segment);
	assert_int_equal(sk_io_read_file_at(log->dir_fd, name, 1 << 24, &text, NULL), 0);
	for (char *p = text, *stop; (stop = strchr(p, '\n')) != NULL; p = stop + 1) {
		assert_true(lines.count < LOG_LINES_MAX);
		lines.items[lines.count++] = sk_str_dup(p, (size_t)(stop - p));
	}
	return lines;
}

void log_write_lines(Log *log, unsigned segment, Lines *lines)
{
	char name[SK_SEGMENT_NAME_SIZE];
	own_fd int fd = -1;

	sk_segment_name(name, segment);
	fd = openat(log->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t i = 0; i < lines->count; i++) {
		assert_int_equal(sk_io_write_all(fd, lines->items[i], strlen(lines->items[i])), 0);
		assert_int_equal(sk_io_write_all(fd, "\n", 1), 0);
		free(lines->items[i]);
	}
	lines->count = 0;
}

void lines_remove(Lines *lines, size_t index)
{
	assert_true(index < lines->count);
	free(lines->items[index]);
	memmove(lines->items + index, lines->items + index + 1,
		(--lines->count - index) * sizeof(lines->items[0]));
}

void lines_insert(Lines *lines, size_t index, const char *text)
{
	assert_true(index <= lines->count && lines->count < LOG_LINES_MAX);
	memmove(lines->items + index + 1, lines->items + index,
		(lines->count++ - index) * sizeof(lines->items[0]));
	lines->items[index] = strdup(text);
}

void lines_replace(Lines *lines, size_t index, const char *from, const char *to)
{
	char *line = lines->items[index], *at = strstr(line, from), *changed = NULL;

	assert_non_null(at);
	assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - line), line, to, at + strlen(from)) > 0);
	free(line);
	lines->items[index] = changed;
}

void lines_rechain(Lines *lines, size_t from)
{
	for (size_t i = from; i < lines->count; i++) {
		char hash[SK_SHA256_HEX_SIZE];
		char *prev = strstr(lines->items[i], "\"prev\":\"sha256:");

		assert_non_null(prev);
		sk_line_hash(hash, lines->items[i - 1], strlen(lines->items[i - 1]));
		memcpy(prev + strlen("\"prev\":\"sha256:"), hash, 64);
	}
}

void log_shell(Log *log, const char *command)
{
	char text[512];

	assert_true(sk_str_format(text, sizeof(text), "cd %s && %s", log->directory, command));
	assert_int_equal(system(text), 0);
}
