/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/ctl/carry.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"

#define NAME "org.sekisho.Agent1"
#define PATH "/org/sekisho/Agent1"
/* A format of a slow stick, and Argon2 on a slow PC, four times. */
#define CALL_USEC (1800 * 1000000ULL)

typedef struct Calling {
	CtlOutcome *outcome;
	int status;
	bool done;
} Calling;

static int on_progress(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	static const struct {
		const char *step, *text;
	} steps[] = {{"keys", N_("making its keys, and trying them")},
		{"wipe", N_("taking away what was on it")}, {"files", N_("making its file system")},
		{"header", N_("writing its header, and reading it back")}};
	const char *volume, *step;

	if (sd_bus_message_read(message, "ss", &volume, &step) < 0)
		return 0;
	for (size_t i = 0; i < SK_ARRAY_SIZE(steps); i++)
		if (sk_str_eq(steps[i].step, step))
			fprintf(stderr, "[%zu/%zu] %s: %s ...\n", i + 1, SK_ARRAY_SIZE(steps), volume,
				_(steps[i].text));
	return 0;
}

static int on_answer(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	Calling *calling = userdata;
	const char *code, *detail;

	calling->done = true;
	if (sd_bus_message_is_method_error(message, NULL)) {
		calling->status = ctl_agent_explain_error(
			sd_bus_message_get_error(message), -sd_bus_message_get_errno(message));
	} else if (sd_bus_message_read(message, "ss", &code, &detail) < 0) {
		calling->status = CTL_ERROR;
	} else {
		calling->status = CTL_OK;
		sk_str_copy(calling->outcome->code, sizeof(calling->outcome->code), code);
		sk_str_copy(calling->outcome->detail, sizeof(calling->outcome->detail), detail);
	}
	return 0;
}

static int wait_for(sd_bus *bus, Calling *calling)
{
	while (!calling->done) {
		int r = sd_bus_process(bus, NULL);

		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
		if (r < 0) {
			fprintf(stderr, _("sekishoctl: the agent did not answer: %s\n"), strerror(-r));
			return CTL_ERROR;
		}
	}
	return calling->status;
}

int ctl_carry_call(CtlOutcome *ret_outcome, const char *method, const char *types, ...)
{
	Calling calling = {.outcome = ret_outcome};
	sd_bus_message *message = NULL;
	sd_bus *bus = NULL;
	int status = ctl_agent_open(&bus), r;
	va_list arguments;

	if (status != CTL_OK)
		return status;
	va_start(arguments, types);
	r = sd_bus_match_signal(bus, NULL, NAME, PATH, NAME, "Progress", on_progress, NULL);
	if (r >= 0)
		r = sd_bus_message_new_method_call(bus, &message, NAME, PATH, NAME, method);
	if (r >= 0)
		r = sd_bus_message_appendv(message, types, arguments);
	va_end(arguments);
	if (r >= 0)
		r = sd_bus_message_set_allow_interactive_authorization(message, 1);
	if (r >= 0)
		r = sd_bus_call_async(bus, NULL, message, on_answer, &calling, CALL_USEC);
	sd_bus_message_unref(message);
	if (r < 0)
		fprintf(stderr, _("sekishoctl: the agent did not answer: %s\n"), strerror(-r));
	status = r < 0 ? CTL_ERROR : wait_for(bus, &calling);
	sd_bus_flush_close_unref(bus);
	return status;
}

void ctl_carry_print_disk(const char *disk)
{
	json_t *list = NULL, *medium;
	size_t i;

	if (ctl_agent_get("ListMedia", &list) != CTL_OK)
		return;
	json_array_foreach (list, i, medium)
		if (sk_str_eq(ctl_json_text(medium, "disk"), disk))
			printf(_("%-8s %-8s label \"%s\", %lld MB\n"), ctl_json_text(medium, "volume"),
				ctl_json_text(medium, "filesystem"), ctl_json_text(medium, "label"),
				(long long)json_integer_value(json_object_get(medium, "size")) / 1000000);
	json_decref(list);
}
