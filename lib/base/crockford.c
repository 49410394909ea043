/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/crockford.h"

#include <string.h>

int sk_crockford_value(char c)
{
	static const char alphabet[] = SK_CROCKFORD_ALPHABET;
	const char *found;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'O')
		c = '0';
	if (c == 'I' || c == 'L')
		c = '1';
	found = c ? strchr(alphabet, c) : NULL;
	return found ? (int)(found - alphabet) : -1;
}

static unsigned times_x(unsigned element)
{
	element <<= 1;
	return element & 32 ? element ^ 0x25 : element;
}

uint8_t sk_crockford_check(const uint8_t *values, size_t count)
{
	unsigned sum = 0;

	/* Horner: the last of them is weighted with x, the check itself with 1. */
	for (size_t i = 0; i < count; i++)
		sum = times_x(sum ^ values[i]);
	return (uint8_t)sum;
}
