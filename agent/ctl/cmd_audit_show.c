/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `sekishoctl audit show` and `export`: the same records, for a person, for a program, for a table.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/ctl/audit.h"
#include "agent/ctl/ctl.h"
#include "lib/audit/audit.h"
#include "lib/audit/reader.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/conf/value.h"

typedef struct Query {
	const char *directory;
	const char *kind; /* NULL: all */
	uint64_t from_seq;
	int64_t since; /* µs since 1970 */
	bool follow;
	void (*print)(const SkAuditRecord *record);
} Query;

static void print_escaped(const char *text, size_t size)
{
	char shown[4 * SK_AUDIT_ACTOR_MAX];

	sk_utf8_escape(shown, sizeof(shown), text, size);
	fputs(shown, stdout);
}

static void print_member(const char *key, json_t *value)
{
	putchar(' ');
	print_escaped(key, strlen(key));
	putchar('=');
	if (json_is_string(value)) {
		print_escaped(json_string_value(value), json_string_length(value));
	} else {
		char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);

		fputs(text ? text : "", stdout);
		free(text);
	}
}

/* One line: number, local time, kind, actor, the members of the body. */
static void print_person(const SkAuditRecord *record)
{
	time_t when = (time_t)(record->wall / 1000000);
	char local[64] = "", actor_text[SK_AUDIT_LINE_MAX];
	json_t *body = json_loadb(record->body.text, record->body.size, 0, NULL), *actor, *value;
	const char *key;
	struct tm tm;

	if (localtime_r(&when, &tm))
		strftime(local, sizeof(local), "%Y-%m-%d %H:%M:%S", &tm);
	sk_str_format(
		actor_text, sizeof(actor_text), "\"%.*s\"", (int)record->actor.size, record->actor.text);
	actor = json_loads(actor_text, JSON_DECODE_ANY, NULL);
	printf("%llu %s %.*s ", (unsigned long long)record->seq, local, (int)record->kind.size,
		record->kind.text);
	if (actor)
		print_escaped(json_string_value(actor), json_string_length(actor));
	json_object_foreach (body, key, value)
		print_member(key, value);
	putchar('\n');
	json_decref(actor);
	json_decref(body);
}

static void print_jsonl(const SkAuditRecord *record)
{
	fwrite(record->line.text, 1, record->line.size, stdout);
	putchar('\n');
}

/* RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe. */
static void print_csv_text(SkAuditText text, bool last)
{
	putchar('"');
	if (text.size > 0 && strchr("=+-@", text.text[0]))
		putchar('\'');
	for (size_t i = 0; i < text.size; i++) {
		if (text.text[i] == '"')
			putchar('"');
		putchar(text.text[i]);
	}
	fputs(last ? "\"\r\n" : "\",", stdout);
}

static void print_csv(const SkAuditRecord *record)
{
	printf("%llu,%.*s,%llu,%.*s,%.*s,", (unsigned long long)record->seq, (int)record->time.size,
		record->time.text, (unsigned long long)record->mono, (int)record->boot.size,
		record->boot.text, (int)record->clock.size, record->clock.text);
	print_csv_text(record->actor, false);
	print_csv_text(record->kind, false);
	print_csv_text(record->body, true);
}

static int wait_for_more(SkAuditReader *reader)
{
	struct pollfd poll_fd = {.events = POLLIN};
	int r = sk_audit_reader_get_fd(reader, &poll_fd.fd);

	if (r < 0)
		return r;
	fflush(stdout);
	/* A record between reading and watching would be waited for in vain: look again at least every
	 * second. */
	return poll(&poll_fd, 1, 1000) < 0 && errno != EINTR ? -errno : 0;
}

static int run(const Query *query)
{
	own_audit_reader SkAuditReader *reader = NULL;
	bool damaged = false;
	int r = sk_audit_reader_open(query->directory, query->from_seq, &reader);

	if (r < 0)
		return ctl_audit_fail(query->directory, r);
	while (!ferror(stdout)) {
		SkAuditRecord record;

		r = sk_audit_reader_next(reader, &record);
		if (r == 0 && !query->follow)
			break;
		if (r == 0)
			r = wait_for_more(reader);
		else if (r == 1 && record.wall >= query->since &&
			 (!query->kind || sk_audit_kind_covers(query->kind, record.kind)))
			query->print(&record);
		if (r == -EBADMSG) {
			const char *file;
			uint64_t line;

			sk_audit_reader_get_place(reader, &file, &line);
			fprintf(stderr,
				_("sekishoctl: %s:%llu: this line is no record; run: sekishoctl audit "
				  "verify\n"),
				file, (unsigned long long)line);
			damaged = true;
		} else if (r < 0) {
			return ctl_audit_fail(query->directory, r);
		}
	}
	return fflush(stdout) != 0 ? CTL_ERROR : damaged ? CTL_NO : CTL_OK;
}

