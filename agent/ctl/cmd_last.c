/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"

static void format_time(char *dst, size_t size, json_int_t at)
{
	time_t time = (time_t)at;
	struct tm local;

	dst[0] = 0;
	if (localtime_r(&time, &local))
		strftime(dst, size, "%Y-%m-%d %H:%M", &local);
}

static void print_user(const json_t *entry)
{
	json_int_t at = json_integer_value(json_object_get(entry, "at"));
	const char *host = ctl_json_text(entry, "host");
	char when[32];

	format_time(when, sizeof(when), at);
	if (at > 0)
		printf(_("%s: signed in %s, %s %s (%s)"), ctl_json_text(entry, "user"), when,
			*host ? host : ctl_json_text(entry, "tty"), ctl_json_text(entry, "seat"),
			ctl_json_text(entry, "service"));
	else
		printf(_("%s: never signed in"), ctl_json_text(entry, "user"));
	printf(_("; failed since: %d\n"), (int)json_integer_value(json_object_get(entry, "failures")));
}

static void print_hours(const json_t *sign_ins)
{
	json_int_t changes = json_integer_value(json_object_get(sign_ins, "changes"));
	char when[32];

	if (!json_is_true(json_object_get(sign_ins, "bound"))) {
		puts(_("Signing in is possible at any hour."));
		return;
	}
	format_time(when, sizeof(when), changes);
	printf(_("Hours to sign in: %s\n"), ctl_json_text(sign_ins, "hours"));
	if (changes > 0 && json_is_true(json_object_get(sign_ins, "open")))
		printf(_("They end %s; then the screen is locked.\n"), when);
	else if (changes > 0)
		printf(_("They begin %s.\n"), when);
}

static int parse(int argc, char **argv, bool *ret_json)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
	int letter;

	*ret_json = false;
	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter != 'j')
			return CTL_USAGE;
		*ret_json = true;
	}
	if (optind == argc)
		return CTL_OK;
	fputs(_("Usage: sekishoctl last [--json]\n"), stderr);
	return CTL_USAGE;
}

int ctl_last(int argc, char **argv)
{
	json_t *sign_ins = NULL, *entry;
	bool json;
	size_t i;
	int r = parse(argc, argv, &json);

	if (r == CTL_OK)
		r = ctl_agent_get("GetSignIns", &sign_ins);
	if (r != CTL_OK)
		return r;
	if (json) {
		ctl_print_json(sign_ins);
		return CTL_OK;
	}
	print_hours(sign_ins);
	json_array_foreach (json_object_get(sign_ins, "last"), i, entry)
		print_user(entry);
	json_decref(sign_ins);
	return CTL_OK;
}
