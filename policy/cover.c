/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "policy/rule.h"

#define MULTIPLIER UINT64_C(0xFF51AFD7ED558CCD)

static uint64_t digest_bytes(uint64_t digest, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		digest = (digest ^ bytes[i]) * MULTIPLIER;
	return digest ^ digest >> 32;
}

static bool is_text(uint8_t kind)
{
	return kind < SK_POLICY_ATTRIBUTE_COUNT_;
}

uint64_t sk_rule_digest(const SkRule *rule)
{
	uint64_t digest = rule->n_constraints;

	for (uint32_t i = 0; i < rule->n_constraints; i++) {
		const SkConstraint *c = &rule->constraints[i];
		uint32_t head[] = {c->kind, c->op, c->count, c->value};

		digest = digest_bytes(digest, head, sizeof(head));
		for (uint32_t k = 0; k < c->count; k++) {
			if (is_text(c->kind))
				digest = digest_bytes(digest, c->texts[k].data, c->texts[k].size);
			else if (c->kind == SK_CONSTRAINT_INTERFACE)
				digest = digest_bytes(digest, &c->interfaces[k], sizeof(c->interfaces[k]));
		}
	}
	return digest;
}

static bool text_equal(const SkPolicyText *a, const SkPolicyText *b)
{
	return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static bool same_items(const SkConstraint *a, const SkConstraint *b)
{
	for (uint32_t i = 0; i < a->count; i++) {
		bool same = false;

		if (is_text(a->kind) || a->kind == SK_CONSTRAINT_USER || a->kind == SK_CONSTRAINT_GROUP)
			same = text_equal(&a->texts[i], &b->texts[i]);
		else if (a->kind == SK_CONSTRAINT_INTERFACE)
			same = memcmp(&a->interfaces[i], &b->interfaces[i], sizeof(*a->interfaces)) == 0;
		else if (a->kind == SK_CONSTRAINT_TIME)
			same = a->windows[i].days == b->windows[i].days &&
			       a->windows[i].begin == b->windows[i].begin &&
			       a->windows[i].end == b->windows[i].end;
		if (!same)
			return false;
	}
	return true;
}

static bool same_constraint(const SkConstraint *a, const SkConstraint *b)
{
	return a->kind == b->kind && a->op == b->op && a->count == b->count && a->value == b->value &&
	       same_items(a, b);
}

bool sk_rule_same_question(const SkRule *a, const SkRule *b)
{
	if (a->n_constraints != b->n_constraints)
		return false;
	for (uint32_t i = 0; i < a->n_constraints; i++)
		if (!same_constraint(&a->constraints[i], &b->constraints[i]))
			return false;
	return true;
}

static bool item_covers(const SkConstraint *a, uint32_t i, const SkConstraint *b, uint32_t k)
{
	const SkPolicyInterface *of_a, *of_b;

	if (a->kind == SK_POLICY_ID)
		return sk_policy_id_covers(&a->texts[i], &b->texts[k]);
	if (is_text(a->kind))
		return text_equal(&a->texts[i], &b->texts[k]);
	of_a = &a->interfaces[i];
	of_b = &b->interfaces[k];
	/* what b leaves open, a must leave open as well */
	return (of_a->any & of_b->any) == of_b->any && sk_policy_interface_covers(of_a, of_b);
}

static bool some_covers(const SkConstraint *a, const SkConstraint *b, uint32_t k)
{
	for (uint32_t i = 0; i < a->count; i++)
		if (item_covers(a, i, b, k))
			return true;
	return false;
}

static bool insists_on_all(const SkConstraint *constraint)
{
	return constraint->op == SK_SET_EQUALS || constraint->op == SK_SET_ALL_OF ||
	       constraint->op == SK_SET_EQUALS_ORDERED;
}

/* Whatever has a value of b has one of a. */
static bool one_of_covers(const SkConstraint *a, const SkConstraint *b)
{
	bool any = insists_on_all(b), all = true;

	if (!any && b->op != SK_SET_ONE_OF)
		return false;
	for (uint32_t k = 0; k < b->count; k++) {
		bool covered = some_covers(a, b, k);

		if (any && covered)
			return true;
		all &= covered;
	}
	return !any && all;
}

static bool constraint_covers(const SkConstraint *a, const SkConstraint *b)
{
	if (same_constraint(a, b))
		return true;
	if (a->kind != b->kind || a->kind > SK_CONSTRAINT_INTERFACE)
		return false;
	if (a->op == SK_SET_ONE_OF)
		return one_of_covers(a, b);
	if (a->op == SK_SET_ALL_OF && a->count == 1)
		return one_of_covers(a, b);
	if (insists_on_all(a) && a->count == 1 && insists_on_all(b) && b->op != SK_SET_ALL_OF &&
		b->count == 1)
		return item_covers(a, 0, b, 0);
	return false;
}

bool sk_rule_covers(const SkRule *a, const SkRule *b)
{
	for (uint32_t i = 0; i < a->n_constraints; i++) {
		bool covered = false;

		for (uint32_t k = 0; k < b->n_constraints && !covered; k++)
			covered = a->constraints[i].kind != SK_CONSTRAINT_CONDITIONS &&
				  constraint_covers(&a->constraints[i], &b->constraints[k]);
		if (!covered)
			return false;
	}
	return true;
}
