/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/ctl/carry.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"

#define NAME "org.sekisho.Agent1"
#define PATH "/org/sekisho/Agent1"
/* A large medium is overwritten and read back in hours. The agent answers when it ends, however it ends. */
#define CALL_USEC (7 * 86400 * 1000000ULL)

typedef struct Calling {
	CtlOutcome *outcome;
	int status;
	bool done;
} Calling;

/* A step is told when it begins, and again as far as it has come. */
static int on_progress(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	static const struct {
		const char *step, *number, *text;
	} steps[] = {{"keys", "1/4", N_("making its keys, and trying them")},
		{"wipe", "2/4", N_("taking away what was on it")},
		{"files", "3/4", N_("making its file system")},
		{"header", "4/4", N_("writing its header, and reading it back")},
		{"destroy", "1/3", N_("destroying its keys")},
		{"overwrite", "2/3", N_("overwriting all of it")},
		{"compare", "3/3", N_("reading all of it back")}, {"burn", "1/3", N_("writing the disc")},
		{"close", "2/3", N_("closing the disc")}, {"read-back", "3/3", N_("reading the disc back")}};
	const char *volume, *step;
	uint32_t percent;

	if (sd_bus_message_read(message, "ssu", &volume, &step, &percent) < 0)
		return 0;
	for (size_t i = 0; i < SK_ARRAY_SIZE(steps); i++) {
		if (!sk_str_eq(steps[i].step, step))
			continue;
		if (percent == 0)
			fprintf(stderr, "[%s] %s: %s ...\n", steps[i].number, volume, _(steps[i].text));
		else if (isatty(STDERR_FILENO))
			fprintf(stderr, "%3u %%\r", percent);
	}
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

int ctl_carry_show(const CtlOutcome *outcome, bool json, const char *good)
{
	int r = sk_str_eq(outcome->code, good) ? CTL_OK : CTL_NO;

	if (json) {
		ctl_print_json(json_pack("{s:s, s:s}", "code", outcome->code, "detail", outcome->detail));
		return r;
	}
	ctl_print_reason(outcome->code);
	if (outcome->detail[0])
		printf(" (%s)", outcome->detail);
	putchar('\n');
	return r;
}

bool ctl_carry_repeat(const char *question, const char *name)
{
	char line[128];

	if (!isatty(STDIN_FILENO))
		return false;
	printf("%s (%s): ", question, name);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return false;
	line[strcspn(line, "\n")] = 0;
	return sk_str_eq(line, name);
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

bool ctl_carry_confirm(const char *disk)
{
	ctl_print_reason(CTL_HAS_DATA);
	printf("\n");
	ctl_carry_print_disk(disk);
	return ctl_carry_repeat(_("To lose all that is on it, repeat its name"), disk);
}
