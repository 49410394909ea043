/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/tpm with swtpm. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/tpm/tpm.h"
#include "tests/lib/swtpm.h"

static Swtpm chip;

static int init(void **state)
{
	sk_tpm_init();
	return sk_crypt_init() < 0 ? -1 : swtpm_start(&chip);
}

static int deinit(void **state)
{
	swtpm_end(&chip);
	return 0;
}

static SkTpm *opened(const char *where)
{
	SkTpm *tpm = NULL;

	assert_int_equal(sk_tpm_open(where, &tpm), 0);
	return tpm;
}

static void sign_once(const SkTpmKey *key, int want)
{
	own_tpm SkTpm *tpm = opened(chip.where);
	uint8_t digest[32] = {1, 2, 3}, signature[SK_TPM_SIGNATURE_SIZE];

	assert_int_equal(sk_tpm_key_sign(tpm, key, digest, signature), want);
}

static void a_key_signs_again_after_power_off(void **state)
{
	uint8_t point[SK_TPM_POINT_SIZE];
	SkTpmKey key;

	{
		own_tpm SkTpm *tpm = opened(chip.where);

		assert_int_equal(sk_tpm_key_new(tpm, &key), 0);
	}
	assert_int_equal(sk_tpm_key_point(&key, point), 0);
	assert_int_equal(point[0], 4);
	/* More often than the chip has room for keys and sessions: each time leaves nothing behind. */
	for (int i = 0; i < 20; i++)
		sign_once(&key, 0);
	swtpm_power_off(&chip);
	assert_int_equal(swtpm_power_on(&chip), 0);
	sign_once(&key, 0);
}

static void keys_of_others_and_damaged_ones_are_refused(void **state)
{
	uint8_t point[SK_TPM_POINT_SIZE];
	SkTpmKey key, bad;
	Swtpm other;

	assert_int_equal(swtpm_start(&other), 0);
	{
		own_tpm SkTpm *tpm = opened(other.where);

		assert_int_equal(sk_tpm_key_new(tpm, &key), 0);
	}
	swtpm_end(&other);
	sign_once(&key, -EKEYREJECTED);
	for (uint32_t size = 0; size < key.size; size++) {
		bad = key;
		bad.size = size;
		assert_int_equal(sk_tpm_key_point(&bad, point), -EBADMSG);
	}
	for (uint32_t i = 0; i < key.size; i++) {
		bad = key;
		bad.data[i] ^= 0xff;
		(void)sk_tpm_key_point(&bad, point);
	}
	bad.size = SK_TPM_KEY_MAX + 1;
	assert_int_equal(sk_tpm_key_point(&bad, point), -EBADMSG);
}

static void fill(SkSecret **ret_secret)
{
	assert_int_equal(sk_secret_new(SK_TPM_CELL_SIZE, ret_secret), 0);
	sk_random_fill(sk_secret_data(*ret_secret), SK_TPM_CELL_SIZE);
}

static void a_cell_keeps_and_forgets(void **state)
{
	SkTpmCell cell = {.number = 77, .password = {1}}, wrong = {.number = 77, .password = {2}};
	own_secret SkSecret *content = NULL, *again = NULL;
	SkSecret *none = NULL;

	fill(&content);
	{
		own_tpm SkTpm *tpm = opened(chip.where);

		assert_int_equal(sk_tpm_cell_read(tpm, &cell, &none), -ENOENT);
		assert_int_equal(sk_tpm_cell_write(tpm, &cell, content), 0);
		assert_int_equal(sk_tpm_cell_write(tpm, &cell, content), -EEXIST);
		assert_int_equal(sk_tpm_cell_read(tpm, &wrong, &none), -EACCES);
		assert_int_equal(sk_tpm_cell_destroy(tpm, &wrong), -EACCES);
		assert_int_equal(sk_tpm_cell_exists(tpm, 77), -EEXIST);
		assert_int_equal(sk_tpm_cell_exists(tpm, 78), 0);
	}
	swtpm_power_off(&chip);
	assert_int_equal(swtpm_power_on(&chip), 0);
	own_tpm SkTpm *tpm = opened(chip.where);

	assert_int_equal(sk_tpm_cell_read(tpm, &cell, &again), 0);
	assert_memory_equal(sk_secret_data(again), sk_secret_data(content), SK_TPM_CELL_SIZE);
	assert_int_equal(sk_tpm_cell_destroy(tpm, &cell), 0);
	assert_int_equal(sk_tpm_cell_destroy(tpm, &cell), 0);
	assert_int_equal(sk_tpm_cell_read(tpm, &cell, &none), -ENOENT);
	assert_null(none);
	cell.number = SK_TPM_CELLS;
	assert_int_equal(sk_tpm_cell_write(tpm, &cell, content), -EINVAL);
	assert_int_equal(sk_tpm_cell_destroy(tpm, &cell), -EINVAL);
}

