/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "lib/base/own.h"
#include "policy/index.h"

/* Asking a few rules is cheaper than looking for the right one. */
#define LEAF_RULES_MAX 4
/* A rule with one-of is filed under each value; longer sets than this are asked always. */
#define ONE_OF_MAX 64

/* Where one rule is filed. */
typedef struct Place {
	uint64_t key;
	uint32_t dimension;
	uint32_t rule;
} Place;

typedef struct Places {
	Place *items;
	size_t n, size;
} Places;

typedef struct Rules {
	uint32_t *items;
	size_t n, size;
} Rules;

/* How many rules insist on a value. */
typedef struct Census {
	SkIndexTable table; /* value: the count */
} Census;

static bool grow(void **items, size_t item_size, size_t n, size_t *size)
{
	size_t larger = *size ? 2 * *size : 64;
	void *grown;

	if (n < *size)
		return true;
	grown = reallocarray(*items, larger, item_size);
	if (!grown)
		return false;
	*items = grown;
	*size = larger;
	return true;
}

static bool add_rule(Rules *rules, uint32_t rule)
{
	void *items = rules->items;
	bool ok = grow(&items, sizeof(*rules->items), rules->n, &rules->size);

	rules->items = items;
	if (ok)
		rules->items[rules->n++] = rule;
	return ok;
}

static bool add_place(Places *places, Place place)
{
	void *items = places->items;
	bool ok = grow(&items, sizeof(*places->items), places->n, &places->size);

	places->items = items;
	if (ok)
		places->items[places->n++] = place;
	return ok;
}

