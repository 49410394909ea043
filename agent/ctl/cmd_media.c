/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <time.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"

static void print_encryption(const json_t *encryption)
{
	const json_t *problems = json_object_get(encryption, "problems"), *problem;
	size_t i;

	printf(_("         LUKS2, %s, key of %lld bits, UUID %s\n"), ctl_json_text(encryption, "cipher"),
		(long long)json_integer_value(json_object_get(encryption, "key_bits")),
		ctl_json_text(encryption, "uuid"));
	if (json_array_size(problems) == 0)
		return;
	fputs(_("         problems of its header:"), stdout);
	json_array_foreach (problems, i, problem)
		printf(" %s", json_string_value(problem));
	putchar('\n');
}

static void print_medium(const json_t *medium)
{
	const char *label = ctl_json_text(medium, "label"), *path = ctl_json_text(medium, "path");

	printf("%-8s %-7s %-8s%s%s%s%s\n         ", ctl_json_text(medium, "volume"),
		ctl_json_text(medium, "bus"), ctl_json_text(medium, "filesystem"), label[0] ? " " : "", label,
		path[0] ? " " : "", path);
	ctl_print_reason(ctl_json_text(medium, "code"));
	if (ctl_json_text(medium, "detail")[0])
		printf(" (%s)", ctl_json_text(medium, "detail"));
	putchar('\n');
	if (json_object_get(medium, "encryption"))
		print_encryption(json_object_get(medium, "encryption"));
	if (sk_str_eq(ctl_json_text(medium, "state"), "mounted"))
		printf(json_is_true(json_object_get(medium, "scanned"))
				? _("         all %lld files checked, %lld of them refused\n")
				: _("         checking: %lld files so far, %lld of them refused\n"),
			(long long)json_integer_value(json_object_get(medium, "files")),
			(long long)json_integer_value(json_object_get(medium, "refused_files")));
}

static void print_grant(const json_t *grant)
{
	static const struct {
		const char *word, *text;
	} states[] = {{"holds", N_("holds")}, {"later", N_("begins later")}, {"over", N_("is over")},
		{"revoked", N_("REVOKED")}, {"clock", N_("unclear: the clock was set")}};
	time_t until = (time_t)(json_integer_value(json_object_get(grant, "until")) / 1000);
	const char *user = ctl_json_text(grant, "user"), *state = ctl_json_text(grant, "state");
	char end[64];
	struct tm tm;

	for (size_t i = 0; i < SK_ARRAY_SIZE(states); i++)
		if (sk_str_eq(states[i].word, state))
			state = _(states[i].text);
	localtime_r(&until, &tm);
	strftime(end, sizeof(end), "%Y-%m-%d %H:%M", &tm);
	printf(_("Grant:   %s %s, %s for %s until %s: %s\n"), ctl_json_text(grant, "number"),
		ctl_json_text(grant, "label"), ctl_json_text(grant, "mode"), *user ? user : _("everybody"),
		end, state);
}

/* What the console allows here, whether the medium is plugged in or not. */
static int print_grants(void)
{
	json_t *status = NULL;
	const json_t *grant;
	size_t i;
	int r = ctl_agent_get("GetStatus", &status);

	if (r != CTL_OK)
		return r;
	json_array_foreach (json_object_get(json_object_get(status, "console"), "grants"), i, grant)
		print_grant(grant);
	json_decref(status);
	return CTL_OK;
}

static int list_media(int argc, char **argv)
{
	json_t *list = NULL, *medium;
	bool json;
	size_t i;
	int r = ctl_parse_json_only(argc, argv, &json);

	if (r == CTL_OK)
		r = ctl_agent_get("ListMedia", &list);
	if (r != CTL_OK)
		return r;
	if (json)
		return ctl_print_json(list);
	json_array_foreach (list, i, medium)
		print_medium(medium);
	if (json_array_size(list) == 0)
		puts(_("No medium is connected."));
	json_decref(list);
	return print_grants();
}

int ctl_media(int argc, char **argv)
{
	static const struct {
		const char *word;
		int (*run)(int argc, char **argv);
	} verbs[] = {{"list", list_media}, {"open", ctl_media_open}, {"prepare", ctl_media_prepare},
		{"handover", ctl_media_handover}, {"passphrase", ctl_media_passphrase},
		{"recover", ctl_media_recover}, {"retire", ctl_media_retire},
		{"report-lost", ctl_media_report_lost}, {"inspect", ctl_media_inspect},
		{"copy", ctl_media_copy}, {"eject", ctl_eject}};

	for (size_t i = 0; argc > 1 && i < SK_ARRAY_SIZE(verbs); i++)
		if (sk_str_eq(argv[1], verbs[i].word))
			return verbs[i].run(argc - 1, argv + 1);
	return list_media(argc, argv);
}

static int do_with_medium(int argc, char **argv, const char *method)
{
	if (argc != 2) {
		fprintf(stderr, _("Usage: sekishoctl %s MEDIUM\nMEDIUM is shown by: sekishoctl media\n"),
			argv[0]);
		return CTL_USAGE;
	}
	return ctl_agent_do(method, "s", argv[1]);
}

int ctl_eject(int argc, char **argv)
{
	int r = do_with_medium(argc, argv, "Eject");

	if (r == CTL_OK)
		puts(_("The medium can be taken out."));
	return r;
}

int ctl_scan(int argc, char **argv)
{
	int r = do_with_medium(argc, argv, "Scan");

	if (r == CTL_OK)
		puts(_("The medium is being checked; the result is shown by: sekishoctl media"));
	return r;
}
