/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/explain.h"

#include <errno.h>
#include <stdio.h>

#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/rules.h"
#include "lib/base/own.h"
#include "lib/reason/reason.h"

static void write_outcome(FILE *out, const Device *device)
{
	SkReason code = device->fault ? device->fault : device->decision.code;
	const SkReasonText *text = sk_reason_find(code);
	char number[SK_REASON_CODE_SIZE];

	sk_reason_format_code(number, code);
	fprintf(out, "%s %s\n", number, text ? text->en_what : "");
	if (device->decision.would) {
		sk_reason_format_code(number, device->decision.would);
		text = sk_reason_find(device->decision.would);
		fprintf(out, "enforcing: %s %s\n", number, text ? text->en_what : "");
	}
}

int explain(Core *core, const char *sysname, char **ret_text)
{
	const Device *device = devices_find(core, sysname);
	own_free char *text = NULL;
	size_t size;
	PolicyFacts policy;
	FILE *out;
	int r = 0;

	if (!device || !device->decided)
		return -ENOENT;
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	write_outcome(out, device);
	if (device->facts->state == SK_USB_FACTS_OK && !device->root_hub) {
		policy_facts_init(&policy, device, devices_parent_hash(core, device));
		r = rules_explain(core, &policy.device, out);
	}
	if (fclose(out) != 0 || r < 0)
		return r < 0 ? r : -ENOMEM;
	*ret_text = own_take(text);
	return 0;
}
