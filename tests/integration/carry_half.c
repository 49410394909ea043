/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console's half of a medium's key, for tests: carry_half SEED BLINDED (hexadecimal), prints element,
 * proof and public key. `carry_half --box SECRET MEDIUM BOX` opens what was sealed to a recovery key; `--key`
 * prints a new pair. `--seal PUBLIC ID MEDIUM TERMINAL FROM UNTIL CONTENT` seals a lease's box, `--unseal
 * SECRET
 * ... BOX` opens it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/box.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/lease.h"
#include "lib/crypt/oprf.h"

static void print_hex(const uint8_t *bytes, size_t size)
{
	char text[257];

	sk_hex_format(text, bytes, size);
	puts(text);
}

static int answer(const char *seed_text, const char *blinded_text)
{
	uint8_t seed[SK_OPRF_SEED_SIZE], blinded[SK_OPRF_ELEMENT_SIZE], public_key[SK_OPRF_ELEMENT_SIZE];
	own_secret SkSecret *key = NULL;
	SkOprfAnswer made;

	if (sk_hex_parse(seed, sizeof(seed), seed_text) < 0 ||
		sk_hex_parse(blinded, sizeof(blinded), blinded_text) < 0 ||
		sk_oprf_key_derive(SK_OPRF_VERIFIABLE, seed, "test", &key, public_key) < 0 ||
		sk_oprf_evaluate(SK_OPRF_VERIFIABLE, key, blinded, &made) < 0)
		return 1;
	print_hex(made.element, sizeof(made.element));
	print_hex(made.proof, sizeof(made.proof));
	print_hex(public_key, sizeof(public_key));
	return 0;
}

static int new_pair(void)
{
	uint8_t public_key[SK_BOX_KEY_SIZE];
	own_secret SkSecret *secret = NULL;

	if (sk_box_key_new(&secret, public_key) < 0)
		return 1;
	print_hex(sk_secret_data(secret), sk_secret_size(secret));
	print_hex(public_key, sizeof(public_key));
	return 0;
}

static int open_box(const char *secret_text, const char *medium, const char *box_text)
{
	const SkBoxLabel label = {.info = "sekisho escrow 1", .aad = medium};
	own_secret SkSecret *secret = NULL, *key = NULL;
	uint8_t box[128];
	size_t size = strlen(box_text) / 2;

	if (size > sizeof(box) || sk_secret_new(SK_BOX_KEY_SIZE, &secret) < 0 ||
		sk_hex_parse(sk_secret_data(secret), SK_BOX_KEY_SIZE, secret_text) < 0 ||
		sk_hex_parse(box, size, box_text) < 0 || sk_box_open(secret, label, box, size, &key) < 0)
		return 1;
	print_hex(sk_secret_data(key), sk_secret_size(key));
	return 0;
}

static SkLease lease_of(char **words)
{
	return (SkLease){.id = words[0],
		.medium = words[1],
		.terminal = words[2],
		.from = atoll(words[3]),
		.until = atoll(words[4])};
}

static int seal(const char *public_text, char **words)
{
	uint8_t public_key[SK_BOX_KEY_SIZE], content[SK_LEASE_KEY_MAX], box[SK_LEASE_BOX_MAX];
	size_t size = strlen(words[5]) / 2;
	const SkLease lease = lease_of(words);

	if (size > sizeof(content) || sk_hex_parse(public_key, sizeof(public_key), public_text) < 0 ||
		sk_hex_parse(content, size, words[5]) < 0 ||
		sk_lease_seal(public_key, &lease, content, size, box) < 0)
		return 1;
	print_hex(box, size + SK_BOX_OVERHEAD);
	return 0;
}

static int unseal(const char *secret_text, char **words)
{
	own_secret SkSecret *secret = NULL, *content = NULL;
	const SkLease lease = lease_of(words);
	uint8_t box[SK_LEASE_BOX_MAX];
	size_t size = strlen(words[5]) / 2;

	if (size > sizeof(box) || sk_secret_new(SK_BOX_KEY_SIZE, &secret) < 0 ||
		sk_hex_parse(sk_secret_data(secret), SK_BOX_KEY_SIZE, secret_text) < 0 ||
		sk_hex_parse(box, size, words[5]) < 0 ||
		sk_lease_open(secret, &lease, (SkLeaseTime){lease.from, lease.from}, (SkLeaseBox){box, size},
			&content) < 0)
		return 1;
	print_hex(sk_secret_data(content), sk_secret_size(content));
	return 0;
}

int main(int argc, char **argv)
{
	if (sk_crypt_init() < 0)
		return 1;
	if (argc == 2 && sk_str_eq(argv[1], "--key"))
		return new_pair();
	if (argc == 5 && sk_str_eq(argv[1], "--box"))
		return open_box(argv[2], argv[3], argv[4]);
	if (argc == 9 && sk_str_eq(argv[1], "--seal"))
		return seal(argv[2], argv + 3);
	if (argc == 9 && sk_str_eq(argv[1], "--unseal"))
		return unseal(argv[2], argv + 3);
	return argc == 3 ? answer(argv[1], argv[2]) : 2;
}
