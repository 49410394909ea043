/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sekishoctl media open, sekishoctl media prepare: registered media. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/carry.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/passphrase.h"
#include "lib/base/intl.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define OPEN_FOR_WRITING "SK-1231"
#define OPEN_FOR_READING "SK-1232"
#define HAS_DATA "SK-1238"
#define PREPARED "SK-1239"

typedef struct Words {
	const char *medium, *mode, *confirm;
	bool read_only, json, wrong;
} Words;

static Words parse(int argc, char **argv)
{
	static const struct option options[] = {{"medium", required_argument, NULL, 'm'},
		{"portable", no_argument, NULL, 'p'}, {"confirm", required_argument, NULL, 'c'},
		{"read-only", no_argument, NULL, 'r'}, {"json", no_argument, NULL, 'j'}, {0}};
	Words words = {.medium = "", .mode = "bound", .confirm = ""};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'm')
			words.medium = optarg;
		else if (option == 'p')
			words.mode = "portable";
		else if (option == 'c')
			words.confirm = optarg;
		words.read_only |= option == 'r';
		words.json |= option == 'j';
		words.wrong |= option == '?';
	}
	words.wrong |= argc != optind + 1;
	return words;
}

static int show(const Words *words, const CtlOutcome *outcome, const char *good)
{
	int r = sk_str_eq(outcome->code, good) ? CTL_OK : CTL_NO;

	if (words->json) {
		ctl_print_json(json_pack("{s:s, s:s}", "code", outcome->code, "detail", outcome->detail));
		return r;
	}
	ctl_print_reason(outcome->code);
	if (outcome->detail[0])
		printf(" (%s)", outcome->detail);
	putchar('\n');
	return r;
}

int ctl_media_open(int argc, char **argv)
{
	Words words = parse(argc, argv);
	CtlOutcome outcome = {.code = ""};
	own_fd int fd = -1;
	int r;

	if (words.wrong || words.confirm[0] || words.medium[0]) {
		fputs(_("Usage: sekishoctl media open [--read-only] [--json] MEDIUM\n"
			"MEDIUM is shown by: sekishoctl media\n"),
			stderr);
		return CTL_USAGE;
	}
	r = ctl_passphrase_ask(&fd);
	if (r == CTL_OK)
		r = ctl_carry_call(&outcome, "OpenMedium", "ssh", argv[optind],
			words.read_only ? "read" : "read-write", fd);
	return r == CTL_OK ? show(&words, &outcome, words.read_only ? OPEN_FOR_READING : OPEN_FOR_WRITING)
			   : r;
}

/* What would be lost, as the agent sees it, and the question whether it may. */
static bool confirm(const char *volume, char name[64])
{
	char line[64];

	ctl_print_reason(HAS_DATA);
	printf("\n");
	ctl_carry_print_disk(volume);
	if (!isatty(STDIN_FILENO))
		return false;
	printf(_("To lose all that is on it, repeat its name (%s): "), volume);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return false;
	line[strcspn(line, "\n")] = 0;
	return sk_str_copy(name, 64, line) && sk_str_eq(line, volume);
}

int ctl_media_prepare(int argc, char **argv)
{
	Words words = parse(argc, argv);
	CtlOutcome outcome = {.code = ""};
	char name[64];
	own_fd int fd = -1;
	int r;

	if (words.wrong || words.read_only) {
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
		if (r != CTL_OK || words.json || !sk_str_eq(outcome.code, HAS_DATA) || words.confirm[0])
			break;
		if (!confirm(argv[optind], name))
			return CTL_NO;
		words.confirm = name;
	}
	return r == CTL_OK ? show(&words, &outcome, PREPARED) : r;
}
