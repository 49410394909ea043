/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sekishoctl media open, prepare, report-lost: registered media. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/carry.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/passphrase.h"
#include "lib/base/intl.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define OPEN_FOR_WRITING "SK-1231"
#define OPEN_FOR_READING "SK-1232"
#define PREPARED "SK-1239"
#define LOSS_REPORTED "SK-1263"
#define INSPECTED "SK-1254"

typedef struct Words {
	const char *medium, *mode, *confirm, *text;
	bool read_only, json, wrong;
} Words;

static Words parse(int argc, char **argv)
{
	static const struct option options[] = {{"medium", required_argument, NULL, 'm'},
		{"portable", no_argument, NULL, 'p'}, {"confirm", required_argument, NULL, 'c'},
		{"read-only", no_argument, NULL, 'r'}, {"text", required_argument, NULL, 't'},
		{"json", no_argument, NULL, 'j'}, {0}};
	Words words = {.medium = "", .mode = "bound", .confirm = "", .text = ""};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'm')
			words.medium = optarg;
		else if (option == 'p')
			words.mode = "portable";
		else if (option == 'c')
			words.confirm = optarg;
		else if (option == 't')
			words.text = optarg;
		words.read_only |= option == 'r';
		words.json |= option == 'j';
		words.wrong |= option == '?';
	}
	words.wrong |= argc != optind + 1;
	return words;
}

int ctl_media_open(int argc, char **argv)
{
	Words words = parse(argc, argv);
	CtlOutcome outcome = {.code = ""};
	own_fd int fd = -1;
	int r;

	if (words.wrong || words.confirm[0] || words.medium[0] || words.text[0]) {
		fputs(_("Usage: sekishoctl media open [--read-only] [--json] MEDIUM\n"
			"MEDIUM is shown by: sekishoctl media\n"),
			stderr);
		return CTL_USAGE;
	}
	r = ctl_passphrase_ask(&fd);
	if (r == CTL_OK)
		r = ctl_carry_call(&outcome, "OpenMedium", "ssh", argv[optind],
			words.read_only ? "read" : "read-write", fd);
	return r == CTL_OK ? ctl_carry_show(&outcome, words.json,
				     words.read_only ? OPEN_FOR_READING : OPEN_FOR_WRITING)
			   : r;
}

int ctl_media_inspect(int argc, char **argv)
{
	Words words = parse(argc, argv);
	CtlOutcome outcome = {.code = ""};
	int r;

	if (words.wrong || words.confirm[0] || words.medium[0] || words.read_only) {
		fputs(_("Usage: sekishoctl media inspect [--json] MEDIUM\n"
			"MEDIUM is shown by: sekishoctl media\n"),
			stderr);
		return CTL_USAGE;
	}
	r = ctl_carry_call(&outcome, "InspectMedium", "s", argv[optind]);
	return r == CTL_OK ? ctl_carry_show(&outcome, words.json, INSPECTED) : r;
}

int ctl_media_prepare(int argc, char **argv)
{
	Words words = parse(argc, argv);
	CtlOutcome outcome = {.code = ""};
	own_fd int fd = -1;
	int r;

	if (words.wrong || words.read_only || words.text[0]) {
		fputs(_("Usage: sekishoctl media prepare [--medium ID] [--portable] [--confirm MEDIUM] "
			"[--json] "
			"MEDIUM\n"
			"MEDIUM is shown by: sekishoctl media\n"),
			stderr);
		return CTL_USAGE;
	}
	if (sk_str_eq(words.mode, "portable"))
		fputs(_("A portable medium opens anywhere with its passphrase, and CANNOT be revoked when it "
			"is "
			"lost.\n"),
			stderr);
	r = ctl_passphrase_choose(&fd);
	for (int tries = 0; r == CTL_OK && tries < 2; tries++) {
		r = ctl_carry_call(&outcome, "PrepareMedium", "ssssh", argv[optind], words.medium, words.mode,
			words.confirm, fd);
		if (r != CTL_OK || words.json || !sk_str_eq(outcome.code, CTL_HAS_DATA) || words.confirm[0])
			break;
		if (!ctl_carry_confirm(argv[optind]))
			return CTL_NO;
		words.confirm = argv[optind];
	}
	return r == CTL_OK ? ctl_carry_show(&outcome, words.json, PREPARED) : r;
}

int ctl_media_report_lost(int argc, char **argv)
{
	Words words = parse(argc, argv);
	CtlOutcome outcome = {.code = ""};
	int r;

	if (words.wrong || words.confirm[0] || words.medium[0] || words.read_only) {
		fputs(_("Usage: sekishoctl media report-lost [--text TEXT] [--json] NUMBER\n"
			"NUMBER is on the label of the medium.\n"),
			stderr);
		return CTL_USAGE;
	}
	r = ctl_carry_call(&outcome, "ReportLost", "ss", argv[optind], words.text);
	return r == CTL_OK ? ctl_carry_show(&outcome, words.json, LOSS_REPORTED) : r;
}