/* "2026-01-31", "2026-01-31 12:00", "2h" ago, "record:120". */
static bool parse_since(const char *text, Query *query)
{
	static const char *const forms[] = {
		"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"};
	const SkValueRule ago = {SK_VALUE_DURATION, 0, UINT64_C(3650) * 86400, NULL};
	SkValueError error;
	SkValue value;

	if (sk_str_starts(text, "record:"))
		return sk_num_parse(text + strlen("record:"), 10, UINT64_MAX, &query->from_seq) == 0;
	if (sk_value_parse(&ago, text, &value, &error) == 0) {
		query->since = ((int64_t)time(NULL) - (int64_t)value.number) * 1000000;
		return true;
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(forms); i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(text, forms[i], &tm);

		if (end && !*end) {
			query->since = (int64_t)mktime(&tm) * 1000000;
			return true;
		}
	}
	return false;
}

static const struct option longs[] = {{"directory", required_argument, NULL, 'd'},
	{"since", required_argument, NULL, 's'}, {"kind", required_argument, NULL, 'k'},
	{"follow", no_argument, NULL, 'f'}, {"json", no_argument, NULL, 'j'},
	{"format", required_argument, NULL, 'F'}, {"help", no_argument, NULL, 'h'}, {0}};

static bool take_format(Query *query, const char *name)
{
	if (sk_str_eq(name, "jsonl"))
		query->print = print_jsonl;
	else if (sk_str_eq(name, "csv"))
		query->print = print_csv;
	else
		return false;
	return true;
}

static bool take_option(Query *query, int c, bool exporting)
{
	switch (c) {
	case 'd':
		query->directory = optarg;
		return true;
	case 'k':
		query->kind = optarg;
		return true;
	case 's':
		return parse_since(optarg, query);
	case 'f':
		query->follow = true;
		return !exporting;
	case 'j':
		query->print = print_jsonl;
		return !exporting;
	case 'F':
		return exporting && take_format(query, optarg);
	default:
		return false;
	}
}

static int take_options(Query *query, int argc, char **argv, const char *const *help)
{
	bool exporting = query->print == NULL;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'h') {
			ctl_print_help(stdout, help);
			return CTL_OK;
		}
		if (!take_option(query, c, exporting)) {
			if (c == 's' || (c == 'F' && exporting))
				fprintf(stderr, _("sekishoctl: '%s' is no value for this option\n"), optarg);
			ctl_print_help(stderr, help);
			return CTL_USAGE;
		}
	}
	if (optind < argc || !query->print) {
		ctl_print_help(stderr, help);
		return CTL_USAGE;
	}
	return -1;
}

static const char since_help[] =
	N_("SINCE is a date (2026-01-31), a date and time (2026-01-31T12:00), a time ago (2h, 30min, 7d) or\n"
	   "record:NUMBER. KIND is a kind of record or the beginning of one: device, device.decided.\n");

static const char *const show_help[] = {
	N_("Usage: sekishoctl audit show [--directory DIR] [--since SINCE] [--kind KIND] [--follow] "
	   "[--json]\n\n"),
	since_help,
	NULL,
};

static const char *const export_help[] = {
	N_("Usage: sekishoctl audit export --format jsonl|csv [--directory DIR] [--since SINCE] [--kind "
	   "KIND]\n\n"),
	since_help,
	NULL,
};

int ctl_audit_show(int argc, char **argv)
{
	Query query = {.directory = CTL_AUDIT_DIRECTORY, .print = print_person};
	int r = take_options(&query, argc, argv, show_help);

	return r >= 0 ? r : run(&query);
}

int ctl_audit_export(int argc, char **argv)
{
	Query query = {.directory = CTL_AUDIT_DIRECTORY};
	int r = take_options(&query, argc, argv, export_help);

	if (r >= 0)
		return r;
	if (query.print == print_csv)
		fputs("seq,time,mono,boot,clock,actor,kind,body\r\n", stdout);
	return run(&query);
}
