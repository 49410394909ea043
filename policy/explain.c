/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "policy/rule.h"

static void write_values(const SkPolicyValues *values, FILE *out)
{
	fputs(values->count ? "" : "none", out);
	for (size_t i = 0; i < values->count; i++) {
		fputs(i ? " " : "", out);
		sk_text_write(&values->items[i], out);
	}
}

/* What the device or the moment has where the rule asks for something else. */
static void write_fact(const SkConstraint *constraint, const SkPolicyDevice *device,
	const SkPolicyContext *context, FILE *out)
{
	static const char *const truths[] = {"unknown", "no", "yes"};
	char quote[SK_QUOTE_SIZE];

	switch (constraint->kind) {
	case SK_CONSTRAINT_INTERFACE:
		fputs(device->n_interfaces ? "" : "none", out);
		for (size_t i = 0; i < device->n_interfaces; i++) {
			fputs(i ? " " : "", out);
			sk_interface_write(&device->interfaces[i], out);
		}
		break;
	case SK_CONSTRAINT_BUS:
		fputs(sk_bus_names[device->bus], out);
		break;
	case SK_CONSTRAINT_REGISTERED:
		fputs(truths[device->registered], out);
		break;
	case SK_CONSTRAINT_APPROVED:
		fputs(truths[device->approved], out);
		break;
	case SK_CONSTRAINT_SCREEN_LOCKED:
		fputs(truths[context->screen_locked], out);
		break;
	case SK_CONSTRAINT_USER:
		fputs(context->user ? sk_policy_quote(quote, context->user, strlen(context->user))
				    : "nobody is signed in",
			out);
		break;
	case SK_CONSTRAINT_GROUP:
		fputs(context->user ? "the groups of the user" : "nobody is signed in", out);
		break;
	case SK_CONSTRAINT_CONDITIONS:
		fputs("does not hold now", out);
		break;
	case SK_CONSTRAINT_TIME:
		fprintf(out, "it is %02u:%02u", context->now.day_second / 3600,
			context->now.day_second / 60 % 60);
		break;
	default:
		write_values(&device->text[constraint->kind], out);
		break;
	}
}

static void write_misfit(const SkConstraint *failed, SkMatch match, const SkPolicyDevice *device,
	const SkPolicyContext *context, FILE *out)
{
	fputs(match == SK_MATCH_MAYBE ? "depends on the medium: asks " : "does not apply: asks ", out);
	sk_constraint_write(failed, out);
	fputs(", found: ", out);
	write_fact(failed, device, context, out);
	fputc('\n', out);
}

int sk_policy_explain(const SkPolicySnapshot *snapshot, const SkPolicyDevice *device,
	const SkPolicyContext *context, FILE *out)
{
	char quote[SK_QUOTE_SIZE];
	bool decided = false;

	for (size_t i = 0; i < snapshot->n_rules && !decided; i++) {
		const SkRule *rule = &snapshot->rules[i];
		const SkConstraint *failed = NULL;
		SkMatchArguments arguments = {device, context, i, SK_POLICY_FOREVER};
		SkMatch match = sk_rule_match(rule, &arguments, &failed);

		fprintf(out,
			"%s:%u: %s %s: ", sk_policy_quote(quote, rule->file->name, strlen(rule->file->name)),
			rule->line, rule->id, sk_policy_target_name(rule->target));
		decided =
			match == SK_MATCH_YES || (match == SK_MATCH_MAYBE && rule->target == SK_POLICY_ALLOW);
		if (match == SK_MATCH_YES)
			fputs("applies and decides\n", out);
		else
			write_misfit(failed, match, device, context, out);
	}
	if (!decided)
		fputs("no rule applies: block\n", out);
	return ferror(out) ? -EIO : 0;
}
