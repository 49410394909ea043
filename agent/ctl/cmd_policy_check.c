/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/policy_offline.h"
#include "lib/base/intl.h"

static const char *const help[] = {
	N_("Usage: sekishoctl policy check [OPTION...] [FILE|DIRECTORY...]\n\n"
	   "Checks rule files; without any, those of this PC. Errors and warnings go to standard error as\n"
	   "file:line:column: text. Exit status: 0 no error, 1 errors, 2 wrong call, 3 a file cannot be "
	   "read.\n\n"
	   "  --present         it is also an error to cut off every keyboard or pointing device plugged in "
	   "now\n"
	   "  -q, --quiet       no warnings\n"
	   "  -h, --help        this text\n"),
	NULL,
};

enum {
	PRESENT = OFFLINE_OWN_,
	SYSFS,
};

typedef struct CheckOptions {
	bool quiet, present;
	const char *sysfs;
} CheckOptions;

static int check_present(
	const SkPolicySnapshot *snapshot, const CheckOptions *options, const OfflineContext *context)
{
	SkPolicyReport report = offline_report(NULL);
	OfflineDevice **devices;
	const SkPolicyDevice **views;
	size_t n;
	int r = offline_read_devices(options->sysfs, &devices, &n);

	if (r < 0)
		return CTL_ERROR;
	views = calloc(n + 1, sizeof(*views));
	for (size_t i = 0; views && i < n; i++)
		views[i] = &devices[i]->device;
	r = views ? sk_policy_check_input(snapshot, views, n, &context->context, &report) : -ENOMEM;
	free(views);
	offline_free_devices(devices, n);
	return r == 0 ? CTL_OK : r == -EPERM ? CTL_NO : CTL_ERROR;
}

static int check(char *const *paths, size_t n_paths, const CheckOptions *options)
{
	own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
	own_offline_context OfflineContext context;
	SkPolicyReport report = offline_report(NULL);
	int r = offline_load(paths, n_paths, &snapshot);

	offline_context_init(&context);
	if (r < 0)
		return r == -EINVAL ? CTL_NO : CTL_ERROR;
	if (!options->quiet)
		sk_policy_lint(snapshot, &context.context, &report);
	r = options->present ? check_present(snapshot, options, &context) : CTL_OK;
	if (r == CTL_OK)
		printf(_("%zu rules, no errors\n"), sk_policy_count(snapshot));
	return r;
}

int ctl_policy_check(int argc, char **argv)
{
	static const struct option known[] = {
		{"quiet", no_argument, NULL, 'q'},
		{"present", no_argument, NULL, PRESENT},
		{"sysfs", required_argument, NULL, SYSFS},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	CheckOptions options = {.sysfs = OFFLINE_SYSFS};

	for (int option; (option = getopt_long(argc, argv, "qh", known, NULL)) != -1;)
		switch (option) {
		case 'q':
			options.quiet = true;
			break;
		case PRESENT:
			options.present = true;
			break;
		case SYSFS:
			options.sysfs = optarg;
			break;
		case 'h':
			ctl_print_help(stdout, help);
			return CTL_OK;
		default:
			return CTL_USAGE;
		}
	return check(argv + optind, (size_t)(argc - optind), &options);
}
