/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/slip/slip.h"

/* 2100: no file was changed later. */
#define TIME_MAX INT64_C(4102444800000)
/* What JSON and every file system we know can name. */
#define SIZE_MAX_HERE INT64_MAX

static const char *const change_names[SK_SLIP_CHANGE_MAX_] = {"same", "new", "changed", "renamed", "deleted"};
static const char *const verdict_names[SK_SLIP_VERDICT_MAX_] = {"clean", "infected", "refused", "unchecked"};

const char *sk_slip_change_name(SkSlipChange change)
{
	return change_names[change];
}

void sk_slip_file_deinit(SkSlipFile *file)
{
	free(own_take(file->path));
	free(own_take(file->from));
}

/* Bytes as a JSON string that is safe to show and can be undone. */
static json_t *bytes_json(const char *bytes)
{
	size_t size = strlen(bytes), room = 6 * size + 1; /* the longest for a byte is "\u{1f}" */
	own_free char *text = size > SK_SLIP_PATH_MAX ? NULL : malloc(room);

	if (!text)
		return NULL;
	sk_utf8_escape(text, room, bytes, size);
	return json_string(text);
}

/* Return: 0, -EBADMSG, -ENOMEM. */
static int read_bytes(const json_t *object, const char *name, char **ret_bytes)
{
	const json_t *value = json_object_get(object, name);
	const char *text = json_string_value(value);
	own_free char *bytes = NULL;
	size_t size = 0;

	if (!text || strlen(text) != json_string_length(value))
		return -EBADMSG;
	bytes = malloc(strlen(text) + 1);
	if (!bytes)
		return -ENOMEM;
	if (!sk_utf8_unescape(bytes, strlen(text) + 1, text, &size) || strlen(bytes) != size ||
		!sk_slip_path_check(bytes))
		return -EBADMSG;
	*ret_bytes = own_take(bytes);
	return 0;
}

static bool is_told(const SkSlipFile *file)
{
	return file->change < SK_SLIP_CHANGE_MAX_ && file->verdict < SK_SLIP_VERDICT_MAX_ &&
	       sk_slip_path_check(file->path) && file->size <= SIZE_MAX_HERE &&
	       (file->change == SK_SLIP_RENAMED) == (file->from != NULL);
}

int sk_slip_line_format(const SkSlipFile *file, char **ret_line)
{
	json_auto_t *object = json_object();
	own_free char *text = NULL;
	char hex[SK_SHA256_HEX_SIZE];
	size_t size;
	int r = 0;

	if (!is_told(file))
		return -EINVAL;
	r |= json_object_set_new(object, "path", bytes_json(file->path));
	if (file->from)
		r |= json_object_set_new(object, "from", bytes_json(file->from));
	r |= json_object_set_new(object, "size", json_integer((json_int_t)file->size));
	sk_hex_format(hex, file->sha256, sizeof(file->sha256));
	if (file->hashed)
		r |= json_object_set_new(object, "sha256", json_string(hex));
	r |= json_object_set_new(object, "change", json_string(change_names[file->change]));
	r |= json_object_set_new(object, "verdict", json_string(verdict_names[file->verdict]));
	if (file->finding[0])
		r |= json_object_set_new(object, "finding", json_string(file->finding));
	if (file->at)
		r |= json_object_set_new(object, "at", json_integer(file->at));
	if (file->user[0])
		r |= json_object_set_new(object, "user", json_string(file->user));
	text = r == 0 ? json_dumps(object, JSON_COMPACT) : NULL;
	size = text ? strlen(text) : 0;
	*ret_line = text ? malloc(size + 2) : NULL;
	if (!*ret_line)
		return -ENOMEM;
	memcpy(*ret_line, text, size);
	memcpy(*ret_line + size, "\n", 2);
	return 0;
}

static int find_name(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (sk_str_eq(names[i], name))
			return i;
	return -EBADMSG;
}

static bool read_text(const char *text, char *dst, size_t size)
{
	return text == NULL || sk_str_copy(dst, size, text);
}

static int read_line(json_t *object, SkSlipFile *file)
{
	const char *change, *verdict, *digest = NULL, *finding = NULL, *user = NULL, *from = NULL, *path;
	json_int_t size, at = 0;
	int r;

	if (json_unpack_ex(object, NULL, JSON_STRICT, "{s:s, s?s, s:I, s?s, s:s, s:s, s?s, s?I, s?s}", "path",
		    &path, "from", &from, "size", &size, "sha256", &digest, "change", &change, "verdict",
		    &verdict, "finding", &finding, "at", &at, "user", &user) < 0)
		return -EBADMSG;
	if (size < 0 || at < 0 || at > TIME_MAX ||
		!read_text(finding, file->finding, sizeof(file->finding)) ||
		!read_text(user, file->user, sizeof(file->user)) ||
		(digest && sk_hex_parse(file->sha256, sizeof(file->sha256), digest) < 0))
		return -EBADMSG;
	file->size = (uint64_t)size;
	file->at = at;
	file->hashed = digest != NULL;
	r = find_name(change_names, SK_SLIP_CHANGE_MAX_, change);
	file->change = r < 0 ? SK_SLIP_SAME : (SkSlipChange)r;
	if (r >= 0)
		r = find_name(verdict_names, SK_SLIP_VERDICT_MAX_, verdict);
	if (r < 0 || (file->change == SK_SLIP_RENAMED) != (from != NULL))
		return -EBADMSG;
	file->verdict = (SkSlipVerdict)r;
	r = read_bytes(object, "path", &file->path);
	return r < 0 || !from ? r : read_bytes(object, "from", &file->from);
}

int sk_slip_line_parse(const char *line, size_t size, SkSlipFile *ret_file)
{
	json_auto_t *object =
		size > SK_SLIP_LINE_MAX ? NULL : json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
	SkSlipFile file = {.path = NULL};
	int r = object ? read_line(object, &file) : -EBADMSG;

	if (r < 0)
		sk_slip_file_deinit(&file);
	else
		*ret_file = file;
	return r;
}

int sk_slip_sum_format(const SkSlipFile *file, char **ret_line)
{
	bool escaped = strpbrk(file->path, "\n\r\\") != NULL;
	size_t size = 0;
	FILE *out = open_memstream(ret_line, &size);
	char hex[SK_SHA256_HEX_SIZE];

	if (!out)
		return -ENOMEM;
	sk_hex_format(hex, file->sha256, sizeof(file->sha256));
	fprintf(out, "%s%s  ", escaped ? "\\" : "", hex);
	for (const char *p = file->path; *p; p++) {
		if (*p == '\n' || *p == '\r' || *p == '\\')
			fputs(*p == '\n' ? "\\n" : *p == '\r' ? "\\r" : "\\\\", out);
		else
			fputc(*p, out);
	}
	fputc('\n', out);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}
