/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "policy/parse.h"

void sk_policy_description_free(SkPolicyDescription *description)
{
	if (!description)
		return;
	sk_arena_free(&description->arena);
	free(description);
}

const SkPolicyDevice *sk_policy_description_device(const SkPolicyDescription *description)
{
	return &description->device;
}

/* Set operators and conditions are taken and mean nothing, as in USBGuard's own device rules. */
static bool take(SkParser *parser, const SkConstraint *constraint, SkPolicyDevice *device)
{
	if (constraint->kind < SK_POLICY_ATTRIBUTE_COUNT_) {
		device->text[constraint->kind] = (SkPolicyValues){constraint->texts, constraint->count};
	} else if (constraint->kind == SK_CONSTRAINT_INTERFACE) {
		device->interfaces = constraint->interfaces;
		device->n_interfaces = constraint->count;
	} else if (constraint->kind == SK_CONSTRAINT_BUS) {
		device->bus = (SkPolicyBus)__builtin_ctz(constraint->value);
		if (constraint->op != SK_SET_ONE_OF || constraint->value != 1u << device->bus)
			return sk_parse_fail(parser, parser->start, N_("a device is on one bus"));
	} else if (constraint->kind == SK_CONSTRAINT_REGISTERED) {
		device->registered = (SkPolicyTruth)constraint->value;
	} else if (constraint->kind == SK_CONSTRAINT_APPROVED) {
		device->approved = (SkPolicyTruth)constraint->value;
	} else if (constraint->kind != SK_CONSTRAINT_CONDITIONS) {
		return sk_parse_fail(parser, parser->start, N_("'%s' describes no device"),
			sk_constraint_names[constraint->kind]);
	}
	return true;
}

static bool parse_description(SkParser *parser, SkPolicyDevice *device)
{
	SkPolicyTarget target;
	SkRule rule = {0};

	sk_parse_blanks(parser);
	while (parser->end > parser->at && (sk_parse_is_blank(parser->end[-1]) || parser->end[-1] == '\r'))
		parser->end--;
	if (parser->at == parser->end)
		return true;
	/* attributes want a blank before them; the caller kept room for one before the text */
	if (!sk_parse_target(parser, &target))
		parser->at--;
	if (!sk_parse_attributes(parser, &rule))
		return false;
	if (parser->has_effects)
		return sk_parse_fail(parser, parser->start, N_("this belongs to a rule, not to a device"));
	for (uint32_t i = 0; i < rule.n_constraints; i++)
		if (!take(parser, &rule.constraints[i], device))
			return false;
	return true;
}

int sk_policy_describe(const char *text, size_t size, SkPolicySource source, const SkPolicyReport *report,
	SkPolicyDescription **ret_description)
{
	own_policy_description SkPolicyDescription *description = calloc(1, sizeof(*description));
	SkParser parser = {.report = report, .name = source.name, .line = source.line};
	char *copy;
	bool ok;

	if (!description || size > SIZE_MAX / 2)
		return -ENOMEM;
	parser.arena = &description->arena;
	copy = sk_arena_alloc(&description->arena, size + 1);
	if (!copy)
		return -ENOMEM;
	copy[0] = ' ';
	memcpy(copy + 1, text, size);
	parser.start = parser.at = copy + 1;
	parser.end = copy + 1 + size;
	/* a device on the USB is what descriptions are about unless they say otherwise */
	description->device.bus = SK_POLICY_BUS_USB;
	ok = parse_description(&parser, &description->device);
	sk_parser_free(&parser);
	if (parser.no_memory)
		return -ENOMEM;
	if (!ok)
		return -EINVAL;
	*ret_description = own_take(description);
	return 0;
}
