/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/enrol/code.h"

static SkEnrolCode example(void)
{
	SkEnrolCode code = {.host = "console.example.org", .port = SK_ENROL_PORT};

	memcpy(code.secret, "0123456789", sizeof(code.secret));
	for (size_t i = 0; i < sizeof(code.fingerprint); i++)
		code.fingerprint[i] = (uint8_t)i;
	return code;
}

static void what_is_written_is_read(void **state)
{
	const SkEnrolCode code = example();
	char text[SK_ENROL_CODE_SIZE];
	SkEnrolCode read;

	assert_int_equal(sk_enrol_code_format(text, &code), 0);
	assert_int_equal(sk_enrol_code_parse(text, &read), 0);
	assert_memory_equal(&read, &code, sizeof(code));
	/* Written by another program, from the description. */
	assert_string_equal(
		text, "console.example.org/60RK-4CSM-6MV3-EE1S-000G-40R4-0M30-E209-185G-R38E-1WE");
}

static void people_write_as_they_like(void **state)
{
	const SkEnrolCode code = example();
	char text[SK_ENROL_CODE_SIZE], loose[2 * SK_ENROL_CODE_SIZE] = "  ", *p = loose + 2;
	bool behind = false;
	SkEnrolCode read;

	assert_int_equal(sk_enrol_code_format(text, &code), 0);
	for (const char *c = text; *c; c++) {
		behind = behind || *c == '/';
		if (behind && *c == '0')
			*p++ = 'o';
		else if (behind && *c == '1')
			*p++ = 'l';
		else if (behind && *c == '-')
			*p++ = ' ';
		else
			*p++ = (char)tolower((unsigned char)*c);
	}
	*p = 0;
	assert_int_equal(sk_enrol_code_parse(loose, &read), 0);
	assert_memory_equal(&read, &code, sizeof(code));
}

/* Each place, each other digit; and each two neighbours. */
static void every_single_typing_error_is_found(void **state)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	const SkEnrolCode code = example();
	char text[SK_ENROL_CODE_SIZE], wrong[SK_ENROL_CODE_SIZE];
	SkEnrolCode read;
	size_t start;

	assert_int_equal(sk_enrol_code_format(text, &code), 0);
	start = (size_t)(strchr(text, '/') + 1 - text);
	for (size_t i = start; text[i]; i++) {
		if (text[i] == '-')
			continue;
		for (const char *d = digits; *d; d++) {
			memcpy(wrong, text, sizeof(wrong));
			wrong[i] = *d;
			assert_int_equal(sk_enrol_code_parse(wrong, &read), *d == text[i] ? 0 : -EBADMSG);
		}
		if (!text[i + 1] || text[i + 1] == '-' || text[i + 1] == text[i])
			continue;
		memcpy(wrong, text, sizeof(wrong));
		wrong[i] = text[i + 1];
		wrong[i + 1] = text[i];
		assert_int_equal(sk_enrol_code_parse(wrong, &read), -EBADMSG);
	}
}

static void hosts_cannot_change_the_url(void **state)
{
	static const char *const good[] = {"a", "console", "10.0.0.1", "[::1]", "[fe80::1:2]", "a-b.c"};
	static const char *const bad[] = {"", "-a", "a-", "a..b", "a b", "user@host", "host?x", "host#x",
		"a%2f", "[::1", "::1", "[host]", ".a", "a.", "h\xC3\xB6st"};
	SkEnrolCode code = example(), read;
	char text[SK_ENROL_CODE_SIZE], tail[64];

	assert_int_equal(sk_enrol_code_format(text, &code), 0);
	sk_str_copy(tail, sizeof(tail), strchr(text, '/'));
	for (size_t i = 0; i < SK_ARRAY_SIZE(good); i++) {
		code.port = i % 2 ? 443 : SK_ENROL_PORT;
		sk_str_copy(code.host, sizeof(code.host), good[i]);
		assert_int_equal(sk_enrol_code_format(text, &code), 0);
		assert_int_equal(sk_enrol_code_parse(text, &read), 0);
		assert_string_equal(read.host, good[i]);
		assert_int_equal(read.port, code.port);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		sk_str_copy(code.host, sizeof(code.host), bad[i]);
		assert_int_equal(sk_enrol_code_format(text, &code), -EINVAL);
		sk_str_format(text, sizeof(text), "%s%s", bad[i], tail);
		assert_int_equal(sk_enrol_code_parse(text, &read), -EINVAL);
	}
}

static void what_is_no_code_is_told(void **state)
{
	static const char *const bad[] = {"", "/", "host", "host/", "host:0/0", "host:65536/0", "host:x/0",
		"host/U", "host/0000-0000", "host:/00"};
	const SkEnrolCode code = example();
	char text[SK_ENROL_CODE_SIZE];
	SkEnrolCode read;

	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++)
		assert_int_equal(sk_enrol_code_parse(bad[i], &read), -EINVAL);
	assert_int_equal(sk_enrol_code_format(text, &code), 0);
	text[strlen(text) - 1] = 0;
	assert_int_equal(sk_enrol_code_parse(text, &read), -EINVAL);
	assert_int_equal(sk_enrol_code_format(text, &code), 0);
	strcat(text, "0");
	assert_int_equal(sk_enrol_code_parse(text, &read), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(people_write_as_they_like),
		cmocka_unit_test(every_single_typing_error_is_found),
		cmocka_unit_test(hosts_cannot_change_the_url),
		cmocka_unit_test(what_is_no_code_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
