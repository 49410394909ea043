/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/jobs/mail.h"
#include "console/jobs/post.h"
#include "console/jobs/smtp.h"
#include "lib/crypt/digest.h"

static SkMail mail_of(const char *subject, const char *body)
{
	return (SkMail){.id = "ID",
		.from = "sekisho@clinic.example",
		.name = "関所",
		.to = "isha@clinic.example",
		.subject = subject,
		.body = body,
		.language = "ja",
		.time = INT64_C(1763780400123)};
}

static char *compose(const char *subject, const char *body)
{
	const SkMail mail = mail_of(subject, body);
	char *text;
	size_t size;

	assert_int_equal(sk_mail_compose(&mail, &text, &size), 0);
	assert_int_equal(strlen(text), size);
	return text;
}

/* Every line is ASCII, at most 78 characters, and ends with CR LF. */
static void check_lines(const char *text)
{
	while (*text) {
		size_t size = strcspn(text, "\r\n");

		assert_true(size <= 78);
		assert_memory_equal(text + size, "\r\n", 2);
		for (size_t i = 0; i < size; i++)
			assert_in_range(text[i], 0x20, 0x7E);
		text += size + 2;
	}
}

static void test_headers(void **state)
{
	char *text = compose("Late", "a\nb");

	check_lines(text);
	assert_non_null(strstr(text, "Date: Sat, 22 Nov 2025 03:00:00 +0000\r\n"));
	assert_non_null(strstr(text, "From: =?UTF-8?B?6Zai5omA?=\r\n <sekisho@clinic.example>\r\n"));
	assert_non_null(strstr(text, "\r\nSubject: Late\r\nMessage-ID: <ID@clinic.example>\r\n"));
	/* "a\r\nb" */
	assert_non_null(strstr(text, "\r\n\r\nYQ0KYg==\r\n"));
	free(text);
}

/* No character is cut in two, whatever stands before it. */
static void test_long_subjects_are_cut_between_characters(void **state)
{
	for (size_t ascii = 0; ascii < 8; ascii++) {
		char subject[400] = "";
		char *text;

		for (size_t i = 0; i < ascii; i++)
			strcat(subject, "x");
		for (size_t i = 0; i < 40; i++)
			strcat(subject, i % 3 ? "返" : "😀");
		text = compose(subject, "");
		check_lines(text);
		/* Each word begins with a whole character: continuation bytes (10xxxxxx) in base64 begin with
		 * g to v. */
		for (const char *word = text; (word = strstr(word, "=?UTF-8?B?")); word += 10)
			assert_false(word[10] >= 'g' && word[10] <= 'v');
		free(text);
	}
}

static void test_nothing_comes_into_the_headers(void **state)
{
	static const char *const bad[] = {
		"", "a", "@x", "a@", "a@b@c", "a b@c", "a@b\r\nBcc: c@d", "<a@b>", "a@b,c@d", "あ@b"};
	char *text = compose("x\r\nBcc: evil@x", ".\n.\n");
	size_t size;

	assert_null(strstr(text, "Bcc"));
	free(text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		SkMail mail = mail_of("x", "x");

		assert_false(sk_mail_is_address(bad[i]));
		mail.to = bad[i];
		assert_int_equal(sk_mail_compose(&mail, &text, &size), -EINVAL);
	}
	assert_true(sk_mail_is_address("dr.o'neil+x@clinic.example"));
}

static void test_servers(void **state)
{
	assert_true(sk_smtp_is_server("smtp://mail.example:587"));
	assert_true(sk_smtp_is_server("smtps://[::1]:465"));
	assert_false(sk_smtp_is_server("http://x"));
	assert_false(sk_smtp_is_server("smtp://"));
	assert_false(sk_smtp_is_server("smtp://user:password@host"));
	assert_false(sk_smtp_is_server("smtp://host/name"));
}

/* As another implementation (Python's hmac) has it. */
static void test_signature(void **state)
{
	const uint8_t secret[SK_WEBHOOK_SECRET_SIZE] = {1, 2, 3};
	char signature[SK_WEBHOOK_SIGNATURE_SIZE];

	assert_int_equal(sk_crypt_init(), 0);
	sk_webhook_sign(secret, 1763780400, "ID", "{}", signature);
	assert_string_equal(signature, "v1=af55d82fec486ff7ade74aed14163d513d8a210f150f4c4a684bed9484dd0a59");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_long_subjects_are_cut_between_characters),
		cmocka_unit_test(test_nothing_comes_into_the_headers),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_signature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
