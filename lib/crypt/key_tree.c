/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/key_tree.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define DEPTH 32
/* A node as bytes: first leaf (4, big-endian), depth (1), key (32). */
#define NODE_SIZE (4 + 1 + SK_KEY_TREE_LEAF_SIZE)

typedef struct Node {
	uint32_t first; /* the lowest leaf below it */
	uint8_t depth;
	uint8_t key[SK_KEY_TREE_LEAF_SIZE];
} Node;

/* Nodes in the order of their leaves; they never overlap, and the gaps between them are what was cut. */
struct SkKeyTree {
	size_t count;
	SkSecret *memory;
};

static Node *nodes_of(const SkKeyTree *tree)
{
	return (Node *)(void *)sk_secret_data(tree->memory);
}

static uint64_t width_of(uint8_t depth)
{
	return UINT64_C(1) << (DEPTH - depth);
}

static int tree_new(size_t count, SkKeyTree **ret_tree)
{
	own_key_tree SkKeyTree *tree = calloc(1, sizeof(*tree));
	int r;

	if (!tree)
		return -ENOMEM;
	/* Never empty, so that a tree without a leaf is one, too. A multiple of 64 keeps the nodes aligned.
	 */
	r = sk_secret_new((count + 1) * 64 * ((sizeof(Node) + 63) / 64), &tree->memory);
	if (r < 0)
		return r;
	tree->count = count;
	*ret_tree = own_take(tree);
	return 0;
}

int sk_key_tree_new(SkKeyTree **ret_tree)
{
	int r = tree_new(1, ret_tree);

	if (r < 0)
		return r;
	sk_random_fill(nodes_of(*ret_tree)[0].key, SK_KEY_TREE_LEAF_SIZE);
	return 0;
}

void sk_key_tree_free(SkKeyTree *tree)
{
	if (!tree)
		return;
	sk_secret_free(tree->memory);
	free(tree);
}

size_t sk_key_tree_nodes(const SkKeyTree *tree)
{
	return tree->count;
}

/* The node above a leaf, or NULL. */
static const Node *find(const SkKeyTree *tree, uint32_t leaf)
{
	const Node *nodes = nodes_of(tree);
	size_t low = 0, high = tree->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (nodes[middle].first <= leaf)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || leaf - nodes[low - 1].first >= width_of(nodes[low - 1].depth))
		return NULL;
	return &nodes[low - 1];
}

static unsigned bit_of(uint32_t leaf, uint8_t depth)
{
	return leaf >> (DEPTH - 1 - depth) & 1;
}

static void child(
	const uint8_t key[SK_KEY_TREE_LEAF_SIZE], unsigned side, uint8_t ret_key[SK_KEY_TREE_LEAF_SIZE])
{
	static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
	uint8_t both[2 * SK_KEY_TREE_LEAF_SIZE];

	crypto_stream_chacha20_ietf(both, sizeof(both), nonce, key);
	memcpy(ret_key, both + side * SK_KEY_TREE_LEAF_SIZE, SK_KEY_TREE_LEAF_SIZE);
	sodium_memzero(both, sizeof(both));
}

int sk_key_tree_derive(const SkKeyTree *tree, uint32_t leaf, uint8_t ret_key[SK_KEY_TREE_LEAF_SIZE])
{
	const Node *node = find(tree, leaf);

	if (!node)
		return -ENOENT;
	memcpy(ret_key, node->key, SK_KEY_TREE_LEAF_SIZE);
	for (uint8_t depth = node->depth; depth < DEPTH; depth++)
		child(ret_key, bit_of(leaf, depth), ret_key);
	return 0;
}

/* The nodes that remain of one when a leaf below it is cut, lowest first. */
static void split(const Node *node, uint32_t leaf, Node *ret_rest)
{
	uint8_t key[SK_KEY_TREE_LEAF_SIZE];
	size_t low = 0, high = (size_t)(DEPTH - node->depth);
	uint32_t first = node->first;

	memcpy(key, node->key, sizeof(key));
	for (uint8_t depth = node->depth; depth < DEPTH; depth++) {
		unsigned side = bit_of(leaf, depth);
		uint32_t half = (uint32_t)width_of((uint8_t)(depth + 1));
		Node *other = side ? &ret_rest[low++] : &ret_rest[--high];

		other->first = side ? first : first + half;
		other->depth = (uint8_t)(depth + 1);
		child(key, !side, other->key);
		child(key, side, key);
		first += side ? half : 0;
	}
	sk_secret_wipe(key, sizeof(key));
}

int sk_key_tree_cut(SkKeyTree *tree, uint32_t leaf)
{
	own_key_tree SkKeyTree *next = NULL;
	const Node *node = find(tree, leaf);
	size_t before, added;
	SkKeyTree old = *tree;
	int r;

	if (!node)
		return 0;
	before = (size_t)(node - nodes_of(tree));
	added = (size_t)(DEPTH - node->depth);
	if (tree->count + added > SK_KEY_TREE_NODES_MAX)
		return -E2BIG;
	r = tree_new(tree->count - 1 + added, &next);
	if (r < 0)
		return r;
	memcpy(nodes_of(next), nodes_of(tree), before * sizeof(Node));
	split(node, leaf, nodes_of(next) + before);
	memcpy(nodes_of(next) + before + added, node + 1, (tree->count - before - 1) * sizeof(Node));
	*tree = *next;
	*next = old;
	return 0;
}

size_t sk_key_tree_size(const SkKeyTree *tree)
{
	return tree->count * NODE_SIZE;
}

void sk_key_tree_format(const SkKeyTree *tree, uint8_t *ret_bytes)
{
	for (size_t i = 0; i < tree->count; i++) {
		const Node *node = &nodes_of(tree)[i];

		for (unsigned j = 0; j < 4; j++)
			*ret_bytes++ = (uint8_t)(node->first >> (24 - 8 * j));
		*ret_bytes++ = node->depth;
		memcpy(ret_bytes, node->key, sizeof(node->key));
		ret_bytes += sizeof(node->key);
	}
}

int sk_key_tree_parse(const uint8_t *bytes, size_t size, SkKeyTree **ret_tree)
{
	own_key_tree SkKeyTree *tree = NULL;
	uint64_t end = 0;
	int r;

	if (size % NODE_SIZE != 0 || size / NODE_SIZE > SK_KEY_TREE_NODES_MAX)
		return -EBADMSG;
	r = tree_new(size / NODE_SIZE, &tree);
	if (r < 0)
		return r;
	for (size_t i = 0; i < tree->count; i++, bytes += NODE_SIZE) {
		Node *node = &nodes_of(tree)[i];

		node->first = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
			      bytes[3];
		node->depth = bytes[4];
		memcpy(node->key, bytes + 5, sizeof(node->key));
		if (node->depth > DEPTH || node->first < end || node->first % width_of(node->depth) != 0)
			return -EBADMSG;
		end = node->first + width_of(node->depth);
	}
	*ret_tree = own_take(tree);
	return 0;
}
