/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/crockford.h"

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
