/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Was this PC scanned lately (sekisho-weekly-scan), is that scheduled, and what was found? */
#include <stdlib.h>
#include <string.h>

#include "agent/posture/checks/checks.h"
#include "agent/posture/files.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define RESULT_FILE "/var/lib/sekisho-weekly-scan/result"
#define TIMER "/etc/systemd/system/timers.target.wants/sekisho-weekly-scan.timer"
#define TIME_MAX_SEC (1ull << 40)

typedef struct Scan {
	char state[16];
	uint64_t time, files, found;
} Scan;

static void take(Scan *scan, const char *line)
{
	const struct {
		const char *key;
		uint64_t *number;
	} numbers[] = {{"time=", &scan->time}, {"files=", &scan->files}, {"found=", &scan->found}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(numbers); i++)
		if (sk_str_starts(line, numbers[i].key))
			sk_num_parse(line + strlen(numbers[i].key), 10, TIME_MAX_SEC, numbers[i].number);
	if (sk_str_starts(line, "state="))
		sk_str_copy(scan->state, sizeof(scan->state), line + strlen("state="));
}

static bool read_result(const Posture *posture, Scan *ret_scan)
{
	own_free char *text = NULL;
	char *rest, *line;

	*ret_scan = (Scan){0};
	if (file_read(posture, RESULT_FILE, 4096, &text, NULL) < 0)
		return false;
	rest = text;
	while ((line = file_next_line(&rest)))
		take(ret_scan, line);
	return ret_scan->time > 0 && ret_scan->state[0];
}

static void run(const Posture *posture, PostureResult *result)
{
	bool scheduled = file_exists(posture, TIMER);
	int64_t days;
	Scan scan;

	posture_threshold(result, "%u days", posture->options->scan_days);
	posture_value(result, scheduled ? "scheduled" : "NOT SCHEDULED");
	if (!read_result(posture, &scan)) {
		posture_value(result, "never finished");
		posture_judge(result, scheduled ? SK_POSTURE_WARN : SK_POSTURE_FAIL, SK_POSTURE_SCAN_LATE);
		return;
	}
	days = posture_days_since(posture, (int64_t)scan.time);
	posture_value(result, "last %lld days ago", (long long)days);
	posture_value(result, "%s", scan.state);
	posture_value(result, "files: %llu", (unsigned long long)scan.files);
	posture_value(result, "found: %llu", (unsigned long long)scan.found);
	if (scan.found > 0 || sk_str_eq(scan.state, "found"))
		posture_judge(result, SK_POSTURE_FAIL, SK_POSTURE_SCAN_FOUND);
	else if (!scheduled || days > posture->options->scan_days)
		posture_judge(result, SK_POSTURE_FAIL, SK_POSTURE_SCAN_LATE);
	else if (!sk_str_eq(scan.state, "clean"))
		posture_judge(result, SK_POSTURE_WARN, SK_POSTURE_SCAN_FAILED);
	else
		posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
}

static const char *const paths[] = {"/var/lib/sekisho-weekly-scan", "/etc/systemd/system", NULL};

const PostureCheck check_scan = {.id = "weekly-scan", .requirement = "MAL-4", .paths = paths, .run = run};
