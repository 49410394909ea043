/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

/* What is known of the file that has this number now. */
typedef struct Note {
	uint64_t ino;
	SkFileId file; /* as which it was read, or written to last */
	bool known;
	ManifestContent content;
	uint64_t number; /* of the last write; 0: none */
	int64_t at;
	uid_t uid;
	char *path; /* of the last write; NULL: none */
	UT_hash_handle hh;
} Note;

typedef struct Base {
	char *path;
	SkFileId file;
	bool known, matched;
	ManifestContent content;
	UT_hash_handle hh_path, hh_ino;
} Base;

typedef struct Final {
	char *path;
	SkFileId file;
} Final;

typedef struct FinalList {
	Final *files;
	size_t n, room;
} FinalList;

struct Manifest {
	Note *notes;
	Base *by_path, *by_ino;
	FinalList final, kept;
	uint64_t last_number;
};

Manifest *manifest_new(void)
{
	return calloc(1, sizeof(Manifest));
}

static void list_clear(FinalList *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->files[i].path);
	free(list->files);
	*list = (FinalList){.n = 0};
}

void manifest_clear_base(Manifest *manifest)
{
	Base *base, *next;

	HASH_CLEAR(hh_ino, manifest->by_ino);
	HASH_ITER (hh_path, manifest->by_path, base, next) {
		HASH_DELETE(hh_path, manifest->by_path, base);
		free(base->path);
		free(base);
	}
}

Manifest *manifest_free(Manifest *manifest)
{
	Note *note, *next;

	if (!manifest)
		return NULL;
	manifest_clear_base(manifest);
	HASH_ITER (hh, manifest->notes, note, next) {
		HASH_DEL(manifest->notes, note);
		free(note->path);
		free(note);
	}
	list_clear(&manifest->final);
	list_clear(&manifest->kept);
	free(manifest);
	return NULL;
}

size_t manifest_base(const Manifest *manifest)
{
	return HASH_CNT(hh_path, manifest->by_path);
}

static Base *base_of_path(const Manifest *manifest, const char *path)
{
	Base *base;

	HASH_FIND(hh_path, manifest->by_path, path, strlen(path), base);
	return base;
}

static Base *base_of_ino(const Manifest *manifest, uint64_t ino)
{
	Base *base;

	HASH_FIND(hh_ino, manifest->by_ino, &ino, sizeof(ino), base);
	return base;
}

static Note *note_find(const Manifest *manifest, uint64_t ino)
{
	Note *note;

	HASH_FIND(hh, manifest->notes, &ino, sizeof(ino), note);
	return note;
}

int manifest_add_base(Manifest *manifest, const char *path, const SkFileId *file)
{
	const Note *note;
	Base *base;

	if (manifest_base(manifest) >= MANIFEST_FILES_MAX)
		return -E2BIG;
	if (base_of_path(manifest, path) || base_of_ino(manifest, file->ino))
		return 0;
	base = calloc(1, sizeof(*base));
	if (!base || !(base->path = strdup(path))) {
		free(base);
		return -ENOMEM;
	}
	base->file = *file;
	note = note_find(manifest, file->ino);
	if (note && note->known && memcmp(&note->file, file, sizeof(*file)) == 0) {
		base->content = note->content;
		base->known = true;
	}
	HASH_ADD_KEYPTR(hh_path, manifest->by_path, base->path, strlen(base->path), base);
	HASH_ADD(hh_ino, manifest->by_ino, file.ino, sizeof(base->file.ino), base);
	return 0;
}

static Note *note_ensure(Manifest *manifest, const SkFileId *file)
{
	Note *note = note_find(manifest, file->ino);

	if (note)
		return note;
	if (HASH_COUNT(manifest->notes) >= 2 * MANIFEST_FILES_MAX || !(note = calloc(1, sizeof(*note))))
		return NULL;
	note->ino = file->ino;
	note->file = *file;
	note->uid = (uid_t)-1;
	HASH_ADD(hh, manifest->notes, ino, sizeof(note->ino), note);
	return note;
}

uint64_t manifest_written(Manifest *manifest, const ManifestWritten *written)
{
	Note *note = note_ensure(manifest, &written->file);

	if (!note)
		return 0;
	note->known = false;
	note->file = written->file;
	note->at = written->at;
	note->uid = written->uid;
	note->number = ++manifest->last_number;
	if (written->path[0]) {
		free(note->path);
		note->path = strdup(written->path);
	}
	return note->number;
}

