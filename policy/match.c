/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "lib/base/str.h"
#include "policy/rule.h"

/* How one kind of value is compared: does the value of the rule cover that of the device? */
typedef bool (*Covers)(const void *of_rule, const void *of_device);

typedef struct Set {
	const char *items;
	size_t count;
} Set;

typedef struct Kind {
	size_t size;
	Covers covers;
	Covers covers_match_all; /* match-all asks the other way round, and USBGuard differently */
} Kind;

static bool text_equal(const void *of_rule, const void *of_device)
{
	const SkPolicyText *a = of_rule, *b = of_device;

	return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static size_t vendor_size(const SkPolicyText *id)
{
	const char *colon = id->size ? memchr(id->data, ':', id->size) : NULL;

	return colon ? (size_t)(colon - id->data) : id->size;
}

static bool is_any(const char *text, size_t size)
{
	return size == 0 || (size == 1 && *text == '*');
}

bool sk_policy_id_covers(const SkPolicyText *pattern, const SkPolicyText *id)
{
	size_t vendor = vendor_size(pattern);

	if (is_any(pattern->data, vendor))
		return true;
	if (vendor_size(id) != vendor || memcmp(pattern->data, id->data, vendor) != 0)
		return false;
	if (vendor == pattern->size || is_any(pattern->data + vendor + 1, pattern->size - vendor - 1))
		return true;
	return text_equal(pattern, id);
}

static bool id_covers(const void *of_rule, const void *of_device)
{
	return sk_policy_id_covers(of_rule, of_device);
}

/* The id of the device must cover that of the rule: a wildcard in the rule helps nothing here. */
static bool id_is_covered(const void *of_rule, const void *of_device)
{
	return sk_policy_id_covers(of_device, of_rule);
}

/* USBGuard has no such comparison for text and takes every pair as fitting. */
static bool text_always(const void *of_rule, const void *of_device)
{
	(void)of_rule;
	(void)of_device;
	return true;
}

bool sk_policy_interface_covers(const SkPolicyInterface *pattern, const SkPolicyInterface *interface)
{
	return pattern->base_class == interface->base_class &&
	       (pattern->any & SK_POLICY_ANY_SUBCLASS || pattern->subclass == interface->subclass) &&
	       (pattern->any & SK_POLICY_ANY_PROTOCOL || pattern->protocol == interface->protocol);
}

static bool interface_covers(const void *of_rule, const void *of_device)
{
	return sk_policy_interface_covers(of_rule, of_device);
}

static const Kind text_kind = {sizeof(SkPolicyText), text_equal, text_always};
static const Kind id_kind = {sizeof(SkPolicyText), id_covers, id_is_covered};
static const Kind interface_kind = {sizeof(SkPolicyInterface), interface_covers, interface_covers};

static bool covers_some(const Kind *kind, const char *item, const Set *device)
{
	for (size_t i = 0; i < device->count; i++)
		if (kind->covers(item, device->items + i * kind->size))
			return true;
	return false;
}

static bool all_of(const Kind *kind, const Set *rule, const Set *device)
{
	for (size_t i = 0; i < rule->count; i++)
		if (!covers_some(kind, rule->items + i * kind->size, device))
			return false;
	return true;
}

static bool one_of(const Kind *kind, const Set *rule, const Set *device)
{
	for (size_t i = 0; i < rule->count; i++)
		if (covers_some(kind, rule->items + i * kind->size, device))
			return true;
	return false;
}

static bool none_of(const Kind *kind, const Set *rule, const Set *device)
{
	return !one_of(kind, rule, device);
}

static bool equals(const Kind *kind, const Set *rule, const Set *device)
{
	return rule->count == device->count && all_of(kind, rule, device);
}

static bool equals_ordered(const Kind *kind, const Set *rule, const Set *device)
{
	if (rule->count != device->count)
		return false;
	for (size_t i = 0; i < rule->count; i++)
		if (!kind->covers(rule->items + i * kind->size, device->items + i * kind->size))
			return false;
	return true;
}

static bool match_all(const Kind *kind, const Set *rule, const Set *device)
{
	for (size_t i = 0; i < device->count; i++) {
		bool found = false;

		for (size_t k = 0; k < rule->count && !found; k++)
			found = kind->covers_match_all(
				rule->items + k * kind->size, device->items + i * kind->size);
		if (!found)
			return false;
	}
	return true;
}

static bool (*const set_functions[SK_SET_COUNT_])(const Kind *, const Set *, const Set *) = {
	[SK_SET_EQUALS] = equals,
	[SK_SET_ALL_OF] = all_of,
	[SK_SET_ONE_OF] = one_of,
	[SK_SET_NONE_OF] = none_of,
	[SK_SET_EQUALS_ORDERED] = equals_ordered,
	[SK_SET_MATCH_ALL] = match_all,
};

static bool device_fits(const SkConstraint *constraint, const SkPolicyDevice *device)
{
	Set rule = {constraint->items, constraint->count}, own;
	const Kind *kind = constraint->kind == SK_POLICY_ID ? &id_kind : &text_kind;

	if (constraint->kind == SK_CONSTRAINT_BUS)
		return !!(constraint->value & 1u << device->bus) == (constraint->op == SK_SET_ONE_OF) &&
		       device->bus != SK_POLICY_BUS_UNKNOWN;
	if (constraint->kind == SK_CONSTRAINT_INTERFACE) {
		kind = &interface_kind;
		own = (Set){(const char *)device->interfaces, device->n_interfaces};
	} else {
		const SkPolicyValues *values = &device->text[constraint->kind];

		own = (Set){(const char *)values->items, values->count};
	}
	return set_functions[constraint->op](kind, &rule, &own);
}

static bool names_contain(const SkConstraint *constraint, const char *name)
{
	for (uint32_t i = 0; i < constraint->count; i++)
		if (strlen(name) == constraint->texts[i].size &&
			memcmp(name, constraint->texts[i].data, constraint->texts[i].size) == 0)
			return true;
	return false;
}

static bool in_group(const char *const *groups, const SkPolicyText *group)
{
	for (; groups && *groups; groups++)
		if (strlen(*groups) == group->size && memcmp(*groups, group->data, group->size) == 0)
			return true;
	return false;
}

static bool groups_fit(const SkConstraint *constraint, const char *const *groups)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < constraint->count; i++)
		found += in_group(groups, &constraint->texts[i]);
	if (constraint->op == SK_SET_ALL_OF)
		return found == constraint->count;
	return (found > 0) == (constraint->op == SK_SET_ONE_OF);
}

