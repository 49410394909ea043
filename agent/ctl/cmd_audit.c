/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/ctl/audit.h"
#include "lib/audit/reader.h"
#include "lib/audit/verify.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

#define FINDINGS_SHOWN_MAX 200

int ctl_audit_fail(const char *directory, int error)
{
	if (error == -ENOENT)
		fprintf(stderr, _("sekishoctl: %s holds no audit log\n"), directory);
	else if (error == -EACCES)
		fprintf(stderr, _("sekishoctl: %s: only root and the group sekisho may read the audit log\n"),
			directory);
	else
		fprintf(stderr, "sekishoctl: %s: %s\n", directory, strerror(-error));
	return CTL_ERROR;
}

typedef struct Output {
	json_t *findings; /* NULL: text */
	unsigned shown;
} Output;

static void print_finding(const SkAuditFinding *finding)
{
	bool information = sk_audit_finding_is_information(finding->kind);
	const char *advice = sk_audit_finding_advice(finding->kind);
	const char *evidence = sk_audit_finding_evidence(finding->kind);

	if (*finding->file)
		printf("%s:", finding->file);
	if (finding->line > 0)
		printf("%llu:", (unsigned long long)finding->line);
	printf("%s%s: %s\n", *finding->file ? " " : "", sk_audit_finding_name(finding->kind),
		finding->detail);
	if (finding->seq > 0)
		printf(_("    record: %llu\n"), (unsigned long long)finding->seq);
	printf(information ? _("    why: %s\n") : _("    cause: %s\n"),
		_(sk_audit_finding_cause(finding->kind)));
	if (advice && evidence)
		printf(_("    do: %s; %s\n"), _(advice), _(evidence));
	else
		printf(_("    do: %s\n"), _(advice ? advice : evidence));
}

/* For programs, in English. */
static json_t *advice_to_json(SkAuditFindingKind kind)
{
	const char *advice = sk_audit_finding_advice(kind), *evidence = sk_audit_finding_evidence(kind);

	return json_sprintf(
		"%s%s%s", advice ? advice : "", advice && evidence ? "; " : "", evidence ? evidence : "");
}

static void found(void *userdata, const SkAuditFinding *finding)
{
	Output *output = userdata;

	if (!output->findings) {
		if (output->shown++ < FINDINGS_SHOWN_MAX)
			print_finding(finding);
		return;
	}
	json_array_append_new(output->findings,
		json_pack("{s:s, s:b, s:I, s:s, s:I, s:s, s:s, s:o}", "kind",
			sk_audit_finding_name(finding->kind), "information",
			sk_audit_finding_is_information(finding->kind), "seq", (json_int_t)finding->seq,
			"file", finding->file, "line", (json_int_t)finding->line, "detail", finding->detail,
			"cause", sk_audit_finding_cause(finding->kind), "advice",
			advice_to_json(finding->kind)));
}

static void print_json(const Output *output, const SkAuditReport *report)
{
	json_t *root = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:s}, s:O}", "intact",
		report->findings == 0, "segments", (json_int_t)report->segments, "records",
		(json_int_t)report->records, "seals", (json_int_t)report->seals, "seals_checked",
		(json_int_t)report->seals_checked, "sealed_seq", (json_int_t)report->sealed_seq, "head",
		"seq", (json_int_t)report->head.seq, "hash", report->head.hash, "findings", output->findings);

	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

static void print_text(const Output *output, const SkAuditReport *report)
{
	if (output->shown > FINDINGS_SHOWN_MAX)
		printf(_("... and %u more; --json lists all\n"), output->shown - FINDINGS_SHOWN_MAX);
	if (output->shown > 0)
		putchar('\n');
	printf(_("records: %llu in %llu files\n"), (unsigned long long)report->records,
		(unsigned long long)report->segments);
	printf(_("seals:   %llu, checked with the start key: %llu\n"), (unsigned long long)report->seals,
		(unsigned long long)report->seals_checked);
	if (report->sealed_seq > 0)
		printf(_("sealed:  up to record %llu\n"), (unsigned long long)report->sealed_seq);
	printf(_("head:    %llu:%s\n"), (unsigned long long)report->head.seq, report->head.hash);
	if (report->findings == 0)
		fputs(_("intact:  yes\n"), stdout);
	else
		printf(_("intact:  no, %llu findings\n"), (unsigned long long)report->findings);
}

/* "SEQ:HASH" as verify prints it, on paper or at the console. */
static bool parse_head(const char *text, SkAuditHead *ret_head)
{
	const char *colon = strchr(text, ':');
	uint8_t hash[SK_SHA256_SIZE];
	char number[24];

	if (!colon || !sk_str_format(number, sizeof(number), "%.*s", (int)(colon - text), text) ||
		sk_num_parse(number, 10, UINT64_MAX, &ret_head->seq) < 0 ||
		sk_hex_parse(hash, sizeof(hash), colon + 1))
		return false;
	sk_hex_format(ret_head->hash, hash, sizeof(hash));
	return true;
}

static const char *const verify_help[] = {
	N_("Usage: sekishoctl audit verify [--directory DIR] [--start-key FILE] [--expect SEQ:HASH] "
	   "[--json]\n\n"
	   "Exit status: 0 intact, 1 findings, 2 wrong call, 3 the log cannot be read.\n"),
	NULL,
};

