/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the first rule that applies without asking all of them.
 *
 * Each rule is filed under the rarest value it insists on (a hash, a serial number, an id, an interface ...);
 * where many rules share that value they are divided again by another one. Rules that insist on nothing are
 * asked always. A device is looked up under each of its own values, and of what applies the rule with the
 * lowest number wins, so the order of the file decides as if all had been asked in turn.
 *
 * The tables are open-addressed arrays and not uthash: they never change, and a miss must cost one cache
 * line.
 */
#include "policy/index.h"

#include <string.h>

#include "lib/base/own.h"

typedef struct Search {
	const SkIndex *index;
	const SkKeys *keys;
	SkMatchArguments arguments;
	size_t best, first_pending;
	SkMatch match;
} Search;

/* Return: true when the search of this list is over. */
static bool ask(Search *search, uint32_t number)
{
	const SkRule *rule = &search->index->rules[number];
	SkMatch match;

	if (number >= search->best)
		return true;
	search->arguments.rule_number = number;
	match = sk_rule_match(rule, &search->arguments, NULL);
	if (match == SK_MATCH_NO)
		return false;
	if (match == SK_MATCH_MAYBE && rule->target != SK_POLICY_ALLOW) {
		/* refusing on a mere possibility would keep the medium from ever being read */
		if (number < search->first_pending)
			search->first_pending = number;
		return false;
	}
	search->best = number;
	search->match = match;
	return true;
}

static void search_node(Search *search, uint32_t number)
{
	const SkIndexNode *node = &search->index->nodes[number];

	for (uint32_t i = 0; i < node->n_rules; i++)
		if (ask(search, node->rules[i]))
			break;
	for (unsigned dimension = 0; node->tables && dimension < SK_DIMENSION_COUNT_; dimension++) {
		const SkIndexTable *table = &node->tables[dimension];

		if (!table->slots)
			continue;
		for (uint32_t k = search->keys->begin[dimension]; k < search->keys->begin[dimension + 1];
			k++) {
			const SkIndexSlot *slot = sk_index_slot(table, search->keys->keys[k]);

			if (slot->kind == SK_SLOT_RULE)
				ask(search, slot->value);
			else if (slot->kind == SK_SLOT_NODE &&
				 search->index->nodes[slot->value].first < search->best)
				search_node(search, slot->value);
		}
	}
}

void sk_index_find(const SkIndex *index, const SkPolicyDevice *device, const SkPolicyContext *context,
	SkFound *ret_found)
{
	/* every key that is read has been written; clearing all of them costs more than the search */
	__attribute__((uninitialized)) SkKeys keys;
	Search search = {
		.index = index,
		.keys = &keys,
		.arguments = {device, context, 0, SK_POLICY_FOREVER},
		.best = SK_POLICY_NO_RULE,
		.first_pending = SK_POLICY_NO_RULE,
	};

	if (sk_keys_of_device(device, index->dimensions, &keys)) {
		search_node(&search, 0);
	} else {
		for (uint32_t number = 0; number < index->n_rules; number++)
			if (ask(&search, number))
				break;
	}
	*ret_found = (SkFound){
		.rule = search.best,
		.match = search.match,
		.pending = search.match == SK_MATCH_MAYBE || search.first_pending < search.best,
		.valid_for_sec = search.arguments.valid_for_sec,
	};
}
