/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/key_tree.h"

static int init(void **state)
{
	return sk_crypt_init();
}

static const uint32_t leaves[] = {0, 1, 2, 3, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff,
	0x12345678, 0x12345679, 0xdeadbeef};

static void formatted(const SkKeyTree *tree, SkKeyTree **ret)
{
	own_free uint8_t *bytes = malloc(sk_key_tree_size(tree) + 1);

	sk_key_tree_format(tree, bytes);
	assert_int_equal(sk_key_tree_parse(bytes, sk_key_tree_size(tree), ret), 0);
}

/* Computed with Python's cryptography (ChaCha20) from the root 00 01 .. 1f. */
static void anyone_with_chacha20_computes_the_same(void **state)
{
	uint8_t bytes[37] = {0}, key[32];
	own_key_tree SkKeyTree *tree = NULL;
	char hex[65];

	for (size_t i = 0; i < 32; i++)
		bytes[5 + i] = (uint8_t)i;
	assert_int_equal(sk_key_tree_parse(bytes, sizeof(bytes), &tree), 0);
	assert_int_equal(sk_key_tree_derive(tree, 0x12345678, key), 0);
	sk_hex_format(hex, key, sizeof(key));
	assert_string_equal(hex, "53070cbb48e24c9f1a5d95212a7f912a3119b01f968fbdf5b8008ba0476693ab");
}

/* Each leaf in turn is cut: it is gone, and every other gives what it gave before. */
static void a_cut_takes_one_leaf_and_no_other(void **state)
{
	uint8_t before[SK_ARRAY_SIZE(leaves)][32], key[32];
	own_key_tree SkKeyTree *tree = NULL;

	assert_int_equal(sk_key_tree_new(&tree), 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(leaves); i++)
		assert_int_equal(sk_key_tree_derive(tree, leaves[i], before[i]), 0);
	for (size_t cut = 0; cut < SK_ARRAY_SIZE(leaves); cut++) {
		SkKeyTree *again = NULL;

		assert_int_equal(sk_key_tree_cut(tree, leaves[cut]), 0);
		formatted(tree, &again);
		sk_key_tree_free(tree);
		tree = again;
		for (size_t i = 0; i < SK_ARRAY_SIZE(leaves); i++) {
			int r = sk_key_tree_derive(tree, leaves[i], key);

			assert_int_equal(r, i <= cut ? -ENOENT : 0);
			if (i > cut)
				assert_memory_equal(key, before[i], sizeof(key));
		}
	}
	assert_int_equal(sk_key_tree_cut(tree, leaves[0]), 0);
}

/* No node of the tree that remains is one from which the leaf could be computed. */
static void nothing_that_remains_leads_to_the_leaf(void **state)
{
	own_key_tree SkKeyTree *whole = NULL, *copy = NULL;
	uint8_t bytes[32 * 37];

	assert_int_equal(sk_key_tree_new(&whole), 0);
	assert_int_equal(sk_key_tree_cut(whole, 0xdeadbeef), 0);
	assert_int_equal(sk_key_tree_nodes(whole), 32);
	assert_int_equal(sk_key_tree_size(whole), sizeof(bytes));
	sk_key_tree_format(whole, bytes);
	for (size_t i = 0; i < 32; i++) {
		const uint8_t *node = bytes + 37 * i;
		uint32_t first =
			(uint32_t)node[0] << 24 | (uint32_t)node[1] << 16 | (uint32_t)node[2] << 8 | node[3];

		assert_true(node[4] > 0);
		assert_true(0xdeadbeef < first || 0xdeadbeef - first >= (UINT64_C(1) << (32 - node[4])));
	}
	assert_int_equal(sk_key_tree_parse(bytes, sizeof(bytes), &copy), 0);
}

static void hundreds_of_cuts_fit(void **state)
{
	own_key_tree SkKeyTree *tree = NULL;
	uint32_t leaf = 1;
	uint8_t key[32];

	assert_int_equal(sk_key_tree_new(&tree), 0);
	for (unsigned i = 0; i < 500; i++, leaf = leaf * 1664525u + 1013904223u) {
		assert_int_equal(sk_key_tree_cut(tree, leaf), 0);
		assert_int_equal(sk_key_tree_derive(tree, leaf, key), -ENOENT);
	}
	assert_true(sk_key_tree_nodes(tree) < 500 * 25);
}

static void trees_that_are_none_are_refused(void **state)
{
	uint8_t bytes[2 * 37] = {0};
	SkKeyTree *tree = NULL;

	assert_int_equal(sk_key_tree_parse(bytes, 36, &tree), -EBADMSG);
	bytes[4] = 33;
	assert_int_equal(sk_key_tree_parse(bytes, 37, &tree), -EBADMSG);
	bytes[4] = 31;
	bytes[3] = 1; /* a node of two leaves begins at an even one */
	assert_int_equal(sk_key_tree_parse(bytes, 37, &tree), -EBADMSG);
	bytes[3] = 2;
	bytes[37 + 3] = 3;
	bytes[37 + 4] = 32; /* inside the first */
	assert_int_equal(sk_key_tree_parse(bytes, 74, &tree), -EBADMSG);
	bytes[37 + 3] = 1; /* before the first */
	assert_int_equal(sk_key_tree_parse(bytes, 74, &tree), -EBADMSG);
	assert_null(tree);
	bytes[37 + 3] = 4;
	assert_int_equal(sk_key_tree_parse(bytes, 74, &tree), 0);
	sk_key_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anyone_with_chacha20_computes_the_same),
		cmocka_unit_test(a_cut_takes_one_leaf_and_no_other),
		cmocka_unit_test(nothing_that_remains_leads_to_the_leaf),
		cmocka_unit_test(hundreds_of_cuts_fit),
		cmocka_unit_test(trees_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
