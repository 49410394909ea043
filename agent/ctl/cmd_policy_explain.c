/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/policy_offline.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"

static const char *const help[] = {
	N_("Usage: sekishoctl policy explain [--rules FILE] DEVICE\n\n"
	   "Goes through the rules in order and says of each why it does not apply, up to the one that "
	   "decides.\n"
	   "DEVICE is the name of a USB device of this PC (1-2, usb1) or a description as for `policy "
	   "decide`.\n\n"
	   "  --rules FILE          a file or directory; without it the rules of this PC\n"),
	offline_options_help,
	N_("  -h, --help            this text\n"),
	NULL,
};

enum {
	RULES = OFFLINE_OWN_,
	SYSFS,
};

typedef struct ExplainOptions {
	char *rules[64];
	size_t n_rules;
	const char *sysfs;
} ExplainOptions;

static int explain(
	const ExplainOptions *options, const SkPolicyDevice *device, const SkPolicyContext *context)
{
	own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
	SkPolicyVerdict verdict;
	char reason[512];
	int r = offline_load(options->rules, options->n_rules, &snapshot);

	if (r < 0)
		return r == -EINVAL ? CTL_NO : CTL_ERROR;
	fputs(_("device:"), stdout);
	r = sk_policy_write_rule(device, SK_POLICY_DEVICE, stdout);
	putchar('\n');
	if (r == 0)
		r = sk_policy_explain(snapshot, device, context, ctl_translate, stdout);
	sk_policy_evaluate(snapshot, device, context, &verdict);
	sk_policy_verdict_tell(&verdict, ctl_translate, reason, sizeof(reason));
	printf("%s: %s\n", sk_policy_target_name(verdict.target), reason);
	return r < 0 || fflush(stdout) ? CTL_ERROR : CTL_OK;
}

/* 1-2.3, usb1: nobody describes a device so. */
static bool is_port_name(const char *text)
{
	return sk_str_starts(text, "usb") || (*text && text[strspn(text, "0123456789-.")] == 0);
}

static int explain_named(const ExplainOptions *options, const char *text, const SkPolicyContext *context)
{
	SkPolicyReport report = offline_report(NULL);
	own_policy_description SkPolicyDescription *description = NULL;
	own_free OfflineDevice *device = NULL;
	int r = offline_read_device(options->sysfs, text, &device);

	if (r == 0)
		return explain(options, &device->device, context);
	if (r != -ENOENT) {
		fprintf(stderr, "%s: %s\n", text,
			r == -EBADMSG ? _("its descriptors are malformed") : strerror(-r));
		return CTL_ERROR;
	}
	if (is_port_name(text)) {
		fprintf(stderr, _("sekishoctl: no USB device of this PC is called %s\n"), text);
		return CTL_NO;
	}
	if (sk_policy_describe(text, strlen(text), (SkPolicySource){"DEVICE", 1}, &report, &description) <
		0) {
		fputs(_("sekishoctl: this is neither a USB device of this PC nor a description\n"), stderr);
		return CTL_NO;
	}
	return explain(options, sk_policy_description_device(description), context);
}

int ctl_policy_explain(int argc, char **argv)
{
	static const struct option known[] = {
		OFFLINE_OPTIONS,
		{"rules", required_argument, NULL, RULES},
		{"sysfs", required_argument, NULL, SYSFS},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	own_offline_context OfflineContext context;
	ExplainOptions options = {.sysfs = OFFLINE_SYSFS};

	offline_context_init(&context);
	for (int option; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;)
		switch (option) {
		case RULES:
			if (options.n_rules == SK_ARRAY_SIZE(options.rules)) {
				fputs(_("sekishoctl policy explain: too many --rules; name a directory\n"),
					stderr);
				return CTL_USAGE;
			}
			options.rules[options.n_rules++] = optarg;
			break;
		case SYSFS:
			options.sysfs = optarg;
			break;
		case 'h':
			ctl_print_help(stdout, help);
			return CTL_OK;
		case '?':
			return CTL_USAGE;
		default:
			if (offline_context_option(&context, option, optarg) < 0)
				return CTL_USAGE;
			break;
		}
	if (argc - optind != 1) {
		fputs(_("sekishoctl policy explain: name one device\n"), stderr);
		return CTL_USAGE;
	}
	return explain_named(&options, argv[optind], &context.context);
}
