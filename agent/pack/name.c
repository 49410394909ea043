/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/pack/name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>
#include <wchar.h>
#include <wctype.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/slip/name.h"

/* Of one part, in units of UTF-16 at most as many as bytes: what NTFS and exFAT hold. */
#define PART_MAX 255
#define PATH_MAX_BYTES 2000

struct PackNames {
	UT_hash_handle hh;
	bool is_file;
	char folded[];
};

/* Windows sees a device in it, whatever follows the first full stop. */
static bool is_device(const char *part, size_t size)
{
	static const char *const devices[] = {"con", "prn", "aux", "nul", "conin$", "conout$"};
	size_t length = 0;

	while (length < size && part[length] != '.')
		length++;
	while (length > 0 && part[length - 1] == ' ')
		length--;
	for (size_t i = 0; i < SK_ARRAY_SIZE(devices); i++)
		if (length == strlen(devices[i]) && strncasecmp(part, devices[i], length) == 0)
			return true;
	/* Digits in superscript count, too. */
	return length >= 4 && (strncasecmp(part, "com", 3) == 0 || strncasecmp(part, "lpt", 3) == 0) &&
	       ((length == 4 && part[3] >= '0' && part[3] <= '9') ||
		       (length == 5 && (strncmp(part + 3, "¹", 2) == 0 || strncmp(part + 3, "²", 2) == 0 ||
					       strncmp(part + 3, "³", 2) == 0)));
}

static bool check_part(const char *part, size_t size)
{
	return size <= PART_MAX && strcspn(part, "\\:*?\"<>|") >= size && part[size - 1] != '.' &&
	       part[size - 1] != ' ' && !is_device(part, size);
}

bool pack_name_check(const char *path)
{
	char shown[4 * PATH_MAX_BYTES];
	size_t size = strlen(path);

	if (size > PATH_MAX_BYTES || !sk_slip_path_check(path))
		return false;
	/* The slip's own folder, however it is written. */
	if (strncasecmp(path, SK_SLIP_FOLDER, strlen(SK_SLIP_FOLDER)) == 0 &&
		(path[strlen(SK_SLIP_FOLDER)] == '/' || path[strlen(SK_SLIP_FOLDER)] == 0))
		return false;
	for (const char *part = path;;) {
		size_t length = strcspn(part, "/");

		if (!check_part(part, length))
			return false;
		if (part[length] == 0)
			break;
		part += length + 1;
	}
	/* What would be shown as an escape is invalid, a control character, or turns the text around. */
	sk_utf8_escape(shown, sizeof(shown), path, size);
	return sk_str_eq(shown, path);
}

/* In capitals: what Windows compares. */
static char *fold(const char *path)
{
	size_t size = strlen(path) + 1;
	own_free wchar_t *wide = calloc(size, sizeof(*wide));
	own_free char *folded = malloc(size * MB_CUR_MAX);

	if (!wide || !folded || mbstowcs(wide, path, size) == (size_t)-1)
		return NULL;
	for (wchar_t *c = wide; *c; c++)
		*c = (wchar_t)towupper((wint_t)*c);
	return wcstombs(folded, wide, size * MB_CUR_MAX) == (size_t)-1 ? NULL : own_take(folded);
}

static int add(PackNames **names, const char *folded, bool is_file)
{
	PackNames *name;
	size_t size = strlen(folded);

	HASH_FIND(hh, *names, folded, size, name);
	if (name)
		return is_file || name->is_file ? -EEXIST : 0;
	name = malloc(sizeof(*name) + size + 1);
	if (!name)
		return -ENOMEM;
	name->is_file = is_file;
	memcpy(name->folded, folded, size + 1);
	HASH_ADD(hh, *names, folded, size, name);
	return 0;
}

int pack_names_add(PackNames **names, const char *path)
{
	own_free char *folded = fold(path);

	if (!folded)
		return -ENOMEM;
	for (char *slash = strchr(folded, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		int r = add(names, folded, false);

		*slash = '/';
		if (r < 0)
			return r;
	}
	return add(names, folded, true);
}

PackNames *pack_names_free(PackNames *names)
{
	PackNames *name, *next;

	HASH_ITER (hh, names, name, next) {
		HASH_DEL(names, name);
		free(name);
	}
	return NULL;
}