static bool is_file(const SkFileId *a, const SkFileId *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool manifest_read(Manifest *manifest, const SkFileId *file, uint64_t number, const ManifestContent *content)
{
	Base *base = base_of_ino(manifest, file->ino);
	Note *note = note_ensure(manifest, file);

	if (!note || note->number != number)
		return false;
	note->file = *file;
	note->content = *content;
	note->known = true;
	if (base && is_file(&base->file, file)) {
		base->content = *content;
		base->known = true;
	}
	return true;
}

bool manifest_is_clean(const Manifest *manifest, const SkFileId *file)
{
	const Note *note = note_find(manifest, file->ino);

	return note && note->known && note->number == 0 && is_file(&note->file, file) &&
	       note->content.verdict == SK_SLIP_CLEAN;
}

void manifest_doubt(Manifest *manifest)
{
	Note *note, *next;

	HASH_ITER (hh, manifest->notes, note, next)
		note->known = false;
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(SkFileId));
}

int manifest_known(const Manifest *manifest, SkFileId **ret_files, size_t *ret_n)
{
	SkFileId *files = calloc(HASH_COUNT(manifest->notes) + 1, sizeof(*files));
	Note *note, *next;
	size_t n = 0;

	if (!files)
		return -ENOMEM;
	HASH_ITER (hh, manifest->notes, note, next)
		if (note->known && note->content.hashed)
			files[n++] = note->file;
	qsort(files, n, sizeof(*files), compare_ids);
	*ret_files = files;
	*ret_n = n < SK_SCAN_KNOWN_MAX ? n : SK_SCAN_KNOWN_MAX;
	return 0;
}

int manifest_add_final(
	Manifest *manifest, const char *path, const SkFileId *file, const ManifestContent *content)
{
	FinalList *list = &manifest->final;
	Note *note;

	if (list->n >= MANIFEST_FILES_MAX)
		return -E2BIG;
	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 256;
		Final *files = realloc(list->files, room * sizeof(*files));

		if (!files)
			return -ENOMEM;
		list->files = files;
		list->room = room;
	}
	list->files[list->n] = (Final){.path = strdup(path), .file = *file};
	if (!list->files[list->n].path)
		return -ENOMEM;
	list->n++;
	if (!content)
		return 0;
	note = note_ensure(manifest, file);
	if (!note)
		return -ENOMEM;
	note->file = *file;
	note->content = *content;
	note->known = true;
	return 0;
}

void manifest_clear_final(Manifest *manifest)
{
	list_clear(&manifest->final);
}

static int compare_finals(const void *a, const void *b)
{
	return strcmp(((const Final *)a)->path, ((const Final *)b)->path);
}

static void list_sort(FinalList *list)
{
	if (list->n > 1)
		qsort(list->files, list->n, sizeof(*list->files), compare_finals);
}

void manifest_keep_final(Manifest *manifest)
{
	list_clear(&manifest->kept);
	manifest->kept = manifest->final;
	manifest->final = (FinalList){.n = 0};
}

bool manifest_is_as_kept(Manifest *manifest)
{
	const FinalList *kept = &manifest->kept, *final = &manifest->final;

	list_sort(&manifest->final);
	list_sort(&manifest->kept);
	if (kept->n != final->n)
		return false;
	for (size_t i = 0; i < kept->n; i++)
		if (!sk_str_eq(kept->files[i].path, final->files[i].path) ||
			!is_file(&kept->files[i].file, &final->files[i].file))
			return false;
	return true;
}

/* A line that is being made, with what it is made of. */
typedef struct Line {
	SkSlipFile file; /* its texts are borrowed */
	uid_t uid;
} Line;

typedef struct Lines {
	Line *lines;
	size_t n;
} Lines;

static int compare_lines(const void *a, const void *b)
{
	return strcmp(((const Line *)a)->file.path, ((const Line *)b)->file.path);
}

static void set_content(SkSlipFile *file, const ManifestContent *content)
{
	file->hashed = content && content->hashed;
	file->verdict = content ? content->verdict : SK_SLIP_UNCHECKED;
	if (!content)
		return;
	memcpy(file->sha256, content->sha256, sizeof(file->sha256));
	sk_str_copy(file->finding, sizeof(file->finding), content->finding);
}

static bool is_content(const ManifestContent *a, const ManifestContent *b)
{
	return a && b && a->hashed && b->hashed && memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0;
}

/* base: what it was, under whatever name; NULL: it was not there. */
static SkSlipChange change_of(const Base *base, const Final *final, const ManifestContent *content)
{
	const ManifestContent *before = base && base->known ? &base->content : NULL;

	if (!base)
		return SK_SLIP_NEW;
	if (!sk_str_eq(base->path, final->path))
		return SK_SLIP_RENAMED;
	if (is_file(&base->file, &final->file) || is_content(before, content))
		return SK_SLIP_SAME;
	/* The kernel forgot it, and found it again under another number. */
	if (!before && base->file.ino != final->file.ino && base->file.size == final->file.size &&
		base->file.mtime_nsec == final->file.mtime_nsec)
		return SK_SLIP_SAME;
	return SK_SLIP_CHANGED;
}

