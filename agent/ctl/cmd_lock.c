/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stdio.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

static void print_day(const json_t *day)
{
	json_int_t longest = json_integer_value(json_object_get(day, "longest_idle_ms")) / 1000;

	printf(_("%s: locked %d times, %d failures; stood open without its user for %d:%02d at most\n"),
		ctl_json_text(day, "day"), (int)json_integer_value(json_object_get(day, "locks")),
		(int)json_integer_value(json_object_get(day, "failures")), (int)(longest / 60),
		(int)(longest % 60));
}

static void print_lock(const json_t *lock)
{
	const json_t *days = json_object_get(lock, "days"), *day;
	const json_t *pass = json_object_get(lock, "pass");
	json_int_t idle = json_integer_value(json_object_get(lock, "idle_sec"));
	size_t i;

	if (!json_is_true(json_object_get(lock, "watched")))
		puts(_("The screen lock is not watched: systemctl status sekisho-lock.service"));
	if (idle > 0)
		printf(_("A session nobody touches is locked after %d:%02d.\n"), (int)(idle / 60),
			(int)(idle % 60));
	else
		puts(_("No session is locked because of time."));
	if (pass)
		printf(_("Until %d minutes from now this does not apply, for a presentation: %s\n"),
			(int)(json_integer_value(json_object_get(pass, "seconds")) / 60 + 1),
			ctl_json_text(pass, "reason"));
	json_array_foreach (days, i, day)
		print_day(day);
}

static int usage(void)
{
	fputs(_("Usage: sekishoctl lock [--now] [--json]\n"
		"       sekishoctl lock pass MINUTES --reason TEXT\n"
		"       sekishoctl lock pass end\n"),
		stderr);
	return CTL_USAGE;
}

static int parse(int argc, char **argv, bool *ret_json, bool *ret_now)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"now", no_argument, NULL, 'n'}, {0}};
	int letter;

	*ret_json = *ret_now = false;
	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter == 'j')
			*ret_json = true;
		else if (letter == 'n')
			*ret_now = true;
		else
			return usage();
	}
	if (optind == argc)
		return CTL_OK;
	return usage();
}

static int begin_pass(const char *minutes, const char *reason)
{
	own_free char *answer = NULL;
	uint64_t number;
	int r;

	if (sk_num_parse(minutes, 10, 7 * 24 * 60, &number) < 0) {
		fprintf(stderr, _("sekishoctl: %s are no minutes\n"), minutes);
		return CTL_USAGE;
	}
	r = ctl_agent_ask(&answer, "BeginPass", "us", (uint32_t)number, reason);
	return ctl_show_code(r, answer, "SK-1708");
}

static int end_pass(void)
{
	own_free char *answer = NULL;
	int r = ctl_agent_ask(&answer, "EndPass", "");

	return ctl_show_code(r, answer, "SK-1709");
}

/* argv[0]: "pass" */
static int run_pass(int argc, char **argv)
{
	static const struct option options[] = {{"reason", required_argument, NULL, 'r'}, {0}};
	const char *reason = NULL;
	bool wrong = false;
	int letter;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter == 'r')
			reason = optarg;
		wrong |= letter == '?';
	}
	if (wrong || optind + 1 != argc)
		return usage();
	if (sk_str_eq(argv[optind], "end"))
		return reason ? usage() : end_pass();
	return reason ? begin_pass(argv[optind], reason) : usage();
}

int ctl_lock(int argc, char **argv)
{
	json_t *lock = NULL;
	bool json, now;
	int r;

	if (argc > 1 && sk_str_eq(argv[1], "pass"))
		return run_pass(argc - 1, argv + 1);
	r = parse(argc, argv, &json, &now);
	if (r != CTL_OK)
		return r;
	if (now)
		return ctl_agent_do("LockNow", "");
	r = ctl_agent_get("GetLock", &lock);
	if (r != CTL_OK)
		return r;
	if (json) {
		ctl_print_json(lock);
		return CTL_OK;
	}
	print_lock(lock);
	json_decref(lock);
	return CTL_OK;
}