static bool conditions_hold(const SkConstraint *constraint, SkMatchArguments *arguments)
{
	uint32_t held = 0;

	/* every one is asked: each has its say in how long the answer is valid */
	for (uint32_t i = 0; i < constraint->count; i++)
		held += sk_condition_holds(&constraint->conditions[i], arguments);
	if (constraint->op == SK_SET_ONE_OF)
		return held > 0;
	if (constraint->op == SK_SET_NONE_OF)
		return held == 0;
	return held == constraint->count;
}

static SkMatch truth_fits(uint32_t wanted, SkPolicyTruth fact)
{
	if (fact == SK_POLICY_UNKNOWN)
		return SK_MATCH_MAYBE;
	return wanted == (uint32_t)fact ? SK_MATCH_YES : SK_MATCH_NO;
}

static SkMatch context_fits(const SkConstraint *constraint, SkMatchArguments *arguments)
{
	const SkPolicyContext *context = arguments->context;
	bool fits = false;

	switch (constraint->kind) {
	case SK_CONSTRAINT_REGISTERED:
		return truth_fits(constraint->value, arguments->device->registered);
	case SK_CONSTRAINT_APPROVED:
		return truth_fits(constraint->value, arguments->device->approved);
	case SK_CONSTRAINT_USER:
		fits = (context->user && names_contain(constraint, context->user)) ==
		       (constraint->op == SK_SET_ONE_OF);
		break;
	case SK_CONSTRAINT_GROUP:
		fits = groups_fit(constraint, context->groups);
		break;
	case SK_CONSTRAINT_SCREEN_LOCKED:
		/* not knowing is no answer: neither yes nor no applies */
		fits = truth_fits(constraint->value, context->screen_locked) == SK_MATCH_YES;
		break;
	case SK_CONSTRAINT_CONDITIONS:
		fits = conditions_hold(constraint, arguments);
		break;
	case SK_CONSTRAINT_TIME:
		fits = sk_windows_contain(constraint, &context->now, &arguments->valid_for_sec);
		break;
	default:
		break;
	}
	return fits ? SK_MATCH_YES : SK_MATCH_NO;
}

SkMatch sk_rule_match(const SkRule *rule, SkMatchArguments *arguments, const SkConstraint **ret_failed)
{
	SkMatch match = SK_MATCH_YES;

	for (uint32_t i = 0; i < rule->n_constraints; i++) {
		const SkConstraint *constraint = &rule->constraints[i];
		SkMatch one = SK_MATCH_YES;

		if (constraint->kind >= SK_CONSTRAINT_FIRST_DYNAMIC)
			one = context_fits(constraint, arguments);
		else if (!device_fits(constraint, arguments->device))
			one = SK_MATCH_NO;
		if (one < match && ret_failed)
			*ret_failed = constraint;
		if (one == SK_MATCH_NO)
			return SK_MATCH_NO;
		if (one < match)
			match = one;
	}
	return match;
}

bool sk_rule_match_device(const SkRule *rule, const SkPolicyDevice *device)
{
	for (uint32_t i = 0; i < rule->n_constraints; i++)
		if (rule->constraints[i].kind < SK_CONSTRAINT_FIRST_DYNAMIC &&
			!device_fits(&rule->constraints[i], device))
			return false;
	return true;
}

bool sk_policy_query_matches(const SkPolicyQuery *query, const SkPolicyDevice *device)
{
	return sk_rule_match_device(query->rule, device);
}
