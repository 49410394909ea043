/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sealed boxes, wraps and base64: the vectors of their RFCs, and every changed bit. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/aead.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/box.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/kdf.h"

static int init(void **state)
{
	return sk_crypt_init();
}

static void assert_hex(const uint8_t *bytes, size_t size, const char *expected)
{
	char hex[400];

	sk_hex_format(hex, bytes, size);
	assert_string_equal(hex, expected);
}

static void hkdf_is_that_of_rfc_5869(void **state)
{
	uint8_t salt[13], ikm[22], prk[32], info[10], output[42];
	const SkBytes ikm_piece = {ikm, sizeof(ikm)}, info_piece = {info, sizeof(info)};

	for (size_t i = 0; i < sizeof(salt); i++)
		salt[i] = (uint8_t)i;
	memset(ikm, 0x0b, sizeof(ikm));
	for (size_t i = 0; i < sizeof(info); i++)
		info[i] = (uint8_t)(0xf0 + i);
	sk_hmac(salt, sizeof(salt), &ikm_piece, 1, prk);
	assert_hex(prk, sizeof(prk), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
	sk_hkdf_expand(prk, &info_piece, 1, output, sizeof(output));
	assert_hex(output, sizeof(output),
		"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

/* RFC 9180, appendix A.2.1, sequence number 0. */
static void boxes_are_those_of_rfc_9180(void **state)
{
	uint8_t ephemeral[32], public_key[32], box[29 + SK_BOX_OVERHEAD];
	const SkBoxLabel label = {.info = "Ode on a Grecian Urn", .aad = "Count-0", .ephemeral = ephemeral};
	const char *text = "Beauty is truth, truth beauty";
	own_secret SkSecret *secret = NULL, *opened = NULL;

	assert_int_equal(sk_hex_parse(ephemeral, 32,
				 "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600"),
		0);
	assert_int_equal(sk_hex_parse(public_key, 32,
				 "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a"),
		0);
	assert_int_equal(sk_secret_new(32, &secret), 0);
	assert_int_equal(sk_hex_parse(sk_secret_data(secret), 32,
				 "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"),
		0);
	assert_int_equal(sk_box_seal(public_key, label, text, 29, box), 0);
	assert_hex(box, 6, "002000010003");
	assert_hex(box + 6, 32, "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
	assert_hex(box + 38, sizeof(box) - 38,
		"1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28");
	assert_int_equal(sk_box_open(secret, label, box, sizeof(box), &opened), 0);
	assert_int_equal(sk_secret_size(opened), 29);
	assert_memory_equal(sk_secret_data(opened), text, 29);
}

static void any_changed_bit_of_a_box_is_refused(void **state)
{
	const SkBoxLabel label = {.info = "test", .aad = "1"}, other = {.info = "test", .aad = "2"},
			 third = {.info = "tests", .aad = "1"};
	uint8_t public_key[32], zeros[32] = {0}, box[10 + SK_BOX_OVERHEAD];
	own_secret SkSecret *secret = NULL;
	SkSecret *opened = NULL;

	assert_int_equal(sk_box_key_new(&secret, public_key), 0);
	assert_int_equal(sk_box_seal(public_key, label, "0123456789", 10, box), 0);
	for (size_t bit = 0; bit < 8 * sizeof(box); bit++) {
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(sk_box_open(secret, label, box, sizeof(box), &opened),
			bit < 48 ? -EOPNOTSUPP : -EBADMSG);
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(sk_box_open(secret, other, box, sizeof(box), &opened), -EBADMSG);
	assert_int_equal(sk_box_open(secret, third, box, sizeof(box), &opened), -EBADMSG);
	for (size_t size = 0; size < sizeof(box); size++)
		assert_int_equal(sk_box_open(secret, label, box, size, &opened), -EBADMSG);
	assert_null(opened);
	assert_int_equal(sk_box_seal(zeros, label, "x", 1, box), -EINVAL);
}

static void any_changed_bit_of_a_wrap_is_refused(void **state)
{
	const SkAeadContext context = {"medium 1", 8}, other = {"medium 2", 8};
	uint8_t key[SK_AEAD_KEY_SIZE] = {1, 2, 3}, wrap[10 + SK_AEAD_OVERHEAD];
	own_secret SkSecret *opened = NULL;
	SkSecret *none = NULL;

	sk_aead_seal(key, context, "0123456789", 10, wrap);
	assert_int_equal(sk_aead_open(key, context, wrap, sizeof(wrap), &opened), 0);
	assert_memory_equal(sk_secret_data(opened), "0123456789", 10);
	for (size_t bit = 0; bit < 8 * sizeof(wrap); bit++) {
		wrap[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(sk_aead_open(key, context, wrap, sizeof(wrap), &none),
			bit < 8 ? -EOPNOTSUPP : -EBADMSG);
		wrap[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(sk_aead_open(key, other, wrap, sizeof(wrap), &none), -EBADMSG);
	for (size_t size = 0; size < sizeof(wrap); size++)
		assert_int_equal(sk_aead_open(key, context, wrap, size, &none), -EBADMSG);
	assert_null(none);
}

static void base64_has_one_text_for_one_thing(void **state)
{
	static const char *const bad[] = {
		"Zg", "Zg=", "Zg==x", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n", "====", "Zm-_", "Z==="};
	static const struct {
		const char *data, *text;
	} good[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};
	uint8_t data[16];
	char text[16];
	size_t size;

	for (size_t i = 0; i < SK_ARRAY_SIZE(good); i++) {
		sk_base64_format(good[i].data, strlen(good[i].data), text);
		assert_string_equal(text, good[i].text);
		assert_int_equal(sk_base64_parse(text, strlen(text), data, &size), 0);
		assert_int_equal(size, strlen(good[i].data));
		assert_memory_equal(data, good[i].data, size);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++)
		assert_int_equal(sk_base64_parse(bad[i], strlen(bad[i]), data, &size), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hkdf_is_that_of_rfc_5869),
		cmocka_unit_test(boxes_are_those_of_rfc_9180),
		cmocka_unit_test(any_changed_bit_of_a_box_is_refused),
		cmocka_unit_test(any_changed_bit_of_a_wrap_is_refused),
		cmocka_unit_test(base64_has_one_text_for_one_thing),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
