/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The key of the vault in a PKCS#11 token: SoftHSM, with a store of the test's own. Without SoftHSM the test
 * says so and is skipped.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "tests/lib/keys_fixture.h"

static const char *const modules[] = {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"};
static const char *module;
static char directory[64], words[512], keys[128];

static int shell(const char *format)
{
	char text[1024], command[1100];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), format, directory);
#pragma GCC diagnostic pop
	snprintf(command, sizeof(command), "(%s) > /dev/null 2>&1", text);
	return system(command);
}

static int init(void **state)
{
	char path[128];

	for (size_t i = 0; i < SK_ARRAY_SIZE(modules); i++)
		if (access(modules[i], R_OK) == 0)
			module = modules[i];
	if (!module)
		return 0;
	sk_str_copy(directory, sizeof(directory), "/tmp/sekisho-token-XXXXXX");
	if (sk_crypt_init() < 0 || !mkdtemp(directory))
		return -1;
	sk_str_format(path, sizeof(path), "%s/softhsm2.conf", directory);
	setenv("SOFTHSM2_CONF", path, 1);
	if (shell("cd %s && mkdir -m 700 tokens keys && echo \"directories.tokendir = $PWD/tokens\" > "
		  "softhsm2.conf &&"
		  " softhsm2-util --init-token --free --label clinic --so-pin 1234 --pin 4321 && echo 4321 > "
		  "pin") != 0)
		return -1;
	sk_str_format(keys, sizeof(keys), "%s/keys", directory);
	sk_str_format(
		words, sizeof(words), "pkcs11:%s?dir=%s&token=clinic&pin=%s/pin", module, keys, directory);
	return 0;
}

static int deinit(void **state)
{
	return module ? shell("rm -r %s") : 0;
}

static void need_token(void)
{
	if (!module)
		skip();
}

static void fill(SkSecret **ret_key)
{
	assert_int_equal(sk_secret_new(SK_KEYSTORE_KEY_SIZE, ret_key), 0);
	sk_random_fill(sk_secret_data(*ret_key), SK_KEYSTORE_KEY_SIZE);
}

static void keys_go_in_come_out_and_go(void **state)
{
	own_keystore SkKeystore *keystore = NULL;
	own_secret SkSecret *key = NULL, *again = NULL;
	uint64_t epochs[SK_KEYSTORE_EPOCHS_MAX];
	SkSecret *none = NULL;

	need_token();
	fill(&key);
	assert_int_equal(sk_keystore_open(words, &keystore), 0);
	assert_string_equal(sk_keystore_kind(keystore), "pkcs11");
	assert_int_equal(sk_keystore_put(keystore, 5, key), 0);
	assert_int_equal(sk_keystore_put(keystore, 5, key), -EEXIST);
	assert_int_equal(sk_keystore_get(keystore, 5, &again), 0);
	assert_memory_equal(sk_secret_data(key), sk_secret_data(again), SK_KEYSTORE_KEY_SIZE);
	assert_int_equal(sk_keystore_list(keystore, epochs), 1);
	assert_int_equal(epochs[0], 5);
	/* Who keeps the file has nothing when the object is gone. */
	assert_int_equal(shell("cp %1$s/keys/epoch-5.wrap %1$s/kept"), 0);
	assert_int_equal(sk_keystore_destroy(keystore, 5), 0);
	assert_int_equal(sk_keystore_destroy(keystore, 5), 0);
	assert_int_equal(shell("cp %1$s/kept %1$s/keys/epoch-5.wrap"), 0);
	assert_int_equal(sk_keystore_get(keystore, 5, &none), -ENOENT);
	assert_int_equal(sk_keystore_put(keystore, 6, key), 0);
	assert_int_equal(shell("cp %1$s/kept %1$s/keys/epoch-6.wrap"), 0);
	assert_true(sk_keystore_get(keystore, 6, &none) < 0);
	assert_null(none);
	assert_int_equal(sk_keystore_list(keystore, epochs), 2);
	assert_int_equal(sk_keystore_destroy(keystore, 5), 0);
	assert_int_equal(sk_keystore_destroy(keystore, 6), 0);
	assert_int_equal(sk_keystore_list(keystore, epochs), 0);
}

static void wrong_words_and_pins_are_refused(void **state)
{
	SkKeystore *keystore = NULL;
	char other[600];

	need_token();
	sk_str_format(
		other, sizeof(other), "pkcs11:%s?dir=%s&token=nobody&pin=%s/pin", module, keys, directory);
	assert_int_equal(sk_keystore_open(other, &keystore), -ENOENT);
	sk_str_format(
		other, sizeof(other), "pkcs11:%s?dir=%s&token=clinic&pin=%s/kept", module, keys, directory);
	assert_int_equal(sk_keystore_open(other, &keystore), -EACCES);
	sk_str_format(other, sizeof(other), "pkcs11:%s?dir=%s&token=clinic", module, keys);
	assert_int_equal(sk_keystore_open(other, &keystore), -EINVAL);
	sk_str_format(other, sizeof(other), "pkcs11:/nonexistent.so?dir=%s&token=clinic&pin=%s/pin", keys,
		directory);
	assert_int_equal(sk_keystore_open(other, &keystore), -ENOENT);
	assert_null(keystore);
}

static void a_vault_lives_in_a_token(void **state)
{
	uint8_t leaf_data[32] = {1}, wrapped[32 + SK_AEAD_OVERHEAD];
	const uint32_t cut = 7;
	const SkAeadContext context = {"x", 1};
	own_secret SkSecret *data = NULL, *opened = NULL;
	SkKeystore *keystore = NULL;
	SkVault *vault = NULL;

	need_token();
	assert_int_equal(sk_secret_new(sizeof(leaf_data), &data), 0);
	assert_int_equal(sk_keystore_open(words, &keystore), 0);
	assert_int_equal(sk_vault_create(keys, keystore, &vault), 0);
	assert_int_equal(sk_vault_wrap(vault, (SkVaultSlot){1, 8}, context, data, wrapped), 0);
	assert_int_equal(sk_vault_change(vault, &(SkVaultChange){.epoch = 2, .cuts = &cut, .n_cuts = 1}), 0);
	sk_vault_free(own_take(vault));
	assert_int_equal(sk_keystore_open(words, &keystore), 0);
	assert_int_equal(sk_vault_open(keys, keystore, &vault), 0);
	assert_int_equal(sk_vault_epoch(vault), 2);
	assert_true(sk_vault_is_cut(vault, (SkVaultSlot){1, 7}));
	assert_int_equal(sk_vault_unwrap(vault, (SkVaultSlot){1, 8}, context,
				 (SkWrap){wrapped, sizeof(wrapped)}, &opened),
		0);
	sk_vault_free(vault);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_go_in_come_out_and_go),
		cmocka_unit_test(wrong_words_and_pins_are_refused),
		cmocka_unit_test(a_vault_lives_in_a_token),
	};

	return cmocka_run_group_tests(tests, init, deinit);
}
