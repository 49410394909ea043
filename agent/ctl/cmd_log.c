/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `sekishoctl log`: the records of the running agent, as polkit lets the caller see them.
 */
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"

#define BATCH 1000

typedef struct Log {
	sd_bus *bus;
	bool json, follow;
	uint64_t last;	  /* sequence of the last record shown */
	const char *kind; /* NULL: all */
} Log;

/* "2026-11-22T03:04:05.678901Z" to local time of day. */
static void print_local_time(const char *text)
{
	struct tm tm = {0};
	char shown[32];
	time_t when;

	if (!strptime(text, "%Y-%m-%dT%H:%M:%S", &tm)) {
		printf("%s ", text);
		return;
	}
	when = timegm(&tm);
	localtime_r(&when, &tm);
	strftime(shown, sizeof(shown), "%m-%d %H:%M:%S", &tm);
	printf("%s ", shown);
}

static void print_subject(const json_t *body)
{
	static const char *const keys[] = {"port", "volume", "id", "name", "label", "path", "file", "finding",
		"errors", "detail", "state"};
	const char *separator = "  ";

	for (size_t i = 0; i < SK_ARRAY_SIZE(keys); i++) {
		const char *text = ctl_json_text(body, keys[i]);

		if (!text[0])
			continue;
		printf("%s%s", separator, text);
		separator = " · ";
	}
}

static void print_record(const json_t *record)
{
	const json_t *body = json_object_get(record, "body");
	const char *code = ctl_json_text(body, "code");

	print_local_time(ctl_json_text(record, "time"));
	printf("%s", ctl_json_text(record, "kind"));
	print_subject(body);
	if (code[0]) {
		fputs("\n               ", stdout);
		ctl_print_reason(code);
	}
	putchar('\n');
}

static bool is_wanted(const Log *log, const json_t *record)
{
	const char *kind = ctl_json_text(record, "kind");
	size_t length = log->kind ? strlen(log->kind) : 0;

	return !log->kind ||
	       (strncmp(kind, log->kind, length) == 0 && (kind[length] == 0 || kind[length] == '.'));
}

static void show(Log *log, const char *line)
{
	json_t *record = json_loads(line, 0, NULL);

	if (!record)
		return;
	log->last = (uint64_t)json_integer_value(json_object_get(record, "seq"));
	if (is_wanted(log, record)) {
		if (log->json)
			puts(line);
		else
			print_record(record);
		fflush(stdout);
	}
	json_decref(record);
}

/* Return: number of records shown or passed over, or negative errno. */
static int show_batch(Log *log, sd_bus_error *error)
{
	sd_bus_message *reply = NULL;
	const char *line;
	int n = 0;
	int r = sd_bus_call_method(log->bus, "org.sekisho.Agent1", "/org/sekisho/Agent1",
		"org.sekisho.Agent1", "GetRecords", error, &reply, "tu", log->last, BATCH);

	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "s");
	while (r >= 0 && (r = sd_bus_message_read(reply, "s", &line)) > 0) {
		show(log, line);
		n++;
	}
	sd_bus_message_unref(reply);
	return r < 0 ? r : n;
}

static int show_all(Log *log, sd_bus_error *error)
{
	int n;

	do {
		n = show_batch(log, error);
	} while (n > 0);
	return n;
}

static int follow(Log *log, sd_bus_error *error)
{
	int r = 0;

	while (r >= 0) {
		r = sd_bus_process(log->bus, NULL);
		if (r > 0)
			continue; /* drain all signals, then ask once */
		if (r == 0)
			r = show_all(log, error);
		if (r >= 0)
			r = sd_bus_wait(log->bus, UINT64_MAX);
	}
	return r;
}

/* The signal itself is enough: it wakes the wait. */
static int on_recorded(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return 0;
}

static int run(Log *log)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int status = ctl_agent_open(&log->bus), r = 0;

	if (status != CTL_OK)
		return status;
	if (log->follow)
		r = sd_bus_match_signal(log->bus, NULL, "org.sekisho.Agent1", "/org/sekisho/Agent1",
			"org.sekisho.Agent1", "Recorded", on_recorded, NULL);
	if (r >= 0)
		r = show_all(log, &error);
	if (r >= 0 && log->follow)
		r = follow(log, &error);
	if (r < 0)
		status = ctl_agent_explain_error(&error, r);
	sd_bus_error_free(&error);
	sd_bus_flush_close_unref(log->bus);
	return status;
}

int ctl_log(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"follow", no_argument, NULL, 'f'},
		{"after", required_argument, NULL, 'a'},
		{"kind", required_argument, NULL, 'k'},
		{0},
	};
	Log log = {0};
	int option;

	while ((option = getopt_long(argc, argv, "f", options, NULL)) >= 0) {
		bool good = option != '?';

		log.json |= option == 'j';
		log.follow |= option == 'f';
		if (option == 'a')
			good = sk_num_parse(optarg, 10, UINT64_MAX - 1, &log.last) == 0;
		if (option == 'k')
			log.kind = optarg;
		if (!good) {
			fputs(_("Usage: sekishoctl log [--follow] [--after SEQUENCE] [--kind KIND] "
				"[--json]\n"),
				stderr);
			return CTL_USAGE;
		}
	}
	return run(&log);
}
