/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <string.h>

#include "agent/core/luks.h"
#include "lib/ipc/check.h"

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void a_header_is_told(void **state)
{
	SkLuksFacts facts = {
		.n_keyslots = 1, .n_segments = 1, .n_digests = 1, .uuid = "0f1e", .label = "USB 1"};
	json_auto_t *json = NULL;

	facts.keyslots[0] =
		(SkLuksKeyslot){.number = 3, .kdf = SK_LUKS_KDF_ARGON2ID, .key_size = 64, .memory = 65536};
	strcpy(facts.segments[0].encryption, "aes-xts-plain64");
	facts.digests[0] = (SkLuksDigest){.digest = {0xab, 0xcd}, .digest_size = 2};
	json = luks_to_json(&facts);
	assert_string_equal(text(json, "uuid"), "0f1e");
	assert_string_equal(text(json, "label"), "USB 1");
	assert_string_equal(text(json, "cipher"), "aes-xts-plain64");
	assert_string_equal(text(json, "key_digest"), "abcd");
	assert_int_equal(json_integer_value(json_object_get(json, "key_bits")), 512);
	assert_string_equal(text(json_array_get(json_object_get(json, "keyslots"), 0), "kdf"), "argon2id");
	assert_int_equal(json_array_size(json_object_get(json, "problems")), 0);
	assert_null(json_object_get(json, "token"));
}

static void nothing_in_it_lies_to_a_reader(void **state)
{
	SkLuksFacts facts = {.label = "a\n\x1b[2Jb", .token = {.mode = SK_LUKS_MODE_BOUND, .medium = "\xff"}};
	json_auto_t *json = luks_to_json(&facts);
	const json_t *token = json_object_get(json, "token");

	assert_null(strpbrk(text(json, "label"), "\n\x1b"));
	assert_string_equal(text(token, "mode"), "bound");
	assert_string_equal(text(token, "medium"), "\\xff");
}

static void every_problem_has_a_name(void **state)
{
	SkLuksFacts facts = {.problems = SK_LUKS_PROBLEMS_ALL};
	json_auto_t *json = luks_to_json(&facts);
	const json_t *problems = json_object_get(json, "problems");
	size_t n = 0;

	for (uint32_t bit = 1; bit & SK_LUKS_PROBLEMS_ALL; bit <<= 1)
		assert_string_equal(
			json_string_value(json_array_get(problems, n++)), sk_luks_problem_name(bit));
	assert_int_equal(json_array_size(problems), n);
	assert_null(sk_luks_problem_name(SK_LUKS_PROBLEMS_ALL + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_told),
		cmocka_unit_test(nothing_in_it_lies_to_a_reader),
		cmocka_unit_test(every_problem_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
