/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A tree of keys from which leaves can be cut out for good: the puncturable pseudorandom function of
 * Goldreich, Goldwasser and Micali. A root of 32 bytes stands for 2^32 leaf keys; the two children of a node
 * are the first 64 bytes of ChaCha20 (RFC 8439) under it, with nonce and counter 0: left, then right; 32
 * levels down to the leaf.
 *
 * To cut a leaf, the nodes above it are replaced by their other children, which give every other leaf as
 * before, and not this one. A cut costs some 32 nodes and touches no other leaf, so whatever was wrapped
 * under the others, in any backup however old, stays readable, and what was wrapped under this one, in any
 * backup however old, does not.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/crypt/secret.h"

#define SK_KEY_TREE_LEAF_SIZE 32
#define SK_KEY_TREE_ALGORITHM "ggm-chacha20"
/* Beyond (some 3,000 cuts) the tree is to be grown anew; it is kept in locked memory. */
#define SK_KEY_TREE_NODES_MAX 65536

typedef struct SkKeyTree SkKeyTree;

/* A random root. Return: 0 or -ENOMEM. */
int sk_key_tree_new(SkKeyTree **ret_tree);
void sk_key_tree_free(SkKeyTree *tree);
OWN_DEFINE(SkKeyTree, sk_key_tree_free)
#define own_key_tree own_(sk_key_tree_freep)

/* Return: 0, -ENOENT when the leaf was cut. */
int sk_key_tree_derive(const SkKeyTree *tree, uint32_t leaf, uint8_t ret_key[SK_KEY_TREE_LEAF_SIZE]);

/* Cuts a leaf; one that is cut already stays so. Return: 0, -E2BIG when there is no room, -ENOMEM. */
int sk_key_tree_cut(SkKeyTree *tree, uint32_t leaf);

size_t sk_key_tree_nodes(const SkKeyTree *tree);

/* As bytes, and back. Return: 0, -ENOMEM; -EBADMSG when the nodes are not in order, or overlap. */
size_t sk_key_tree_size(const SkKeyTree *tree);
void sk_key_tree_format(const SkKeyTree *tree, uint8_t *ret_bytes);
int sk_key_tree_parse(const uint8_t *bytes, size_t size, SkKeyTree **ret_tree);
