/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/ctl/passphrase.h"

#include <pwquality.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"
#include "lib/crypt/passphrase.h"
#include "lib/crypt/secret.h"
#include "lib/ipc/memfd.h"

typedef struct Line {
	char text[SK_PASSPHRASE_MAX + 2];
	size_t size;
} Line;

/* By single bytes: what follows the line belongs to somebody else, and stdio would keep a copy. */
static bool read_line(Line *line)
{
	line->size = 0;
	for (;;) {
		ssize_t n = read(STDIN_FILENO, line->text + line->size, 1);

		if (n < 0 || (n == 0 && line->size == 0))
			return false;
		if (n == 0 || line->text[line->size] == '\n')
			break;
		if (++line->size > SK_PASSPHRASE_MAX)
			return false;
	}
	line->text[line->size] = 0;
	return line->size > 0;
}

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

/* Whoever interrupts a prompt gets a terminal back that shows what he types. */
static const int ending[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP};

static void catch_signals(struct sigaction before[SK_ARRAY_SIZE(ending)])
{
	const struct sigaction ours = {.sa_handler = on_signal}; /* without SA_RESTART: the read ends */

	caught = 0;
	for (size_t i = 0; i < SK_ARRAY_SIZE(ending); i++)
		sigaction(ending[i], &ours, &before[i]);
}

static void release_signals(const struct sigaction before[SK_ARRAY_SIZE(ending)])
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(ending); i++)
		sigaction(ending[i], &before[i], NULL);
}

static bool ask_silently(const char *prompt, const struct termios *before, Line *line)
{
	struct sigaction handlers[SK_ARRAY_SIZE(ending)];
	struct termios silent = *before;
	bool good;

	catch_signals(handlers);
	fputs(prompt, stderr);
	silent.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	good = read_line(line);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, before);
	fputc('\n', stderr);
	if (caught)
		sk_secret_wipe(line, sizeof(*line));
	release_signals(handlers);
	return good && !caught;
}

static bool ask(const char *prompt, Line *line)
{
	struct termios before;
	bool good;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return read_line(line);
	do {
		good = ask_silently(prompt, &before, line);
		if (caught)
			raise(caught); /* as if it had not been caught; after a stop it is asked again */
	} while (caught == SIGTSTP);
	return good;
}

static int hand_over(const Line *line, int *ret_fd)
{
	int fd = sk_memfd_new(line->text, line->size);

	if (fd < 0) {
		fprintf(stderr, "sekishoctl: %s\n", strerror(-fd));
		return CTL_ERROR;
	}
	*ret_fd = fd;
	return CTL_OK;
}

static int refuse_none(void)
{
	fputs(_("sekishoctl: no passphrase was given\n"), stderr);
	return CTL_USAGE;
}

int ctl_passphrase_ask(int *ret_fd)
{
	Line line;
	int r = ask(_("Passphrase of the medium: "), &line) ? hand_over(&line, ret_fd) : refuse_none();

	sk_secret_wipe(&line, sizeof(line));
	return r;
}

/* What dictionaries and patterns say of it. Return: NULL, or why not; of static memory. */
static const char *guess(const char *passphrase)
{
	static char text[PWQ_MAX_ERROR_MESSAGE_LEN];
	pwquality_settings_t *settings = pwquality_default_settings();
	void *more = NULL;
	int r;

	if (!settings)
		return _("it cannot be checked");
	pwquality_set_int_value(settings, PWQ_SETTING_MIN_LENGTH, SK_PASSPHRASE_LENGTH);
	pwquality_set_int_value(settings, PWQ_SETTING_MAX_REPEAT, 4);
	pwquality_set_int_value(settings, PWQ_SETTING_MAX_SEQUENCE, 5);
	r = pwquality_check(settings, passphrase, NULL, NULL, &more);
	pwquality_free_settings(settings);
	return r >= 0 ? NULL : pwquality_strerror(text, sizeof(text), r, more);
}

static bool is_good(const Line *line)
{
	const char *why;

	if (!sk_passphrase_is_mixed(line->text, line->size)) {
		ctl_print_reason("SK-1237");
		putchar('\n');
		return false;
	}
	why = guess(line->text);
	if (why)
		fprintf(stderr, _("sekishoctl: the passphrase is easy to guess: %s\n"), why);
	return !why;
}

int ctl_passphrase_choose(int *ret_fd)
{
	Line line, again;
	bool equal;
	int r;

	if (isatty(STDIN_FILENO))
		fprintf(stderr,
			_("The passphrase has at least %d characters: letters, digits and others, no "
			  "words.\n"),
			SK_PASSPHRASE_LENGTH);
	if (!ask(_("New passphrase: "), &line))
		return refuse_none();
	r = is_good(&line) ? CTL_OK : CTL_NO;
	if (r == CTL_OK && isatty(STDIN_FILENO)) {
		equal = ask(_("Once more: "), &again) && again.size == line.size &&
			sk_secret_equal(again.text, line.text, line.size);
		sk_secret_wipe(&again, sizeof(again));
		if (!equal)
			fputs(_("sekishoctl: the two are not the same\n"), stderr);
		r = equal ? CTL_OK : CTL_NO;
	}
	if (r == CTL_OK)
		r = hand_over(&line, ret_fd);
	sk_secret_wipe(&line, sizeof(line));
	return r;
}
