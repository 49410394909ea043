/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "policy/rule.h"

/* Whom to tell what: every function here writes to the same person. */
typedef struct Listener {
	SkTranslate translate;
	FILE *out;
} Listener;

static void tell(const Listener *to, const char *english)
{
	fputs(sk_translate(to->translate, english), to->out);
}

static void write_values(const SkPolicyValues *values, const Listener *to)
{
	FILE *out = to->out;

	if (!values->count)
		tell(to, N_("none"));
	for (size_t i = 0; i < values->count; i++) {
		fputs(i ? " " : "", out);
		sk_text_write(&values->items[i], out);
	}
}

/* What the device or the moment has where the rule asks for something else. */
static void write_fact(const SkConstraint *constraint, const SkPolicyDevice *device,
	const SkPolicyContext *context, const Listener *to)
{
	static const char *const truths[] = {N_("unknown"), N_("no"), N_("yes")};
	char quote[SK_QUOTE_SIZE];
	FILE *out = to->out;

	switch (constraint->kind) {
	case SK_CONSTRAINT_INTERFACE:
		if (!device->n_interfaces)
			tell(to, N_("none"));
		for (size_t i = 0; i < device->n_interfaces; i++) {
			fputs(i ? " " : "", out);
			sk_interface_write(&device->interfaces[i], out);
		}
		break;
	case SK_CONSTRAINT_BUS:
		fputs(sk_bus_names[device->bus], out);
		break;
	case SK_CONSTRAINT_REGISTERED:
		tell(to, truths[device->registered]);
		break;
	case SK_CONSTRAINT_APPROVED:
		tell(to, truths[device->approved]);
		break;
	case SK_CONSTRAINT_SCREEN_LOCKED:
		tell(to, truths[context->screen_locked]);
		break;
	case SK_CONSTRAINT_USER:
		if (context->user)
			fputs(sk_policy_quote(quote, context->user, strlen(context->user)), out);
		else
			tell(to, N_("nobody is signed in"));
		break;
	case SK_CONSTRAINT_GROUP:
		tell(to, context->user ? N_("the groups of the user") : N_("nobody is signed in"));
		break;
	case SK_CONSTRAINT_CONDITIONS:
		tell(to, N_("does not hold now"));
		break;
	case SK_CONSTRAINT_TIME:
		fprintf(out, sk_translate(to->translate, N_("it is %02u:%02u")),
			context->now.day_second / 3600, context->now.day_second / 60 % 60);
		break;
	default:
		write_values(&device->text[constraint->kind], to);
		break;
	}
}

static void write_misfit(const SkConstraint *failed, SkMatch match, const SkPolicyDevice *device,
	const SkPolicyContext *context, const Listener *to)
{
	tell(to, match == SK_MATCH_MAYBE ? N_("depends on the medium: asks ") : N_("does not apply: asks "));
	sk_constraint_write(failed, to->out);
	tell(to, N_(", found: "));
	write_fact(failed, device, context, to);
	fputc('\n', to->out);
}

int sk_policy_explain(const SkPolicySnapshot *snapshot, const SkPolicyDevice *device,
	const SkPolicyContext *context, SkTranslate translate, FILE *out)
{
	const Listener to = {translate, out};
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
			tell(&to, N_("applies and decides\n"));
		else
			write_misfit(failed, match, device, context, &to);
	}
	if (!decided)
		tell(&to, N_("no rule applies: block\n"));
	return ferror(out) ? -EIO : 0;
}