/* What passes between here and the chip, as tpm2-tss itself writes it down. */
static void who_listens_has_nothing(void **state)
{
	SkTpmCell cell = {.number = 99};
	own_secret SkSecret *content = NULL, *again = NULL;
	own_free char *heard = NULL;
	char path[96], where[96];
	SkTpm *tpm = NULL;
	size_t size = 0;

	fill(&content);
	sk_random_fill(cell.password, sizeof(cell.password));
	sk_str_format(path, sizeof(path), "%s/heard", chip.directory);
	sk_str_format(where, sizeof(where), "pcap:%s", chip.where);
	setenv("TCTI_PCAP_FILE", path, 1);
	assert_int_equal(sk_tpm_open(where, &tpm), 0);
	assert_int_equal(sk_tpm_cell_write(tpm, &cell, content), 0);
	assert_int_equal(sk_tpm_cell_read(tpm, &cell, &again), 0);
	sk_tpm_free(tpm);
	assert_memory_equal(sk_secret_data(again), sk_secret_data(content), SK_TPM_CELL_SIZE);
	assert_int_equal(sk_io_read_file_at(AT_FDCWD, path, 1 << 20, &heard, &size), 0);
	assert_true(size > 1000);
	assert_null(memmem(heard, size, sk_secret_data(content), 8));
	assert_null(memmem(heard, size, cell.password, 8));
}

static void a_full_chip_says_so(void **state)
{
	own_secret SkSecret *content = NULL;
	SkTpm *tpm = NULL;
	Swtpm small;
	uint32_t made = 0;
	int r = 0;

	fill(&content);
	assert_int_equal(swtpm_start(&small), 0);
	assert_int_equal(sk_tpm_open(small.where, &tpm), 0);
	while (r == 0 && made < 1000)
		r = sk_tpm_cell_write(tpm, &(SkTpmCell){.number = 1000 + made++}, content);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(sk_tpm_cell_exists(tpm, 1000 + made), 0);
	sk_tpm_free(tpm);
	swtpm_end(&small);
}

static void no_chip_is_told(void **state)
{
	SkTpm *tpm = NULL;

	assert_int_equal(sk_tpm_open("device:/nonexistent", &tpm), -ENODEV);
	assert_int_equal(sk_tpm_open("nonsense:", &tpm), -ENODEV);
	swtpm_power_off(&chip);
	assert_int_equal(sk_tpm_open(chip.where, &tpm), -ENODEV);
	assert_null(tpm);
	assert_int_equal(swtpm_power_on(&chip), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_signs_again_after_power_off),
		cmocka_unit_test(keys_of_others_and_damaged_ones_are_refused),
		cmocka_unit_test(a_cell_keeps_and_forgets),
		cmocka_unit_test(who_listens_has_nothing),
		cmocka_unit_test(a_full_chip_says_so),
		cmocka_unit_test(no_chip_is_told),
	};

	return cmocka_run_group_tests(tests, init, deinit);
}