static int verify_log(const SkAuditVerifyOptions *options, bool json)
{
	Output output = {0};
	SkAuditReport report;
	int r;

	if (json)
		output.findings = json_array();
	r = sk_audit_verify(options, found, &output, &report);
	if (r == -EINVAL) {
		fprintf(stderr, _("sekishoctl: %s is no start key of an audit log\n"),
			options->start_key_path);
		json_decref(output.findings);
		return CTL_ERROR;
	}
	if (r < 0) {
		json_decref(output.findings);
		return ctl_audit_fail(options->directory, r);
	}
	if (json)
		print_json(&output, &report);
	else
		print_text(&output, &report);
	json_decref(output.findings);
	return report.findings == 0 ? CTL_OK : CTL_NO;
}

static int ctl_audit_verify(int argc, char **argv)
{
	static const struct option longs[] = {{"directory", required_argument, NULL, 'd'},
		{"start-key", required_argument, NULL, 'k'}, {"expect", required_argument, NULL, 'e'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	SkAuditVerifyOptions options = {.directory = CTL_AUDIT_DIRECTORY};
	SkAuditHead expected;
	bool json = false;
	int c;

	if (access(CTL_AUDIT_START_KEY, R_OK) == 0)
		options.start_key_path = CTL_AUDIT_START_KEY;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'h') {
			ctl_print_help(stdout, verify_help);
			return CTL_OK;
		}
		if (c == 'd') {
			options.directory = optarg;
		} else if (c == 'k') {
			options.start_key_path = optarg;
		} else if (c == 'j') {
			json = true;
		} else if (c == 'e' && parse_head(optarg, &expected)) {
			options.expected_head = &expected;
		} else if (c == 'e') {
			fprintf(stderr, _("sekishoctl: '%s' is no value for this option\n"), optarg);
			return CTL_USAGE;
		} else {
			ctl_print_help(stderr, verify_help);
			return CTL_USAGE;
		}
	}
	if (optind < argc || sk_crypt_init() < 0) {
		ctl_print_help(stderr, verify_help);
		return CTL_USAGE;
	}
	options.translate = json ? NULL : ctl_translate;
	return verify_log(&options, json);
}

/* What root has made belongs to whoever the directory belongs to. */
static int give_away(const char *directory)
{
	static const char *const files[] = {"head", "seal-state", "segment-00000001.jsonl"};
	own_fd int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid == geteuid())
		return 0;
	for (size_t i = 0; i < SK_ARRAY_SIZE(files); i++)
		if (fchownat(fd, files[i], st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
	return 0;
}

static int create_log(const char *directory, const char *start_key_path)
{
	const SkAuditOptions options = {.start_key_path = start_key_path};
	own_audit_reader SkAuditReader *reader = NULL;
	SkAudit *audit = NULL;
	int r = sk_audit_reader_open(directory, 0, &reader);

	if (r == 0) {
		printf(_("%s holds an audit log already; nothing was changed\n"), directory);
		return CTL_OK;
	}
	if (r == -ENOENT)
		r = sk_audit_open(directory, &options, &audit);
	if (r == 0)
		r = sk_audit_close(audit);
	if (r == 0)
		r = give_away(directory);
	if (r < 0) {
		fprintf(stderr, _("sekishoctl: %s: the audit log cannot be created: %s\n"), directory,
			strerror(-r));
		return CTL_ERROR;
	}
	printf(_("created; keep %s where only who verifies can read it\n"), start_key_path);
	return CTL_OK;
}

static const char *const init_help[] = {
	N_("Usage: sekishoctl audit init [--directory DIR] [--start-key FILE]\n\n"
	   "Creates the log before the agent's first start, so that its first key is never in the\n"
	   "agent's own hands. The package does this.\n"),
	NULL,
};

static int ctl_audit_init(int argc, char **argv)
{
	static const struct option longs[] = {{"directory", required_argument, NULL, 'd'},
		{"start-key", required_argument, NULL, 'k'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *directory = CTL_AUDIT_DIRECTORY, *start_key_path = CTL_AUDIT_START_KEY;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'h') {
			ctl_print_help(stdout, init_help);
			return CTL_OK;
		}
		if (c == 'd') {
			directory = optarg;
		} else if (c == 'k') {
			start_key_path = optarg;
		} else {
			ctl_print_help(stderr, init_help);
			return CTL_USAGE;
		}
	}
	if (optind < argc || sk_crypt_init() < 0) {
		ctl_print_help(stderr, init_help);
		return CTL_USAGE;
	}
	return create_log(directory, start_key_path);
}

static const CtlCommand commands[] = {
	{"verify", ctl_audit_verify, N_("check that the audit log is what was written")},
	{"show", ctl_audit_show, N_("print records")},
	{"export", ctl_audit_export, N_("write records as JSON lines or CSV")},
	{"init", ctl_audit_init, N_("create an empty log (the package does this)")},
	{NULL, NULL, NULL},
};

int ctl_audit(int argc, char **argv)
{
	return ctl_dispatch(commands, "sekishoctl audit", argc, argv);
}
