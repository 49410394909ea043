/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sekishoctl media passphrase, sekishoctl media recover: another passphrase for a registered medium. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/carry.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/passphrase.h"
#include "lib/base/intl.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"
#include "lib/ipc/memfd.h"

#define REKEYED "SK-1245"
#define KEY_SIZE_MAX 64 /* a recovery key has 32 bytes */

typedef struct Words {
	const char *key, *medium;
	bool renew, json, wrong;
} Words;

static Words parse(int argc, char **argv)
{
	static const struct option options[] = {{"key", required_argument, NULL, 'k'},
		{"renew-recovery", no_argument, NULL, 'r'}, {"json", no_argument, NULL, 'j'}, {0}};
	Words words = {.wrong = false};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'k')
			words.key = optarg;
		words.renew |= option == 'r';
		words.json |= option == 'j';
		words.wrong |= option == '?';
	}
	words.wrong |= argc != optind + 1;
	words.medium = words.wrong ? NULL : argv[optind];
	return words;
}

/* With a new passphrase from who sits there. */
static int change(const Words *words, const char *how, int secret_fd)
{
	CtlOutcome outcome = {.code = ""};
	own_fd int fd = -1;
	int r = ctl_passphrase_choose(&fd);

	if (r == CTL_OK)
		r = ctl_carry_call(&outcome, "RekeyMedium", "sshh", words->medium, how, secret_fd, fd);
	if (r != CTL_OK)
		return r;
	r = ctl_carry_show(&outcome, words->json, REKEYED);
	if (r == CTL_OK && outcome.detail[0] && !words->json)
		fputs(_("sekishoctl: the console did not take the new recovery key: until it did, nobody can "
			"recover this medium\n"),
			stderr);
	return r;
}

int ctl_media_passphrase(int argc, char **argv)
{
	Words words = parse(argc, argv);
	own_fd int secret_fd = -1;
	int r;

	if (words.wrong || words.key) {
		fputs(_("Usage: sekishoctl media passphrase [--renew-recovery] [--json] MEDIUM\n"
			"MEDIUM is shown by: sekishoctl media\n"),
			stderr);
		return CTL_USAGE;
	}
	r = ctl_passphrase_ask(&secret_fd);
	return r == CTL_OK ? change(&words, words.renew ? "both" : "passphrase", secret_fd) : r;
}

/* What `sekisho-admin recovery open` wrote, in memory that is sealed. */
static int read_key(const char *path, int *ret_fd)
{
	own_fd int file = open(path, O_RDONLY | O_CLOEXEC);
	char key[KEY_SIZE_MAX + 1];
	ssize_t size = file < 0 ? -1 : read(file, key, sizeof(key));
	int fd = size > 0 && size <= KEY_SIZE_MAX ? sk_memfd_new(key, (size_t)size)
		 : size < 0			  ? -errno
						  : -EINVAL;

	sk_secret_wipe(key, sizeof(key));
	if (fd < 0) {
		fprintf(stderr, "sekishoctl: %s: %s\n", path, strerror(-fd));
		return CTL_ERROR;
	}
	*ret_fd = fd;
	return CTL_OK;
}

int ctl_media_recover(int argc, char **argv)
{
	Words words = parse(argc, argv);
	own_fd int secret_fd = -1;
	int r;

	if (words.wrong || !words.key || words.renew) {
		fputs(_("Usage: sekishoctl media recover --key FILE [--json] MEDIUM\n"
			"FILE is written by: sekisho-admin recovery open; MEDIUM is shown by: sekishoctl "
			"media\n"),
			stderr);
		return CTL_USAGE;
	}
	r = read_key(words.key, &secret_fd);
	return r == CTL_OK ? change(&words, "recovery", secret_fd) : r;
}
