/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sekishoctl media handover: an encrypted archive for a receiver who has Windows only. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/ctl/carry.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/offer.h"
#include "agent/ctl/passphrase.h"
#include "lib/base/intl.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define HANDED_OVER "SK-1280"
#define BURNED "SK-1289"

typedef struct Words {
	const char *medium, *confirm;
	const char *volume;
	char *const *paths;
	bool json, wrong;
} Words;

static Words parse(int argc, char **argv)
{
	static const struct option options[] = {{"medium", required_argument, NULL, 'm'},
		{"confirm", required_argument, NULL, 'c'}, {"json", no_argument, NULL, 'j'}, {0}};
	Words words = {.medium = "", .confirm = ""};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'm')
			words.medium = optarg;
		else if (option == 'c')
			words.confirm = optarg;
		words.json |= option == 'j';
		words.wrong |= option == '?';
	}
	words.wrong |= argc < optind + 2;
	if (!words.wrong) {
		words.volume = argv[optind];
		words.paths = argv + optind + 1;
	}
	return words;
}

/* The files go over a socket of their own, while the agent is asked. */
static int call(const Words *words, int passphrase_fd, CtlOutcome *outcome)
{
	int sockets[2], r, status = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return CTL_ERROR;
	own_fd int here = sockets[0], there = sockets[1];

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(there);
		_exit(ctl_offer_send(own_take_fd(&here), words->paths));
	}
	if (pid < 0)
		return CTL_ERROR;
	close(own_take_fd(&here));
	r = ctl_carry_call(outcome, "HandOver", "ssshh", words->volume, words->medium, words->confirm, there,
		passphrase_fd);
	/* Nobody reads any more. */
	close(own_take_fd(&there));
	TEMP_FAILURE_RETRY(waitpid(pid, &status, 0));
	return r;
}

int ctl_media_handover(int argc, char **argv)
{
	Words words = parse(argc, argv);
	CtlOutcome outcome = {.code = ""};
	own_fd int fd = -1;
	int r;

	if (words.wrong) {
		fputs(_("Usage: sekishoctl media handover [--medium ID] [--confirm MEDIUM] [--json] MEDIUM "
			"FILE...\n"
			"MEDIUM is shown by: sekishoctl media; all that is on it is replaced.\n"
			"A drive with a blank disc (sr0): the disc is burned, once and for good.\n"),
			stderr);
		return CTL_USAGE;
	}
	if (!ctl_offer_check(words.paths))
		return CTL_NO;
	r = ctl_passphrase_choose(&fd);
	for (int tries = 0; r == CTL_OK && tries < 2; tries++) {
		r = call(&words, fd, &outcome);
		if (r != CTL_OK || words.json || !sk_str_eq(outcome.code, CTL_HAS_DATA) || words.confirm[0])
			break;
		if (!ctl_carry_confirm(words.volume))
			return CTL_NO;
		words.confirm = words.volume;
	}
	return r == CTL_OK ? ctl_carry_show(&outcome, words.json,
				     sk_str_eq(outcome.code, BURNED) ? BURNED : HANDED_OVER)
			   : r;
}
