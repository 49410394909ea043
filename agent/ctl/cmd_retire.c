/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sekishoctl media retire: the end of a registered medium, and its certificate. */
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/carry.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"

#define ERASED "SK-1265"
#define FAILED "SK-1268"
#define UNCONFIRMED "SK-1269"

typedef struct Words {
	const char *confirm;
	bool json, wrong;
} Words;

static Words parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"confirm", required_argument, NULL, 'c'}, {"json", no_argument, NULL, 'j'}, {0}};
	Words words = {.confirm = ""};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'c')
			words.confirm = optarg;
		words.json |= option == 'j';
		words.wrong |= option == '?';
	}
	words.wrong |= argc != optind + 1;
	return words;
}

static void print_time(const char *name, const json_t *certificate, const char *member)
{
	time_t at = (time_t)(json_integer_value(json_object_get(certificate, member)) / 1000);
	char text[64];
	struct tm tm;

	localtime_r(&at, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm);
	printf("%s %s\n", name, text);
}

static void print_certificate(const json_t *certificate)
{
	static const char *const methods[] = {N_("one pass of zeros, read back whole"),
		N_("discarded; one pass of zeros, read back whole")};
	const char *method = ctl_json_text(certificate, "method");

	for (size_t i = 0; i < SK_ARRAY_SIZE(methods); i++)
		if (sk_str_eq(methods[i], method))
			method = _(methods[i]);
	printf(_("Medium:    %s %s (%s)\n"), ctl_json_text(certificate, "number"),
		ctl_json_text(certificate, "label"), ctl_json_text(certificate, "medium"));
	printf(_("Device:    %s\n"), ctl_json_text(certificate, "device"));
	printf(_("Method:    %s\n"), method);
	printf(_("Bytes:     %lld; overwritten %lld, read back and found so %lld\n"),
		(long long)json_integer_value(json_object_get(certificate, "size")),
		(long long)json_integer_value(json_object_get(certificate, "written")),
		(long long)json_integer_value(json_object_get(certificate, "compared")));
	printf(_("By:        %s at terminal %s, grant %s\n"), ctl_json_text(certificate, "user"),
		ctl_json_text(certificate, "terminal"), ctl_json_text(certificate, "grant"));
	print_time(_("Begun:    "), certificate, "begun");
	print_time(_("Ended:    "), certificate, "ended");
	if (ctl_json_text(certificate, "reason")[0])
		printf(_("Why not:   %s\n"), ctl_json_text(certificate, "reason"));
}

static int show(const CtlOutcome *outcome, bool json)
{
	int r = sk_str_eq(outcome->code, ERASED) ? CTL_OK : CTL_NO;
	bool certified = r == CTL_OK || sk_str_eq(outcome->code, FAILED);
	json_t *certificate = certified ? json_loads(outcome->detail, 0, NULL) : NULL;

	if (!certificate)
		return ctl_carry_show(outcome, json, ERASED);
	if (json) {
		ctl_print_json(json_pack(
			"{s:s, s:s, s:o}", "code", outcome->code, "detail", "", "certificate", certificate));
		return r;
	}
	ctl_print_reason(outcome->code);
	putchar('\n');
	print_certificate(certificate);
	json_decref(certificate);
	return r;
}

int ctl_media_retire(int argc, char **argv)
{
	Words words = parse(argc, argv);
	CtlOutcome outcome = {.code = ""}, first;
	int r;

	if (words.wrong) {
		fputs(_("Usage: sekishoctl media retire [--confirm NUMBER] [--json] MEDIUM\n"
			"MEDIUM is shown by: sekishoctl media; NUMBER is on its label.\n"),
			stderr);
		return CTL_USAGE;
	}
	r = ctl_carry_call(&outcome, "RetireMedium", "ss", argv[optind], words.confirm);
	if (r == CTL_OK && sk_str_eq(outcome.code, UNCONFIRMED) && !words.confirm[0] && !words.json) {
		first = outcome;
		ctl_print_reason(UNCONFIRMED);
		printf("\n");
		ctl_carry_print_disk(argv[optind]);
		if (!ctl_carry_repeat(_("To erase it for good, repeat its number"), first.detail))
			return CTL_NO;
		r = ctl_carry_call(&outcome, "RetireMedium", "ss", argv[optind], first.detail);
	}
	return r == CTL_OK ? show(&outcome, words.json) : r;
}
