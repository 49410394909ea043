/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekishoctl under the name umount.sekisho: what umount(8) runs for a user, and so the button of a desktop.
 * See umount.sekisho(8).
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"

/* Desktops wait ten seconds for umount(8), and then say only that it took too long. */
#define DESKTOP_SECONDS 8

static const char *still_closing;

static void on_alarm(int number)
{
	(void)!write(STDERR_FILENO, still_closing, strlen(still_closing));
	_exit(CTL_NO);
}

/* The agent goes on, whoever waits for it. */
static void limit_waiting(void)
{
	if (isatty(STDIN_FILENO) || isatty(STDOUT_FILENO) || isatty(STDERR_FILENO))
		return;
	still_closing = _("The medium is being closed. Take it out only when it is no longer shown.\n");
	signal(SIGALRM, on_alarm);
	alarm(DESKTOP_SECONDS);
}

/* The medium whose place it is, or NULL. */
static const char *find_medium(const json_t *media, const char *path)
{
	const json_t *medium;
	size_t i;

	json_array_foreach (media, i, medium)
		if (sk_str_eq(ctl_json_text(medium, "state"), "mounted") &&
			sk_str_eq(ctl_json_text(medium, "path"), path))
			return ctl_json_text(medium, "volume");
	return NULL;
}

static int eject_at(const char *path)
{
	json_t *media = NULL;
	int r = ctl_agent_get("ListMedia", &media);

	if (r != CTL_OK)
		return r;
	const char *volume = find_medium(media, path);

	if (volume) {
		r = ctl_agent_do("Eject", "s", volume);
	} else {
		fprintf(stderr, _("umount.sekisho: no medium of Sekisho is open at %s\n"), path);
		r = CTL_NO;
	}
	json_decref(media);
	return r;
}

int ctl_umount(int argc, char **argv)
{
	int option;

	/* As umount(8) passes them on. Nobody is cut off (-f, -l) by a user's wish. */
	while ((option = getopt(argc, argv, "nlfvrt:N:")) >= 0)
		if (option == '?')
			return CTL_USAGE;
	if (optind + 1 != argc) {
		fputs(_("Usage: umount.sekisho DIRECTORY\n"), stderr);
		return CTL_USAGE;
	}
	limit_waiting();
	return eject_at(argv[optind]);
}
