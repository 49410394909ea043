/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/ctl/agent.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/conf/value.h"
#include "lib/reason/reason.h"

#define NAME "org.sekisho.Agent1"
#define PATH "/org/sekisho/Agent1"

/* An administrator may have to type a password into polkit's dialogue. */
#define CALL_USEC (130 * 1000000ULL)
/* What was written to a medium is read once more before it is let go. */
#define EJECT_USEC (1800 * 1000000ULL)

int ctl_agent_open(sd_bus **ret_bus)
{
	int r = sd_bus_open_system(ret_bus);

	if (r >= 0)
		return CTL_OK;
	fprintf(stderr, _("sekishoctl: the system bus cannot be reached: %s\n"), strerror(-r));
	return CTL_ERROR;
}

/* "SK-1531", or "SK-1531: and what else is known": in the language of the user. */
static void print_error(const char *message)
{
	char code[SK_REASON_CODE_SIZE];
	const char *detail = message + strcspn(message, ":");

	fputs("sekishoctl: ", stderr);
	if (!sk_str_format(code, sizeof(code), "%.*s", (int)(detail - message), message) ||
		!sk_str_starts(code, "SK-")) {
		fprintf(stderr, "%s\n", message);
		return;
	}
	ctl_print_reason_to(stderr, code);
	fprintf(stderr, *detail ? " (%s)\n" : "\n", detail + strspn(detail, ": "));
}

int ctl_agent_explain_error(const sd_bus_error *error, int result)
{
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ||
		sd_bus_error_has_name(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED)) {
		fputs(_("sekishoctl: you may not do this; ask an administrator, or use sudo.\n"), stderr);
		return CTL_NO;
	}
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
		sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER)) {
		fputs(_("sekishoctl: the agent is not running; look at: systemctl status sekishod\n"),
			stderr);
		return CTL_ERROR;
	}
	/* Names of programs; other things that cannot be done now have a code. */
	if (sd_bus_error_has_name(error, NAME ".Error.Busy") && !sk_str_starts(error->message, "SK-")) {
		/* Desktops look for these words of umount(8), to offer what can be done. */
		fprintf(stderr, "sekishoctl: target is busy: %s\n", error->message);
		print_error("SK-1219");
		return CTL_NO;
	}
	if (error->name && sk_str_starts(error->name, NAME ".Error.")) {
		print_error(error->message);
		return CTL_NO;
	}
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_INVALID_ARGS)) {
		print_error(error->message);
		return CTL_USAGE;
	}
	fprintf(stderr, _("sekishoctl: the agent did not answer: %s\n"),
		error->message ? error->message : strerror(-result));
	return CTL_ERROR;
}

static int call(const char *method, const char *types, va_list arguments, sd_bus_message **ret_reply)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *message = NULL;
	sd_bus *bus = NULL;
	int status = ctl_agent_open(&bus), r;

	if (status != CTL_OK)
		return status;
	r = sd_bus_message_new_method_call(bus, &message, NAME, PATH, NAME, method);
	if (r >= 0)
		r = sd_bus_message_appendv(message, types, arguments);
	if (r >= 0)
		r = sd_bus_message_set_allow_interactive_authorization(message, 1);
	if (r >= 0)
		r = sd_bus_call(
			bus, message, sk_str_eq(method, "Eject") ? EJECT_USEC : CALL_USEC, &error, ret_reply);
	if (r < 0)
		status = ctl_agent_explain_error(&error, r);
	sd_bus_error_free(&error);
	sd_bus_message_unref(message);
	sd_bus_flush_close_unref(bus);
	return status;
}

int ctl_agent_ask(char **ret_answer, const char *method, const char *types, ...)
{
	sd_bus_message *reply = NULL;
	const char *text = NULL;
	va_list arguments;
	int status;

	va_start(arguments, types);
	status = call(method, types, arguments, &reply);
	va_end(arguments);
	if (status == CTL_OK && (sd_bus_message_read(reply, "s", &text) < 0 || !(*ret_answer = strdup(text))))
		status = CTL_ERROR;
	sd_bus_message_unref(reply);
	return status;
}

