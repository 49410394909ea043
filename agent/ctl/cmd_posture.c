/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

/* In the order in which they are shown. */
static const struct {
	const char *id, *title;
} titles[] = {
	{"disk-encryption", N_("Disk encryption")},
	{"firewall", N_("Firewall")},
	{"definitions", N_("Virus definitions")},
	{"weekly-scan", N_("Weekly scan")},
	{"forbidden-programs", N_("Forbidden programs")},
	{"security-updates", N_("Security updates")},
	{"kernel-modules", N_("Kernel modules")},
	{"secure-boot", N_("Secure Boot")},
	{"clock", N_("Clock")},
	{"bluetooth", N_("Bluetooth")},
	{"wireless", N_("Wireless networks")},
	{"passwords", N_("Accounts without password")},
	{"autologin", N_("Automatic sign-in")},
	{"agent-files", N_("Files of Sekisho")},
};

static const char *state_word(const char *state)
{
	static const struct {
		const char *word, *text;
	} words[] = {{"ok", N_("ok")}, {"warn", N_("WARNING")}, {"fail", N_("FAILS")},
		{"unknown", N_("not known")}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (sk_str_eq(words[i].word, state))
			return _(words[i].text);
	return state;
}

static const char *title_of(const char *id)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(titles); i++)
		if (sk_str_eq(titles[i].id, id))
			return _(titles[i].title);
	return id;
}

static void print_check(const json_t *check)
{
	const char *value = ctl_json_text(check, "value"), *code = ctl_json_text(check, "code");

	printf("%s (%s): %s\n", title_of(ctl_json_text(check, "id")), ctl_json_text(check, "requirement"),
		state_word(ctl_json_text(check, "state")));
	if (value[0])
		printf(_("    found: %s\n"), value);
	printf(_("    wanted: %s\n"), ctl_json_text(check, "threshold"));
	if (!code[0])
		return;
	fputs("    ", stdout);
	ctl_print_reason(code);
	putchar('\n');
}

/* Those of the table first, then what a newer agent may have. */
static void print_posture(const json_t *posture)
{
	const json_t *checks = json_object_get(posture, "checks"), *check;
	json_int_t when = json_integer_value(json_object_get(posture, "checked"));
	size_t i;

	if (when == 0) {
		puts(_("This PC has not been checked yet; now: sekishoctl posture --check"));
		return;
	}
	for (size_t t = 0; t < SK_ARRAY_SIZE(titles); t++)
		json_array_foreach (checks, i, check)
			if (sk_str_eq(ctl_json_text(check, "id"), titles[t].id))
				print_check(check);
	json_array_foreach (checks, i, check)
		if (title_of(ctl_json_text(check, "id")) == ctl_json_text(check, "id"))
			print_check(check);
	ctl_print_time(_("Checked:"), when);
}

/* Scripts want the words, too. */
static void add_words(json_t *posture)
{
	json_t *check;
	size_t i;

	json_array_foreach (json_object_get(posture, "checks"), i, check) {
		const char *code = ctl_json_text(check, "code");
		const SkReasonText *text = NULL;
		uint64_t number;

		if (sk_str_starts(code, "SK-") && sk_num_parse(code + 3, 10, 9999, &number) == 0)
			text = sk_reason_find((SkReason)number);
		if (!text)
			continue;
		json_object_set_new(
			check, "why", json_pack("{s:s, s:s}", "en", text->en_what, "ja", text->ja_what));
		json_object_set_new(
			check, "fix", json_pack("{s:s, s:s}", "en", text->en_next, "ja", text->ja_next));
	}
}

static int parse(int argc, char **argv, bool *ret_json, bool *ret_check)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"check", no_argument, NULL, 'c'}, {0}};
	int letter;

	*ret_json = *ret_check = false;
	optind = 1;
	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter == 'j')
			*ret_json = true;
		else if (letter == 'c')
			*ret_check = true;
		else
			return CTL_USAGE;
	}
	if (optind == argc)
		return CTL_OK;
	fputs(_("Usage: sekishoctl posture [--check] [--json]\n"), stderr);
	return CTL_USAGE;
}

static int status_of(const json_t *posture)
{
	const json_t *check;
	size_t i;

	json_array_foreach (json_object_get(posture, "checks"), i, check)
		if (sk_str_eq(ctl_json_text(check, "state"), "fail"))
			return CTL_NO;
	return CTL_OK;
}

int ctl_posture(int argc, char **argv)
{
	json_t *posture = NULL;
	bool json, check;
	int r = parse(argc, argv, &json, &check);

	if (r == CTL_OK)
		r = ctl_agent_get(check ? "CheckPosture" : "GetPosture", &posture);
	if (r != CTL_OK)
		return r;
	r = status_of(posture);
	if (json) {
		add_words(posture);
		ctl_print_json(posture);
		return r;
	}
	print_posture(posture);
	json_decref(posture);
	return r;
}
