/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/digest.h"
#include "lib/dsse/dsse.h"

#define PAYLOAD "{\"medium\":\"01J\"}"

typedef struct Fixture {
	SkDsseSigner signers[SK_DSSE_SIGNATURES_MAX + 1];
	SkDsseKey keys[SK_DSSE_SIGNATURES_MAX + 1];
} Fixture;

static Fixture fixture;

static int init(void **state)
{
	if (sk_crypt_init() < 0)
		return -1;
	for (size_t i = 0; i < SK_ARRAY_SIZE(fixture.keys); i++) {
		uint8_t seed[SK_SIGN_SEED_SIZE] = {(uint8_t)i};

		if (sk_sign_key_new(seed, &fixture.signers[i].key, fixture.keys[i].public_key) < 0)
			return -1;
		sk_dsse_key_id(fixture.keys[i].public_key, fixture.keys[i].id);
		memcpy(fixture.signers[i].id, fixture.keys[i].id, SK_DSSE_KEY_ID_SIZE);
	}
	return 0;
}

static int deinit(void **state)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(fixture.keys); i++)
		sk_secret_free(fixture.signers[i].key);
	return 0;
}

static const SkDssePayload grant = {SK_DSSE_GRANT, PAYLOAD, sizeof(PAYLOAD) - 1};

static SkDsseCheck check_of(size_t n_keys)
{
	return (SkDsseCheck){
		.keys = fixture.keys, .n_keys = n_keys, .type = SK_DSSE_GRANT, .payload_max = 1000};
}

static int verify(const char *envelope, SkDsseCheck check)
{
	SkDsseOpened opened = {0};
	int r = sk_dsse_verify(envelope, strlen(envelope), &check, &opened);

	free(opened.payload);
	return r;
}

static void what_was_signed_comes_out(void **state)
{
	own_free char *envelope = NULL;
	SkDsseCheck check = check_of(3);
	SkDsseOpened opened;

	assert_int_equal(sk_dsse_sign(&fixture.signers[1], 1, grant, &envelope), 0);
	assert_int_equal(sk_dsse_verify(envelope, strlen(envelope), &check, &opened), 0);
	assert_int_equal(opened.size, grant.size);
	assert_string_equal(opened.payload, PAYLOAD);
	assert_ptr_equal(opened.key, &fixture.keys[1]);
	free(opened.payload);
}

/* The example of the specification (protocol.md): "hello world" as http://example.com/HelloWorld. */
static void the_signed_bytes_are_those_of_the_specification(void **state)
{
	static const char pae[] = "DSSEv1 29 http://example.com/HelloWorld 11 hello world";
	const SkDssePayload payload = {"http://example.com/HelloWorld", "hello world", 11};
	uint8_t signature[SK_SIGNATURE_SIZE];
	char text[SK_BASE64_SIZE(SK_SIGNATURE_SIZE)], expected[400];
	own_free char *envelope = NULL;

	assert_int_equal(sk_dsse_sign(fixture.signers, 1, payload, &envelope), 0);
	assert_int_equal(sk_sign(fixture.signers[0].key, pae, strlen(pae), signature), 0);
	sk_base64_format(signature, sizeof(signature), text);
	sk_str_format(expected, sizeof(expected),
		"{\"payloadType\":\"http://example.com/HelloWorld\",\"payload\":\"aGVsbG8gd29ybGQ=\","
		"\"signatures\":[{\"keyid\":\"%s\",\"sig\":\"%s\"}]}",
		fixture.keys[0].id, text);
	assert_string_equal(envelope, expected);
}

static void only_allowed_keys_count(void **state)
{
	own_free char *one = NULL, *two = NULL;
	const SkDsseSigner both[] = {fixture.signers[4], fixture.signers[0]};
	SkDsseCheck check = check_of(2);

	assert_int_equal(sk_dsse_sign(&fixture.signers[4], 1, grant, &one), 0);
	assert_int_equal(verify(one, check), -EKEYREJECTED);
	assert_int_equal(sk_dsse_sign(both, 2, grant, &two), 0);
	assert_int_equal(verify(two, check), 0);
	assert_int_equal(verify(two, check_of(0)), -EKEYREJECTED);
	/* The right name beside the wrong key. */
	SkDsseKey lying = fixture.keys[4];
	const SkDsseCheck with_lie = {
		.keys = &lying, .n_keys = 1, .type = SK_DSSE_GRANT, .payload_max = 1000};

	memcpy(lying.public_key, fixture.keys[5].public_key, SK_SIGN_PUBLIC_SIZE);
	assert_int_equal(verify(one, with_lie), -EKEYREJECTED);
}

