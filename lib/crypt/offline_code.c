/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/offline_code.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/crockford.h"
#include "lib/crypt/kdf.h"
#include "lib/crypt/secret.h"

#define PLACES 12
#define HOUR INT64_C(3600000)
#define MAC_BITS 35

static const char alphabet[] = SK_CROCKFORD_ALPHABET;
static const unsigned lengths[SK_OFFLINE_LENGTHS] = {1, 2, 4, 8, 12, 16, 20, 24};

unsigned sk_offline_hours(unsigned length_index)
{
	return lengths[length_index % SK_OFFLINE_LENGTHS];
}

static uint64_t mac_of(const uint8_t secret[SK_OFFLINE_SECRET_SIZE], const SkOfflineBinding *binding,
	const SkOfflineCode *code)
{
	static const char label[] = "sekisho offline code 1";
	const char *const fields[] = {
		label, binding->terminal_id, binding->medium_id, binding->user, binding->action};
	uint8_t numbers[11], mac[SK_HMAC_SIZE];
	SkBytes pieces[SK_ARRAY_SIZE(fields) + 1];
	uint64_t bits = 0;

	/* Each field with its ending 0, so that no two bindings run together to the same. */
	for (size_t i = 0; i < SK_ARRAY_SIZE(fields); i++)
		pieces[i] = (SkBytes){fields[i], strlen(fields[i]) + 1};
	numbers[0] = (uint8_t)(code->counter >> 8);
	numbers[1] = (uint8_t)code->counter;
	numbers[2] = (uint8_t)code->length_index;
	for (size_t i = 0; i < 8; i++)
		numbers[3 + i] = (uint8_t)((uint64_t)code->start_hour >> (56 - 8 * i));
	pieces[SK_ARRAY_SIZE(fields)] = (SkBytes){numbers, sizeof(numbers)};
	sk_hmac(secret, SK_OFFLINE_SECRET_SIZE, pieces, SK_ARRAY_SIZE(pieces), mac);
	for (size_t i = 0; i < 8; i++)
		bits = bits << 8 | mac[i];
	sk_secret_wipe(mac, sizeof(mac));
	return bits >> (64 - MAC_BITS);
}

int sk_offline_code_format(const uint8_t secret[SK_OFFLINE_SECRET_SIZE], const SkOfflineBinding *binding,
	const SkOfflineCode *code, char ret_text[SK_OFFLINE_CODE_SIZE])
{
	uint8_t places[PLACES];
	uint64_t bits;

	if (code->counter > SK_OFFLINE_COUNTER_MAX || code->length_index >= SK_OFFLINE_LENGTHS ||
		code->start_hour < 0)
		return -EINVAL;
	bits = (uint64_t)code->counter << 43 | (uint64_t)code->length_index << 40 |
	       (uint64_t)(code->start_hour & 31) << 35 | mac_of(secret, binding, code);
	for (size_t i = 0; i < PLACES - 1; i++)
		places[i] = (uint8_t)(bits >> (50 - 5 * i) & 31);
	places[PLACES - 1] = (uint8_t)sk_crockford_check(places, PLACES - 1);
	for (size_t i = 0, at = 0; i < PLACES; i++) {
		if (i > 0 && i % 4 == 0)
			ret_text[at++] = '-';
		ret_text[at++] = alphabet[places[i]];
	}
	ret_text[SK_OFFLINE_CODE_SIZE - 1] = '\0';
	return 0;
}

static int parse(const char *text, uint64_t *ret_bits)
{
	uint8_t places[PLACES];
	uint64_t bits = 0;
	size_t count = 0;

	for (; *text; text++) {
		int value = sk_crockford_value(*text);

		if (*text == '-' || *text == ' ')
			continue;
		if (value < 0 || count == PLACES)
			return -EINVAL;
		places[count++] = (uint8_t)value;
	}
	if (count != PLACES || sk_crockford_check(places, PLACES - 1) != places[PLACES - 1])
		return -EINVAL;
	for (size_t i = 0; i < PLACES - 1; i++)
		bits = bits << 5 | places[i];
	*ret_bits = bits;
	return 0;
}

int sk_offline_code_verify(const uint8_t secret[SK_OFFLINE_SECRET_SIZE], const SkOfflineBinding *binding,
	const char *text, int64_t now, SkOfflineCode *ret_code)
{
	const int64_t hour = now / HOUR;
	SkOfflineCode code;
	uint64_t bits, expected, given;
	int r = parse(text, &bits);

	if (r < 0)
		return r;
	code.counter = (unsigned)(bits >> 43);
	code.length_index = (unsigned)(bits >> 40 & 7);
	/* Of the hours with this remainder the last one that is not more than one ahead: no older window is
	 * 24 h. */
	code.start_hour = hour + 1 - ((hour + 1 - (int64_t)(bits >> 35 & 31)) & 31);
	given = bits & ((UINT64_C(1) << MAC_BITS) - 1);
	expected = mac_of(secret, binding, &code);
	if (!sk_secret_equal(&given, &expected, sizeof(given)))
		return -EACCES;
	if (hour < code.start_hour || hour >= code.start_hour + lengths[code.length_index])
		return -ETIME;
	*ret_code = code;
	return 0;
}
