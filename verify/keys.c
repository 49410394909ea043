/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "verify/verify.h"

#define FILE_MAX 65536

/* id: NULL, or what it has to be. */
static int take_key(const char *text, const char *id, SkDsseKey *key)
{
	uint8_t bytes[SK_BASE64_SIZE(SK_SIGN_PUBLIC_SIZE)];
	size_t size = 0;

	if (strlen(text) != SK_BASE64_SIZE(SK_SIGN_PUBLIC_SIZE) - 1 ||
		sk_base64_parse(text, strlen(text), bytes, &size) < 0 || size != SK_SIGN_PUBLIC_SIZE)
		return -EBADMSG;
	memcpy(key->public_key, bytes, sizeof(key->public_key));
	sk_dsse_key_id(key->public_key, key->id);
	return id && !sk_str_eq(id, key->id) ? -EBADMSG : 0;
}

static int read_json(const char *text, SkDsseKey *keys, size_t *ret_n)
{
	json_auto_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const json_t *list = json_object_get(object, "keys");
	int r = json_array_size(list) == 0 || json_array_size(list) > VERIFY_KEYS_MAX ? -EBADMSG : 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		const char *key = json_string_value(json_object_get(item, "public"));
		const char *id = json_string_value(json_object_get(item, "id"));

		r = key ? take_key(key, id, &keys[i]) : -EBADMSG;
	}
	*ret_n = json_array_size(list);
	return r;
}

static int read_lines(char *text, SkDsseKey *keys, size_t *ret_n)
{
	char *rest, *line = strtok_r(text, "\r\n", &rest);
	size_t n = 0;

	for (; line; line = strtok_r(NULL, "\r\n", &rest)) {
		char *space = strchr(line, ' ');
		int r;

		if (line[0] == '#')
			continue;
		if (n >= VERIFY_KEYS_MAX)
			return -EBADMSG;
		if (space)
			*space = 0;
		r = take_key(space ? space + 1 : line, space ? line : NULL, &keys[n++]);
		if (r < 0)
			return r;
	}
	*ret_n = n;
	return n > 0 ? 0 : -EBADMSG;
}

int keys_read(const char *path, SkDsseKey keys[VERIFY_KEYS_MAX], size_t *ret_n)
{
	own_free char *text = NULL;
	int r = sk_io_read_file_at(AT_FDCWD, path, FILE_MAX, &text, NULL);

	if (r < 0)
		return r;
	return text[strspn(text, " \t\r\n")] == '{' ? read_json(text, keys, ret_n)
						    : read_lines(text, keys, ret_n);
}