static void a_policy_is_not_a_grant(void **state)
{
	own_free char *envelope = NULL;
	char *type;

	assert_int_equal(
		sk_dsse_sign(fixture.signers, 1, (SkDssePayload){SK_DSSE_POLICY, "{}", 2}, &envelope), 0);
	assert_int_equal(verify(envelope, check_of(1)), -EPROTOTYPE);
	type = strstr(envelope, "policy");
	memcpy(type, "grants", 6);
	assert_int_equal(verify(envelope, check_of(1)), -EKEYREJECTED);
}

static void sizes_have_bounds(void **state)
{
	static char big[1001];
	own_free char *envelope = NULL, *exact = NULL, *endless = NULL;

	memset(big, 'a', sizeof(big));
	assert_int_equal(
		sk_dsse_sign(fixture.signers, 1, (SkDssePayload){SK_DSSE_GRANT, big, 1001}, &envelope), 0);
	assert_int_equal(verify(envelope, check_of(1)), -E2BIG);
	assert_int_equal(
		sk_dsse_sign(fixture.signers, 1, (SkDssePayload){SK_DSSE_GRANT, big, 1000}, &exact), 0);
	assert_int_equal(verify(exact, check_of(1)), 0);
	assert_int_equal(sk_dsse_sign(fixture.signers, 0, grant, &endless), -EINVAL);
	assert_int_equal(sk_dsse_sign(fixture.signers, SK_DSSE_SIGNATURES_MAX + 1, grant, &endless), -EINVAL);
	assert_int_equal(sk_dsse_sign(fixture.signers, SK_DSSE_SIGNATURES_MAX, grant, &endless), 0);
}

static void any_changed_byte_is_refused(void **state)
{
	own_free char *envelope = NULL;

	assert_int_equal(sk_dsse_sign(fixture.signers, 1, grant, &envelope), 0);
	for (size_t i = 0; i < strlen(envelope); i++) {
		char kept = envelope[i];

		envelope[i] = kept == 'A' ? 'B' : 'A';
		assert_int_not_equal(verify(envelope, check_of(1)), 0);
		envelope[i] = kept;
	}
	for (size_t size = 0; size < strlen(envelope); size++) {
		SkDsseCheck check = check_of(1);
		SkDsseOpened opened;

		assert_int_equal(sk_dsse_verify(envelope, size, &check, &opened), -EBADMSG);
	}
}

static void envelopes_that_are_none_are_refused(void **state)
{
#define SIG "{\"keyid\":\"k\",\"sig\":\"" SIXTYFOUR "\"}"
#define SIXTYFOUR "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
	static const char *const bad[] = {
		"",
		"[]",
		"null",
		"{}",
		"{\"payloadType\":\"t\",\"payload\":\"\"}",
		"{\"payloadType\":\"t\",\"payload\":\"\",\"signatures\":[]}",
		"{\"payloadType\":\"t\",\"payload\":\"\",\"signatures\":{}}",
		"{\"payloadType\":1,\"payload\":\"\",\"signatures\":[" SIG "]}",
		"{\"payloadType\":\"t\",\"payload\":\"Zg\",\"signatures\":[" SIG "]}",
		"{\"payloadType\":\"t\",\"payload\":\"Zm-_\",\"signatures\":[" SIG "]}",
		"{\"payloadType\":\"t\\u0000x\",\"payload\":\"\",\"signatures\":[" SIG "]}",
		"{\"payloadType\":\"t\",\"payload\":\"\",\"signatures\":[" SIG "],\"more\":1}",
		"{\"payloadType\":\"t\",\"payload\":\"\",\"payload\":\"\",\"signatures\":[" SIG "]}",
		"{\"payloadType\":\"t\",\"payload\":\"\",\"signatures\":[{\"keyid\":\"k\",\"sig\":\"AAAA\"}]"
		"}",
		"{\"payloadType\":\"t\",\"payload\":\"\",\"signatures\":[{\"sig\":\"" SIXTYFOUR "\"}]}",
		"{\"payloadType\":\"t\",\"payload\":\"\",\"signatures\":[" SIG "]} x",
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++)
		assert_int_equal(verify(bad[i], check_of(1)), -EBADMSG);
	assert_int_equal(
		verify("{\"payloadType\":\"t\",\"payload\":\"\",\"signatures\":[" SIG "]}", check_of(1)),
		-EKEYREJECTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_signed_comes_out),
		cmocka_unit_test(the_signed_bytes_are_those_of_the_specification),
		cmocka_unit_test(only_allowed_keys_count),
		cmocka_unit_test(a_policy_is_not_a_grant),
		cmocka_unit_test(sizes_have_bounds),
		cmocka_unit_test(any_changed_byte_is_refused),
		cmocka_unit_test(envelopes_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, init, deinit);
}
