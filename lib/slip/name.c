/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/slip/name.h"

#include <string.h>

#include "lib/base/str.h"

bool sk_slip_path_check(const char *path)
{
	size_t size = strlen(path);

	if (size == 0 || size > SK_SLIP_PATH_MAX)
		return false;
	for (const char *part = path;;) {
		size_t length = strcspn(part, "/");

		if (length == 0 || (length == 1 && part[0] == '.') ||
			(length == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		if (part[length] == 0)
			return true;
		part += length + 1;
	}
}

/* Decimal digits between two words. */
static bool is_numbered(const char *name, const char *before, const char *after)
{
	size_t digits;

	if (!sk_str_starts(name, before))
		return false;
	name += strlen(before);
	digits = strspn(name, "0123456789");
	return digits > 0 && digits < 20 && sk_str_eq(name + digits, after);
}

bool sk_slip_is_own_name(const char *name)
{
	return sk_str_eq(name, SK_SLIP_SUMS) || is_numbered(name, "manifest-", ".jsonl") ||
	       is_numbered(name, "slip-", ".dsse.json");
}

bool sk_slip_is_own(const char *path)
{
	return sk_str_starts(path, SK_SLIP_FOLDER "/") &&
	       sk_slip_is_own_name(path + strlen(SK_SLIP_FOLDER "/"));
}

void sk_slip_name(uint64_t serial, char ret_name[SK_SLIP_NAME_SIZE])
{
	sk_str_format(ret_name, SK_SLIP_NAME_SIZE, "slip-%llu.dsse.json", (unsigned long long)serial);
}

void sk_slip_manifest_name(uint64_t serial, char ret_name[SK_SLIP_NAME_SIZE])
{
	sk_str_format(ret_name, SK_SLIP_NAME_SIZE, "manifest-%llu.jsonl", (unsigned long long)serial);
}

bool sk_slip_serial_of(const char *name, uint64_t *ret_serial)
{
	char digits[20] = "";

	if (!is_numbered(name, "slip-", ".dsse.json"))
		return false;
	name += strlen("slip-");
	memcpy(digits, name, strspn(name, "0123456789"));
	return sk_num_parse(digits, 10, INT64_MAX, ret_serial) == 0;
}
