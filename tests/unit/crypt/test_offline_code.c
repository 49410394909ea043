/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/offline_code.h"

#define NOW (INT64_C(1790000000) * 1000) /* hour 497222 */
#define HOUR INT64_C(3600000)

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static const uint8_t secret[SK_OFFLINE_SECRET_SIZE] = {1, 2, 3};
static const SkOfflineBinding binding = {"TERMINAL", "MEDIUM", "tanaka", "unlock"};

static int init(void **state)
{
	return sk_crypt_init();
}

static void make(unsigned counter, unsigned length_index, char text[SK_OFFLINE_CODE_SIZE])
{
	const SkOfflineCode code = {counter, length_index, NOW / HOUR};

	assert_int_equal(sk_offline_code_format(secret, &binding, &code, text), 0);
}

static void what_is_read_out_opens(void **state)
{
	char text[SK_OFFLINE_CODE_SIZE];
	SkOfflineCode code;

	for (unsigned counter = 0; counter <= SK_OFFLINE_COUNTER_MAX; counter += 65) {
		make(counter, counter % SK_OFFLINE_LENGTHS, text);
		assert_int_equal(strlen(text), 14);
		assert_int_equal(sk_offline_code_verify(secret, &binding, text, NOW, &code), 0);
		assert_int_equal(code.counter, counter);
		assert_int_equal(code.length_index, counter % SK_OFFLINE_LENGTHS);
		assert_int_equal(code.start_hour, NOW / HOUR);
	}
}

/* Computed with Python's hmac. */
static void anyone_with_hmac_computes_the_same(void **state)
{
	char text[SK_OFFLINE_CODE_SIZE];

	make(1234, 3, text);
	assert_string_equal(text, "9MK6-XXW9-10TZ");
}

static void it_may_be_typed_as_people_type(void **state)
{
	char text[SK_OFFLINE_CODE_SIZE], typed[64];
	SkOfflineCode code;
	size_t at = 0;

	make(7, 0, text);
	for (const char *p = text; *p; p++) {
		char c = *p == '0' ? 'o' : *p == '1' ? 'l' : *p;

		if (*p == '-')
			continue;
		typed[at++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
		typed[at++] = ' ';
	}
	typed[at] = '\0';
	assert_int_equal(sk_offline_code_verify(secret, &binding, typed, NOW, &code), 0);
}

static void every_wrong_character_is_a_slip(void **state)
{
	char text[SK_OFFLINE_CODE_SIZE];
	SkOfflineCode code;
	unsigned tried = 0;

	for (unsigned counter = 0; counter < 50; counter++) {
		make(counter, counter % SK_OFFLINE_LENGTHS, text);
		for (size_t i = 0; text[i]; i++)
			for (size_t j = 0; text[i] != '-' && alphabet[j]; j++) {
				char kept = text[i];

				if (alphabet[j] == kept)
					continue;
				text[i] = alphabet[j];
				assert_int_equal(
					sk_offline_code_verify(secret, &binding, text, NOW, &code), -EINVAL);
				text[i] = kept;
				tried++;
			}
	}
	assert_int_equal(tried, 50 * 12 * 31);
}

static void neighbours_in_the_wrong_order_are_a_slip(void **state)
{
	char text[SK_OFFLINE_CODE_SIZE], bare[13];
	SkOfflineCode code;
	unsigned tried = 0;

	for (unsigned counter = 0; counter < 200; counter++) {
		size_t size = 0;

		make(counter, 0, text);
		for (const char *p = text; *p; p++)
			if (*p != '-')
				bare[size++] = *p;
		bare[size] = '\0';
		for (size_t i = 0; i + 1 < size; i++) {
			char kept = bare[i];

			if (kept == bare[i + 1])
				continue;
			bare[i] = bare[i + 1];
			bare[i + 1] = kept;
			assert_int_equal(sk_offline_code_verify(secret, &binding, bare, NOW, &code), -EINVAL);
			bare[i + 1] = bare[i];
			bare[i] = kept;
			tried++;
		}
	}
	assert_true(tried > 2000);
}

static void it_opens_nothing_else(void **state)
{
	const SkOfflineBinding others[] = {
		{"TERMINA1", "MEDIUM", "tanaka", "unlock"},
		{"TERMINAL", "MEDIUN", "tanaka", "unlock"},
		{"TERMINAL", "MEDIUM", "tanakb", "unlock"},
		{"TERMINAL", "MEDIUM", "tanaka", "erase"},
		{"TERMINALM", "EDIUM", "tanaka", "unlock"},
		{"TERMINAL", "MEDIUM", "tanakau", "nlock"},
	};
	uint8_t other_secret[SK_OFFLINE_SECRET_SIZE] = {1, 2, 4};
	char text[SK_OFFLINE_CODE_SIZE];
	SkOfflineCode code;

	make(9, 0, text);
	for (size_t i = 0; i < SK_ARRAY_SIZE(others); i++)
		assert_int_equal(sk_offline_code_verify(secret, &others[i], text, NOW, &code), -EACCES);
	assert_int_equal(sk_offline_code_verify(other_secret, &binding, text, NOW, &code), -EACCES);
}

static void windows_begin_and_end(void **state)
{
	for (unsigned i = 0; i < SK_OFFLINE_LENGTHS; i++) {
		const int64_t begin = NOW / HOUR * HOUR, end = begin + HOUR * sk_offline_hours(i);
		char text[SK_OFFLINE_CODE_SIZE];
		SkOfflineCode code;

		make(3, i, text);
		assert_int_equal(sk_offline_code_verify(secret, &binding, text, begin - 1, &code), -ETIME);
		assert_int_equal(sk_offline_code_verify(secret, &binding, text, begin, &code), 0);
		assert_int_equal(sk_offline_code_verify(secret, &binding, text, end - 1, &code), 0);
		assert_int_equal(sk_offline_code_verify(secret, &binding, text, end, &code), -ETIME);
		/* Modulo 32 the hour comes again; the code does not. */
		assert_int_equal(
			sk_offline_code_verify(secret, &binding, text, begin + 32 * HOUR, &code), -EACCES);
		assert_int_equal(
			sk_offline_code_verify(secret, &binding, text, begin - 32 * HOUR, &code), -EACCES);
	}
}

static void what_is_no_code_is_a_slip(void **state)
{
	static const char *const texts[] = {"", "-", "0", "00000000000", "0000000000000", "U00000000000",
		"00000000000!", "\xE3\x81\x82", "0000-0000-000\n"};
	const SkOfflineCode wrong[] = {{4096, 0, 1}, {0, 8, 1}, {0, 0, -1}};
	char text[SK_OFFLINE_CODE_SIZE];
	SkOfflineCode code;

	for (size_t i = 0; i < SK_ARRAY_SIZE(texts); i++)
		assert_int_equal(sk_offline_code_verify(secret, &binding, texts[i], NOW, &code), -EINVAL);
	for (size_t i = 0; i < SK_ARRAY_SIZE(wrong); i++)
		assert_int_equal(sk_offline_code_format(secret, &binding, &wrong[i], text), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_out_opens),
		cmocka_unit_test(anyone_with_hmac_computes_the_same),
		cmocka_unit_test(it_may_be_typed_as_people_type),
		cmocka_unit_test(every_wrong_character_is_a_slip),
		cmocka_unit_test(neighbours_in_the_wrong_order_are_a_slip),
		cmocka_unit_test(it_opens_nothing_else),
		cmocka_unit_test(windows_begin_and_end),
		cmocka_unit_test(what_is_no_code_is_a_slip),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
