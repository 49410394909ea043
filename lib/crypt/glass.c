/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/glass.h"

#include <string.h>

#include "lib/base/crockford.h"
#include "lib/crypt/kdf.h"
#include "lib/crypt/secret.h"

#define PLACES 20

static const char alphabet[] = SK_CROCKFORD_ALPHABET;

static void format(const uint8_t places[PLACES], char ret_code[SK_GLASS_CODE_SIZE])
{
	size_t at = 0;

	for (size_t i = 0; i < PLACES; i++) {
		if (i > 0 && i % 4 == 0)
			ret_code[at++] = '-';
		ret_code[at++] = alphabet[places[i] & 31];
	}
	ret_code[at] = '\0';
}

void sk_glass_code_new(char ret_code[SK_GLASS_CODE_SIZE])
{
	uint8_t places[PLACES];

	sk_random_fill(places, sizeof(places));
	format(places, ret_code);
	sk_secret_wipe(places, sizeof(places));
}

bool sk_glass_code_parse(const char *text, char ret_code[SK_GLASS_CODE_SIZE])
{
	uint8_t places[PLACES];
	size_t count = 0;

	for (; *text; text++) {
		int value = sk_crockford_value(*text);

		if (*text == '-' || *text == ' ')
			continue;
		if (value < 0 || count == PLACES)
			return false;
		places[count++] = (uint8_t)value;
	}
	if (count != PLACES)
		return false;
	format(places, ret_code);
	sk_secret_wipe(places, sizeof(places));
	return true;
}

void sk_glass_verifier(const char *id, const char *code, uint8_t ret_verifier[SK_GLASS_VERIFIER_SIZE])
{
	static const char label[] = "sekisho break-glass 1";
	const SkBytes pieces[] = {{id, strlen(id) + 1}, {code, strlen(code) + 1}};

	/* HMAC with a constant key: a hash with a label of its own. */
	sk_hmac(label, sizeof(label), pieces, sizeof(pieces) / sizeof(pieces[0]), ret_verifier);
}
