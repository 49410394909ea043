/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The compiled index: built once by index_build.c, read by index.c. Private to this folder.
 */
#include "policy/rule.h"

enum {
	SK_SLOT_EMPTY,
	SK_SLOT_RULE,
	SK_SLOT_NODE,
};

typedef struct SkIndexSlot {
	uint64_t key;
	uint32_t value; /* number of the rule or of the node */
	uint32_t kind;
} SkIndexSlot;

typedef struct SkIndexTable {
	SkIndexSlot
		*slots; /* mask + 1 of them, at most half used; NULL: nothing is filed by this dimension */
	uint64_t mask;
} SkIndexTable;

typedef struct SkIndexNode {
	const uint32_t *rules; /* ascending; asked always */
	uint32_t n_rules;
	uint32_t first;	      /* lowest number of a rule below this node */
	SkIndexTable *tables; /* SK_DIMENSION_COUNT_ of them, or NULL */
} SkIndexNode;

struct SkIndex {
	SkArena arena;
	const SkRule *rules;
	size_t n_rules;
	SkIndexNode *nodes; /* the first is the root */
	uint32_t n_nodes, nodes_size;
	uint32_t dimensions; /* bits of those that any node uses */
};

/* Return: the slot of this key, or the empty slot where it belongs. */
static inline SkIndexSlot *sk_index_slot(const SkIndexTable *table, uint64_t key)
{
	uint64_t at = key & table->mask;

	while (table->slots[at].kind != SK_SLOT_EMPTY && table->slots[at].key != key)
		at = (at + 1) & table->mask;
	return &table->slots[at];
}
