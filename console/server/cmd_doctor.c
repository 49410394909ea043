/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor: looks at what a console needs, one line each, and says what to do about what is wrong. Changes
 * nothing. */
#include <stdarg.h>
#include <stdio.h>

#include "console/server/doctor.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#define DETAIL_SIZE 512

static void print(const SkFinding *finding, const char *detail)
{
	const char *const words[] = {[SK_HEALTH_GOOD] = _("ok   "),
		[SK_HEALTH_WARNING] = _("WARN "),
		[SK_HEALTH_WRONG] = _("WRONG")};

	printf("%s  %s%s%s%s\n", words[finding->health], finding->what, *detail ? " (" : "", detail,
		*detail ? ")" : "");
	if (finding->health != SK_HEALTH_GOOD && finding->advice)
		printf("       %s\n", finding->advice);
}

static void add(json_t *findings, const SkFinding *finding, const char *detail)
{
	static const char *const names[] = {
		[SK_HEALTH_GOOD] = "good", [SK_HEALTH_WARNING] = "warning", [SK_HEALTH_WRONG] = "wrong"};

	json_array_append_new(
		findings, json_pack("{s:s, s:s, s:s, s:s, s:s?}", "check", finding->name, "state",
				  names[finding->health], "what", finding->what, "detail", detail, "advice",
				  finding->health == SK_HEALTH_GOOD ? NULL : finding->advice));
}

void sk_doctor_tell(SkDoctor *doctor, SkFinding finding, const char *detail, ...)
{
	char text[DETAIL_SIZE], shown[DETAIL_SIZE];
	va_list ap;

	va_start(ap, detail);
	if (vsnprintf(text, sizeof(text), detail, ap) < 0)
		*text = 0;
	va_end(ap);
	sk_utf8_escape(shown, sizeof(shown), text, strnlen(text, sizeof(text) - 1));
	doctor->wrong += finding.health == SK_HEALTH_WRONG;
	if (doctor->findings)
		add(doctor->findings, &finding, shown);
	else
		print(&finding, shown);
}

int console_doctor(int argc, char **argv)
{
	bool json = false;
	const ConsoleOption options[] = {{"json", NULL, &json}, {NULL, NULL, NULL}};
	own_setup ConsoleSetup setup = {0};
	SkDoctor doctor = {.setup = &setup};
	int r = console_setup(argc, argv, options, &setup);

	if (r != CONSOLE_OK)
		return r < 0 ? CONSOLE_OK : r;
	doctor.findings = json ? json_array() : NULL;
	sk_doctor_database(&doctor);
	sk_doctor_keys(&doctor);
	sk_doctor_certificates(&doctor);
	sk_doctor_machine(&doctor);
	if (json && json_dumpf(doctor.findings, stdout, JSON_INDENT(2)) == 0)
		putchar('\n');
	json_decref(doctor.findings);
	sk_db_free(doctor.db);
	return doctor.wrong > 0 ? CONSOLE_NO : CONSOLE_OK;
}