static int compare_places(const void *left, const void *right)
{
	const Place *a = left, *b = right;

	if (a->dimension != b->dimension)
		return a->dimension < b->dimension ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static SkIndexSlot *make_slots(size_t n, uint64_t *ret_mask)
{
	size_t size = 2;

	while (size < 2 * n)
		size *= 2;
	*ret_mask = size - 1;
	return calloc(size, sizeof(SkIndexSlot));
}

static uint32_t usable_keys(const SkConstraint *constraint, uint32_t used)
{
	uint32_t count = sk_constraint_keys(constraint);

	return constraint->kind < SK_DIMENSION_COUNT_ && !(used & 1u << constraint->kind) &&
			       count <= ONE_OF_MAX
		       ? count
		       : 0;
}

static bool take_census(const SkIndex *index, const Rules *rules, uint32_t used, Census *census)
{
	size_t n = 0;

	for (size_t i = 0; i < rules->n; i++) {
		const SkRule *rule = &index->rules[rules->items[i]];

		for (uint32_t c = 0; c < rule->n_constraints; c++)
			n += usable_keys(&rule->constraints[c], used);
	}
	census->table.slots = make_slots(n, &census->table.mask);
	if (!census->table.slots)
		return false;
	for (size_t i = 0; i < rules->n; i++) {
		const SkRule *rule = &index->rules[rules->items[i]];

		for (uint32_t c = 0; c < rule->n_constraints; c++) {
			uint32_t count = usable_keys(&rule->constraints[c], used);

			for (uint32_t k = 0; k < count; k++) {
				uint64_t key = sk_constraint_key(&rule->constraints[c], k);
				SkIndexSlot *slot = sk_index_slot(&census->table, key);

				slot->key = key;
				slot->kind = SK_SLOT_RULE;
				slot->value++;
			}
		}
	}
	return true;
}

/* The most telling attributes first, for equally rare values: then few tables have to be looked into. */
static const uint8_t rank[SK_DIMENSION_COUNT_] = {
	[SK_POLICY_HASH] = 0,
	[SK_POLICY_SERIAL] = 1,
	[SK_POLICY_ID] = 2,
	[SK_POLICY_NAME] = 3,
	[SK_POLICY_PARENT_HASH] = 4,
	[SK_POLICY_VIA_PORT] = 5,
	[SK_DIMENSION_INTERFACE] = 6,
	[SK_POLICY_WITH_CONNECT_TYPE] = 7,
};

/* The constraint by whose values the rule is filed, or NULL. */
static const SkConstraint *choose(const SkRule *rule, const Census *census, uint32_t used)
{
	const SkConstraint *best = NULL;
	uint64_t best_cost = UINT64_MAX;

	for (uint32_t c = 0; c < rule->n_constraints; c++) {
		const SkConstraint *constraint = &rule->constraints[c];
		uint32_t count = usable_keys(constraint, used);
		uint64_t cost = 0;

		for (uint32_t k = 0; k < count; k++)
			cost += sk_index_slot(&census->table, sk_constraint_key(constraint, k))->value;
		if (!count)
			continue;
		cost = cost << 8 | rank[constraint->kind];
		if (cost < best_cost) {
			best_cost = cost;
			best = constraint;
		}
	}
	return best;
}

static bool file_rules(const SkIndex *index, const Rules *rules, uint32_t used, Places *places, Rules *always)
{
	Census census = {{0}};
	bool ok = take_census(index, rules, used, &census);

	for (size_t i = 0; i < rules->n && ok; i++) {
		uint32_t number = rules->items[i];
		const SkConstraint *by = choose(&index->rules[number], &census, used);
		uint32_t count = by ? sk_constraint_keys(by) : 0;

		if (!by)
			ok = add_rule(always, number);
		for (uint32_t k = 0; k < count && ok; k++)
			ok = add_place(places, (Place){sk_constraint_key(by, k), by->kind, number});
	}
	free(census.table.slots);
	return ok;
}

static bool build_node(SkIndex *index, const Rules *rules, uint32_t used, uint32_t *ret_node);

/* One key: all places from..to are of one dimension and key. */
static bool build_slot(
	SkIndex *index, const Places *places, const size_t range[2], uint32_t used, SkIndexSlot *ret_slot)
{
	Rules rules = {0};
	const Place *first = &places->items[range[0]];
	bool ok = true;

	for (size_t i = range[0]; i < range[1] && ok; i++)
		if (!rules.n || rules.items[rules.n - 1] != places->items[i].rule)
			ok = add_rule(&rules, places->items[i].rule);
	*ret_slot = (SkIndexSlot){.key = first->key, .value = first->rule, .kind = SK_SLOT_RULE};
	if (ok && rules.n > 1) {
		ret_slot->kind = SK_SLOT_NODE;
		ok = build_node(index, &rules, used | 1u << first->dimension, &ret_slot->value);
	}
	free(rules.items);
	return ok;
}

static size_t end_of_key(const Places *places, size_t from)
{
	size_t to = from + 1;

	while (to < places->n && places->items[to].dimension == places->items[from].dimension &&
		places->items[to].key == places->items[from].key)
		to++;
	return to;
}

static bool build_table(
	SkIndex *index, const Places *places, size_t *at, uint32_t used, SkIndexTable *ret_table)
{
	uint32_t dimension = places->items[*at].dimension;
	size_t n = 0;

	for (size_t i = *at; i < places->n && places->items[i].dimension == dimension;
		i = end_of_key(places, i))
		n++;
	ret_table->slots = make_slots(n, &ret_table->mask);
	if (!ret_table->slots)
		return false;
	index->dimensions |= 1u << dimension;
	while (*at < places->n && places->items[*at].dimension == dimension) {
		size_t to = end_of_key(places, *at);
		SkIndexSlot slot;

		if (!build_slot(index, places, (size_t[]){*at, to}, used, &slot))
			return false;
		*sk_index_slot(ret_table, slot.key) = slot;
		*at = to;
	}
	return true;
}

static bool build_tables(SkIndex *index, Places *places, uint32_t used, uint32_t node)
{
	SkIndexTable *tables;

	if (!places->n)
		return true;
	qsort(places->items, places->n, sizeof(*places->items), compare_places);
	tables = sk_arena_zero(&index->arena, SK_DIMENSION_COUNT_ * sizeof(*tables));
	if (!tables)
		return false;
	index->nodes[node].tables = tables;
	for (size_t at = 0; at < places->n;)
		if (!build_table(index, places, &at, used, &tables[places->items[at].dimension]))
			return false;
	return true;
}

static bool new_node(SkIndex *index, const Rules *rules, uint32_t *ret_node)
{
	void *nodes = index->nodes;
	size_t size = index->nodes_size;
	bool ok = grow(&nodes, sizeof(*index->nodes), index->n_nodes, &size);

	index->nodes = nodes;
	index->nodes_size = (uint32_t)size;
	if (!ok)
		return false;
	*ret_node = index->n_nodes++;
	index->nodes[*ret_node] = (SkIndexNode){.first = rules->n ? rules->items[0] : UINT32_MAX};
	return true;
}

static bool build_node(SkIndex *index, const Rules *rules, uint32_t used, uint32_t *ret_node)
{
	Rules always = {0};
	Places places = {0};
	uint32_t node = 0;
	bool ok = new_node(index, rules, &node);

	if (ok && rules->n > LEAF_RULES_MAX)
		ok = file_rules(index, rules, used, &places, &always);
	else
		for (size_t i = 0; i < rules->n && ok; i++)
			ok = add_rule(&always, rules->items[i]);
	ok = ok && build_tables(index, &places, used, node);
	if (ok) {
		/* the array of nodes may have moved while the tables were made */
		index->nodes[node].n_rules = (uint32_t)always.n;
		index->nodes[node].rules =
			sk_arena_copy(&index->arena, always.items, always.n * sizeof(*always.items));
		ok = index->nodes[node].rules != NULL;
	}
	free(always.items);
	free(places.items);
	*ret_node = node;
	return ok;
}

/* The rules that can decide: nothing behind one that takes every device, no question that was asked before.
 */
static bool collect(const SkIndex *index, Rules *rules)
{
	SkIndexTable seen = {0};
	bool ok;

	seen.slots = make_slots(index->n_rules, &seen.mask);
	ok = seen.slots != NULL;
	for (uint32_t i = 0; i < index->n_rules && ok; i++) {
		const SkRule *rule = &index->rules[i];
		SkIndexSlot *slot;

		if (!rule->dynamic) {
			uint64_t digest = sk_rule_digest(rule);

			slot = sk_index_slot(&seen, digest);
			if (slot->kind && sk_rule_same_question(&index->rules[slot->value], rule))
				continue;
			*slot = (SkIndexSlot){digest, i, SK_SLOT_RULE};
		}
		ok = add_rule(rules, i);
		if (!rule->n_constraints)
			break;
	}
	free(seen.slots);
	return ok;
}

SkIndex *sk_index_build(const SkRule *rules, size_t n_rules)
{
	SkIndex *index = calloc(1, sizeof(*index));
	Rules deciding = {0};
	uint32_t root;
	bool ok;

	if (!index)
		return NULL;
	index->rules = rules;
	index->n_rules = n_rules;
	ok = collect(index, &deciding) && build_node(index, &deciding, 0, &root);
	free(deciding.items);
	if (ok)
		return index;
	sk_index_free(index);
	return NULL;
}

void sk_index_free(SkIndex *index)
{
	if (!index)
		return;
	for (uint32_t i = 0; i < index->n_nodes; i++)
		for (unsigned dimension = 0; index->nodes[i].tables && dimension < SK_DIMENSION_COUNT_;
			dimension++)
			free(index->nodes[i].tables[dimension].slots);
	free(index->nodes);
	sk_arena_free(&index->arena);
	free(index);
}
