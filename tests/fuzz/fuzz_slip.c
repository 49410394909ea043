/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile medium: its slip, read by somebody who believes one console, and a line of its manifest, which,
 * when it is one, is written again as it was read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/slip/slip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void try_line(const char *data, size_t size)
{
	SkSlipFile file, again;
	char *line = NULL, *sum = NULL;

	if (sk_slip_line_parse(data, size, &file) < 0)
		return;
	require(sk_slip_path_check(file.path));
	require(sk_slip_line_format(&file, &line) == 0);
	require(sk_slip_line_parse(line, strlen(line) - 1, &again) == 0);
	require(strcmp(file.path, again.path) == 0 && file.size == again.size && file.change == again.change);
	require(sk_slip_sum_format(&file, &sum) == 0 && !memchr(sum, '\n', strlen(sum) - 1));
	free(line);
	free(sum);
	sk_slip_file_deinit(&file);
	sk_slip_file_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static SkSecret *secret;
	static SkDsseKey key;
	const uint8_t seed[SK_SIGN_SEED_SIZE] = {0};
	const SkSlipTrust trust = {&key, 1};
	SkSlip slip;

	if (!secret) {
		require(sk_crypt_init() == 0);
		require(sk_sign_key_new(seed, &secret, key.public_key) == 0);
		sk_dsse_key_id(key.public_key, key.id);
	}
	/* The corpus has one that is signed. */
	if (sk_slip_verify(data, size, &trust, &slip) == 0)
		require(strcmp(slip.medium, "01J0MEDIUM") == 0);
	try_line((const char *)data, size);
	return 0;
}
