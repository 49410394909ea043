/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/passphrase.h"

bool sk_passphrase_is_mixed(const char *passphrase, size_t size)
{
	bool letter = false, digit = false, other = false;

	for (size_t i = 0; i < size; i++) {
		char c = passphrase[i];

		if (c < ' ' || c > '~')
			return false;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			letter = true;
		else if (c >= '0' && c <= '9')
			digit = true;
		else
			other = true;
	}
	return size >= SK_PASSPHRASE_LENGTH && size <= SK_PASSPHRASE_MAX && letter && digit && other;
}