int ctl_agent_do(const char *method, const char *types, ...)
{
	sd_bus_message *reply = NULL;
	va_list arguments;
	int status;

	va_start(arguments, types);
	status = call(method, types, arguments, &reply);
	va_end(arguments);
	sd_bus_message_unref(reply);
	return status;
}

static int call_without(const char *method, sd_bus_message **ret_reply, ...)
{
	va_list none;
	int status;

	va_start(none, ret_reply);
	status = call(method, "", none, ret_reply);
	va_end(none);
	return status;
}

int ctl_agent_get(const char *method, json_t **ret_answer)
{
	sd_bus_message *reply = NULL;
	int status = call_without(method, &reply);
	const char *text = NULL;

	if (status == CTL_OK && sd_bus_message_read(reply, "s", &text) >= 0) {
		*ret_answer = json_loads(text, 0, NULL);
		if (!*ret_answer) {
			fputs(_("sekishoctl: the agent answered something that is no JSON\n"), stderr);
			status = CTL_ERROR;
		}
	}
	sd_bus_message_unref(reply);
	return status;
}

int ctl_print_json(json_t *answer)
{
	own_free char *text = json_dumps(answer, JSON_INDENT(2));

	json_decref(answer);
	puts(text ? text : "");
	return CTL_OK;
}

void ctl_print_reason_to(FILE *out, const char *code)
{
	const SkReasonText *text = NULL;
	uint64_t number;

	if (sk_str_starts(code, "SK-") && sk_num_parse(code + 3, 10, 9999, &number) == 0)
		text = sk_reason_find((SkReason)number);
	if (!text)
		fputs(code, out);
	else if (sk_intl_is_japanese())
		fprintf(out, "%s %s%s", code, text->ja_what, text->ja_next);
	else
		fprintf(out, "%s %s%s%s", code, text->en_what, text->en_next[0] ? " " : "", text->en_next);
}

void ctl_print_reason(const char *code)
{
	ctl_print_reason_to(stdout, code);
}

int ctl_parse_json_only(int argc, char **argv, bool *ret_json)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option != 'j') {
			fprintf(stderr, _("Usage: sekishoctl %s [--json]\n"), argv[0]);
			return CTL_USAGE;
		}
		json = true;
	}
	*ret_json = json;
	return CTL_OK;
}

const char *ctl_json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

bool ctl_parse_duration(const char *text, uint64_t *ret_seconds)
{
	const SkValueRule rule = {.type = SK_VALUE_DURATION, .min = 1, .max = 366 * 86400ULL};
	SkValueError error;
	SkValue value;

	if (sk_value_parse(&rule, text, &value, &error) < 0) {
		fprintf(stderr, "sekishoctl: %s: %s\n", text, error.text);
		return false;
	}
	*ret_seconds = value.number;
	return true;
}

/* Columns that the text takes on a terminal; its bytes where the locale cannot say. */
static int text_width(const char *text)
{
	wchar_t wide[64];
	size_t n = mbstowcs(wide, text, SK_ARRAY_SIZE(wide));
	int width = n < SK_ARRAY_SIZE(wide) ? wcswidth(wide, n) : -1;

	return width >= 0 ? width : (int)strlen(text);
}

void ctl_print_field(const char *title, const char *value)
{
	int padding = 14 - text_width(title);

	printf("%s%*s%s\n", title, padding > 1 ? padding : 1, "", value);
}

void ctl_print_time(const char *title, json_int_t seconds)
{
	time_t when = (time_t)seconds;
	char text[64];
	struct tm tm;

	localtime_r(&when, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm);
	ctl_print_field(title, text);
}

int ctl_show_code(int r, const char *answer, const char *good)
{
	if (r != CTL_OK)
		return r;
	ctl_print_reason(answer);
	putchar('\n');
	return sk_str_eq(answer, good) ? CTL_OK : CTL_NO;
}
