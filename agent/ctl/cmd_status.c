/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"

static void print_mode(const json_t *status)
{
	const char *mode = ctl_json_text(status, "mode");
	const json_t *trial = json_object_get(status, "trial");

	if (sk_str_eq(mode, "learn"))
		ctl_print_field(_("Mode:"),
			_("learning (nothing is refused yet; begin with: sekishoctl trial start)"));
	else if (sk_str_eq(mode, "warn"))
		ctl_print_field(_("Mode:"), _("warning (nothing is refused yet, users are told)"));
	else
		ctl_print_field(_("Mode:"), _("enforcing"));
	if (sk_str_eq(ctl_json_text(trial, "state"), "running"))
		ctl_print_time(_("Trial until:"), json_integer_value(json_object_get(trial, "until")));
}

static void print_scanner(const json_t *scanner)
{
	json_int_t made = json_integer_value(json_object_get(scanner, "definitions_time"));
	const char *state = ctl_json_text(scanner, "state");

	if (sk_str_eq(state, "asleep"))
		ctl_print_field(_("Scanner:"), _("asleep (starts with the next medium)"));
	else if (sk_str_eq(state, "no-definitions"))
		ctl_print_field(_("Scanner:"), _("NO DEFINITIONS: no medium is admitted."));
	else
		ctl_print_field(
			_("Scanner:"), sk_str_eq(state, "ready") ? _("ready") : _("loading definitions"));
	if (made > 0)
		ctl_print_time(_("Definitions:"), made);
}

static void print_grants(const json_t *grants)
{
	const json_t *grant;
	long long hold = 0;
	char text[128];
	size_t i;

	json_array_foreach (grants, i, grant)
		hold += sk_str_eq(ctl_json_text(grant, "state"), "holds");
	if (json_array_size(grants) == 0)
		return;
	sk_str_format(text, sizeof(text), _("%lld hold now, of %lld (shown by: sekishoctl media)"), hold,
		(long long)json_array_size(grants));
	ctl_print_field(_("Grants:"), text);
}

/* With which leases and offline codes are opened. */
static void print_seal_key(const json_t *status)
{
	static const struct {
		const char *word, *text;
	} places[] = {{"none", N_("not made yet")},
		{"file", N_("in a file: this PC has no TPM that can be used")}, {"tpm", N_("in the TPM")},
		{"away", N_("AWAY: the TPM does not answer")},
		{"lost", N_("LOST: it was in another TPM, or the TPM was cleared")}};
	const char *place = ctl_json_text(status, "seal_key");

	for (size_t i = 0; i < SK_ARRAY_SIZE(places); i++)
		if (sk_str_eq(places[i].word, place))
			ctl_print_field(_("Own key:"), _(places[i].text));
	if (sk_str_eq(place, "away") || sk_str_eq(place, "lost")) {
		ctl_print_reason("SK-1544");
		putchar('\n');
	}
}

/* Nothing where there is no console: most small clinics have none. */
static void print_console(const json_t *status)
{
	static const struct {
		const char *word, *text;
	} states[] = {{"starting", N_("starting")}, {"not-enrolled", N_("NOT ENROLLED")},
		{"enrolling", N_("enrolling")}, {"offline", N_("NOT REACHED")},
		{"connected", N_("connected")}};
	const json_t *console = json_object_get(status, "console");
	const json_t *connection = json_object_get(console, "connection");
	const char *state = ctl_json_text(connection, "state");
	char text[512];

	if (!json_is_true(json_object_get(console, "enrolled")))
		return;
	for (size_t i = 0; i < SK_ARRAY_SIZE(states); i++)
		if (sk_str_eq(states[i].word, state))
			state = _(states[i].text);
	sk_str_format(text, sizeof(text), "%s, %s", ctl_json_text(console, "address"), state);
	ctl_print_field(_("Console:"), text);
	print_grants(json_object_get(console, "grants"));
	print_seal_key(status);
	if (*ctl_json_text(connection, "cause")) {
		sk_str_format(text, sizeof(text), "%s %s", ctl_json_text(connection, "cause"),
			ctl_json_text(connection, "detail"));
		ctl_print_field(_("Trouble:"), text);
	}
	if (*ctl_json_text(connection, "code")) {
		ctl_print_reason(ctl_json_text(connection, "code"));
		putchar('\n');
	}
}

static void print_rules(const json_t *status)
{
	long long rules = json_integer_value(json_object_get(status, "rules"));
	long long warnings = json_integer_value(json_object_get(status, "rule_warnings"));
	char text[128];

	if (warnings > 0)
		sk_str_format(text, sizeof(text),
			_("%lld; warnings: %lld (shown by: sekishoctl policy check)"), rules, warnings);
	else
		sk_str_format(text, sizeof(text), "%lld", rules);
	ctl_print_field(_("Rules:"), text);
}

static void print_status(const json_t *status)
{
	const json_t *records = json_object_get(status, "records");
	const char *user = ctl_json_text(status, "user");
	char text[128];

	ctl_print_field(_("Version:"), ctl_json_text(status, "version"));
	print_mode(status);
	print_rules(status);
	ctl_print_field(_("Monitor:"),
		json_is_true(json_object_get(status, "monitor")) ? _("connected") : _("NOT CONNECTED"));
	print_scanner(json_object_get(status, "scanner"));
	ctl_print_field(_("Records:"),
		json_is_true(json_object_get(records, "working")) ? _("working") : _("CANNOT BE WRITTEN"));
	sk_str_format(text, sizeof(text), "%s%s", user[0] ? user : _("nobody"),
		json_is_true(json_object_get(status, "screen_locked")) ? _(" (screen locked)") : "");
	ctl_print_field(_("Signed in:"), text);
	print_console(status);
}

int ctl_status(int argc, char **argv)
{
	json_t *status = NULL;
	bool json;
	int r = ctl_parse_json_only(argc, argv, &json);

	if (r == CTL_OK)
		r = ctl_agent_get("GetStatus", &status);
	if (r != CTL_OK)
		return r;
	if (json)
		return ctl_print_json(status);
	print_status(status);
	json_decref(status);
	return CTL_OK;
}
