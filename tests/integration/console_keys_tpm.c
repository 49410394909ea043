/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key of the vault in a TPM 2.0: swtpm. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/keys/keystore.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "tests/lib/swtpm.h"

static Swtpm chip;
static char directory[64], words[256];

static int shell(const char *format)
{
	char text[1024];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), format, directory);
#pragma GCC diagnostic pop
	return system(text);
}

static int init(void **state)
{
	sk_str_copy(directory, sizeof(directory), "/tmp/sekisho-chip-XXXXXX");
	if (sk_crypt_init() < 0 || !mkdtemp(directory) || swtpm_start(&chip) < 0)
		return -1;
	sk_str_format(words, sizeof(words), "tpm2:%s?dir=%s", chip.where, directory);
	return 0;
}

static int deinit(void **state)
{
	swtpm_end(&chip);
	return shell("rm -r %s");
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

	fill(&key);
	assert_int_equal(sk_keystore_open(words, &keystore), 0);
	assert_string_equal(sk_keystore_kind(keystore), "tpm2");
	assert_int_equal(sk_keystore_get(keystore, 5, &none), -ENOENT);
	assert_int_equal(sk_keystore_put(keystore, 5, key), 0);
	assert_int_equal(sk_keystore_put(keystore, 5, key), -EEXIST);
	assert_int_equal(sk_keystore_put(keystore, 6, key), 0);
	swtpm_power_off(&chip);
	assert_int_equal(sk_keystore_get(keystore, 5, &none), -ENODEV);
	assert_int_equal(sk_keystore_destroy(keystore, 5), -ENODEV);
	assert_int_equal(swtpm_power_on(&chip), 0);
	assert_int_equal(sk_keystore_get(keystore, 5, &again), 0);
	assert_memory_equal(sk_secret_data(key), sk_secret_data(again), SK_KEYSTORE_KEY_SIZE);
	assert_int_equal(sk_keystore_list(keystore, epochs), 2);
	/* Who keeps the file has nothing when the cell is gone. */
	assert_int_equal(shell("cp -p %1$s/epoch-5.cell %1$s/kept"), 0);
	assert_int_equal(sk_keystore_destroy(keystore, 5), 0);
	assert_int_equal(sk_keystore_destroy(keystore, 5), 0);
	assert_int_equal(shell("cp -p %1$s/kept %1$s/epoch-5.cell"), 0);
	assert_int_equal(sk_keystore_get(keystore, 5, &none), -ENOENT);
	assert_null(none);
	assert_int_equal(sk_keystore_destroy(keystore, 5), 0);
	assert_int_equal(sk_keystore_destroy(keystore, 6), 0);
	assert_int_equal(sk_keystore_list(keystore, epochs), 0);
}

/* The server's disk in another server. */
static void another_chip_has_nothing(void **state)
{
	own_keystore SkKeystore *keystore = NULL, *elsewhere = NULL;
	own_secret SkSecret *key = NULL;
	SkSecret *none = NULL;
	char other_words[256];
	Swtpm other;

	fill(&key);
	assert_int_equal(sk_keystore_open(words, &keystore), 0);
	assert_int_equal(sk_keystore_put(keystore, 1, key), 0);
	assert_int_equal(swtpm_start(&other), 0);
	sk_str_format(other_words, sizeof(other_words), "tpm2:%s?dir=%s", other.where, directory);
	assert_int_equal(sk_keystore_open(other_words, &elsewhere), 0);
	assert_int_equal(sk_keystore_get(elsewhere, 1, &none), -ENOENT);
	swtpm_end(&other);
	assert_int_equal(sk_keystore_destroy(keystore, 1), 0);
}

static void damaged_files_and_wrong_words_are_refused(void **state)
{
	own_keystore SkKeystore *keystore = NULL;
	own_secret SkSecret *key = NULL;
	SkKeystore *none = NULL;
	SkSecret *secret = NULL;

	fill(&key);
	assert_int_equal(sk_keystore_open(words, &keystore), 0);
	assert_int_equal(shell("echo short >%s/epoch-3.cell"), 0);
	assert_int_equal(sk_keystore_get(keystore, 3, &secret), -EBADMSG);
	assert_int_equal(shell("head -c 100 /dev/zero >%s/epoch-3.cell"), 0);
	assert_int_equal(sk_keystore_get(keystore, 3, &secret), -EBADMSG);
	/* A number out of range, which nobody may destroy either. */
	assert_int_equal(shell("head -c 36 /dev/zero | tr '\\0' '\\377' >%s/epoch-3.cell"), 0);
	assert_true(sk_keystore_get(keystore, 3, &secret) < 0);
	assert_true(sk_keystore_destroy(keystore, 3) < 0);
	assert_int_equal(shell("rm %s/epoch-3.cell"), 0);
	assert_int_equal(sk_keystore_open("tpm2:", &none), -EINVAL);
	assert_int_equal(sk_keystore_open("tpm2:?dir=here", &none), -EINVAL);
	assert_int_equal(sk_keystore_open("tpm2:?dir=/nonexistent", &none), -ENOENT);
	sk_str_format(words, sizeof(words), "tpm2:device:/nonexistent?dir=%s", directory);
	assert_int_equal(sk_keystore_open(words, &none), -ENODEV);
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_go_in_come_out_and_go),
		cmocka_unit_test(another_chip_has_nothing),
		cmocka_unit_test(damaged_files_and_wrong_words_are_refused),
	};

	return cmocka_run_group_tests(tests, init, deinit);
}