static void add_line(Lines *lines, const Final *final, const Base *base, const Note *note)
{
	const ManifestContent *content =
		note && note->known && is_file(&note->file, &final->file) ? &note->content : NULL;
	Line *line = &lines->lines[lines->n++];

	*line = (Line){.file = {.path = final->path, .size = final->file.size}, .uid = (uid_t)-1};
	line->file.change = change_of(base, final, content);
	if (line->file.change == SK_SLIP_RENAMED)
		line->file.from = base->path;
	if (note && line->file.change != SK_SLIP_SAME) {
		line->file.at = note->at;
		line->uid = note->uid;
	}
	set_content(&line->file, content);
}

static void add_gone(Lines *lines, const Manifest *manifest)
{
	Base *base, *next;

	HASH_ITER (hh_path, manifest->by_path, base, next)
		if (!base->matched)
			lines->lines[lines->n++] = (Line){.file = {.path = base->path,
								  .size = base->file.size,
								  .change = SK_SLIP_DELETED,
								  .verdict = SK_SLIP_UNCHECKED},
				.uid = (uid_t)-1};
}

/* First those that have their number still, wherever they are; then who stands in the place of another. */
static void match_all(Manifest *manifest, Lines *lines)
{
	const FinalList *list = &manifest->final;
	Base *base, *next;

	HASH_ITER (hh_path, manifest->by_path, base, next)
		base->matched = false;
	for (size_t i = 0; i < list->n; i++) {
		base = base_of_ino(manifest, list->files[i].file.ino);
		if (!base || base->matched)
			continue;
		base->matched = true;
		add_line(lines, &list->files[i], base, note_find(manifest, list->files[i].file.ino));
	}
	for (size_t i = 0; i < list->n; i++) {
		const Base *same = base_of_ino(manifest, list->files[i].file.ino);

		if (same)
			continue;
		base = base_of_path(manifest, list->files[i].path);
		if (base && base->matched)
			base = NULL;
		if (base)
			base->matched = true;
		add_line(lines, &list->files[i], base, note_find(manifest, list->files[i].file.ino));
	}
	add_gone(lines, manifest);
}

/* What was there, as far as nobody wrote to it, and what was written. */
static void tell_noted(const Manifest *manifest, Lines *lines)
{
	Base *base, *next_base;
	Note *note, *next;

	HASH_ITER (hh_path, manifest->by_path, base, next_base) {
		note = note_find(manifest, base->file.ino);
		if (note && note->path)
			continue;
		const Final final = {base->path, base->file};
		Line *line = &lines->lines[lines->n];

		add_line(lines, &final, base, NULL);
		set_content(&line->file, base->known ? &base->content : NULL);
	}
	HASH_ITER (hh, manifest->notes, note, next) {
		const Final final = {note->path, note->file};

		if (note->path && sk_slip_path_check(note->path) && !sk_slip_is_own(note->path))
			add_line(lines, &final, base_of_ino(manifest, note->ino), note);
	}
}

static int tell_lines(Lines *lines, ManifestLine line, void *userdata)
{
	int r = 0;

	if (lines->n > 1)
		qsort(lines->lines, lines->n, sizeof(*lines->lines), compare_lines);
	for (size_t i = 0; r >= 0 && i < lines->n; i++) {
		/* Two of one name are in notes only: a file was replaced by another one, which came later. */
		if (i + 1 < lines->n && compare_lines(&lines->lines[i], &lines->lines[i + 1]) == 0)
			continue;
		r = line(userdata, &lines->lines[i].file, lines->lines[i].uid);
	}
	return r < 0 ? r : 0;
}

int manifest_make(Manifest *manifest, bool partial, ManifestLine line, void *userdata)
{
	size_t most = manifest->final.n + manifest_base(manifest) + HASH_COUNT(manifest->notes) + 1;
	Lines lines = {.lines = calloc(most, sizeof(*lines.lines))};
	int r;

	if (!lines.lines)
		return -ENOMEM;
	if (partial)
		tell_noted(manifest, &lines);
	else
		match_all(manifest, &lines);
	r = tell_lines(&lines, line, userdata);
	free(lines.lines);
	return r;
}

void manifest_each_noted(const Manifest *manifest, ManifestNoted noted, void *userdata)
{
	Note *note, *next;

	HASH_ITER (hh, manifest->notes, note, next) {
		const ManifestWritten written = {.file = note->file,
			.path = note->path ? note->path : "",
			.at = note->at,
			.uid = note->uid};

		if (note->number)
			noted(userdata, &written, note->known ? &note->content : NULL);
	}
}
