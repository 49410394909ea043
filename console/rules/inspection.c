/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/inspection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"
#include "lib/slip/slip.h"

/* A whole list, line by line, in the order of its paths. */
typedef struct List {
	char *text;
	size_t size, at;
	SkSlipFile file; /* the one at hand; no path: the end */
} List;

static void list_deinit(List *list)
{
	sk_slip_file_deinit(&list->file);
	free(own_take(list->text));
}

static int list_load(SkDb *db, const char *manifest, List *list)
{
	own_rows SkDbRows *rows = NULL;
	FILE *out = open_memstream(&list->text, &list->size);
	int r = sk_db_query(db, "SELECT content FROM manifest_parts WHERE manifest_id = $1 ORDER BY place",
		SK_DB_ARGS(sk_db_text(manifest)), &rows);

	if (!out)
		return -ENOMEM;
	while (r == 0 && (r = sk_db_next(rows)) > 0) {
		size_t size = 0;
		const void *content = sk_db_get_bytes(rows, 0, &size);

		fwrite(content, 1, size, out);
		r = 0;
	}
	return fclose(out) != 0 && r == 0 ? -ENOMEM : r;
}

/* The next that is there: what was deleted is not. Return: 0 (no path: the end) or negative errno. */
static int list_next(List *list)
{
	do {
		const char *begin = list->text + list->at;
		const char *end = list->at < list->size ? memchr(begin, '\n', list->size - list->at) : NULL;
		int r;

		sk_slip_file_deinit(&list->file);
		if (!end)
			return 0;
		list->at += (size_t)(end - begin) + 1;
		r = sk_slip_line_parse(begin, (size_t)(end - begin), &list->file);
		if (r < 0)
			return r;
	} while (list->file.change == SK_SLIP_DELETED);
	return 0;
}

typedef struct Found {
	json_int_t unchanged, changed, added, missing;
} Found;

static bool is_same(const SkSlipFile *a, const SkSlipFile *b)
{
	return a->hashed && b->hashed && a->size == b->size &&
	       memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0;
}

static int compare(List *out, List *back, Found *found)
{
	int r = list_next(out);

	if (r == 0)
		r = list_next(back);
	while (r == 0 && (out->file.path || back->file.path)) {
		int order = !out->file.path    ? 1
			    : !back->file.path ? -1
					       : strcmp(out->file.path, back->file.path);

		found->missing += order < 0;
		found->added += order > 0;
		if (order == 0) {
			bool same = is_same(&out->file, &back->file);

			found->unchanged += same;
			found->changed += !same;
		}
		if (order <= 0)
			r = list_next(out);
		if (r == 0 && order >= 0)
			r = list_next(back);
	}
	return r;
}

/* The last one of what was carried out. Return: 1, 0 there is none, negative errno. */
static int find_last(const SkActor *actor, const char *medium, char ret_id[SK_ID_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT id FROM manifests WHERE medium_id = $1 AND kind = 'carry-out' AND whole = 1 ORDER BY "
		"received DESC, "
		"serial DESC LIMIT 1",
		SK_DB_ARGS(sk_db_text(medium)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r > 0)
		sk_str_copy(ret_id, SK_ID_SIZE, sk_db_get_text(rows, 0));
	return r;
}

int sk_inspection_compare(const SkActor *actor, const char *medium, const char *manifest, json_t **ret_result)
{
	char last[SK_ID_SIZE] = "";
	List out = {.size = 0}, back = {.size = 0};
	Found found = {0};
	int r = find_last(actor, medium, last);

	if (r > 0)
		r = list_load(actor->db, last, &out);
	if (r == 0)
		r = list_load(actor->db, manifest, &back);
	if (r == 0)
		r = compare(&out, &back, &found);
	list_deinit(&out);
	list_deinit(&back);
	if (r < 0)
		return r;
	*ret_result = json_pack("{s:I, s:I, s:I, s:I, s:o}", "unchanged", found.unchanged, "changed",
		found.changed, "new", found.added, "missing", found.missing, "comparedWith",
		last[0] ? json_string(last) : json_null());
	return *ret_result ? 0 : -ENOMEM;
}

int sk_inspection_check(const SkActor *actor, const json_t *row, json_t **ret_result)
{
	own_rows SkDbRows *rows = NULL;
	const char *medium = sk_row_text(row, "id");
	int r;

	*ret_result = NULL;
	if (!*sk_row_text(row, "luksUuid"))
		return 0;
	r = sk_db_query(actor->db,
		"SELECT result, id FROM manifests WHERE medium_id = $1 AND kind = 'return' AND whole = 1 AND "
		"complete = 1 AND "
		"received >= (SELECT COALESCE(max(at), 0) FROM media_history WHERE medium_id = $1 AND "
		"to_state = 'out') AND "
		"received > (SELECT COALESCE(max(received), 0) FROM manifests WHERE medium_id = $1 AND kind "
		"= 'carry-out') "
		"ORDER BY received DESC LIMIT 1",
		SK_DB_ARGS(sk_db_text(medium)), &rows);
	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : SK_MEDIUM_NOT_INSPECTED;
	*ret_result = json_loads(sk_db_get_text(rows, 0), 0, NULL);
	if (!*ret_result)
		return -EUCLEAN;
	return json_object_set_new(*ret_result, "manifest", json_string(sk_db_get_text(rows, 1))) < 0
		       ? -ENOMEM
		       : 0;
}
