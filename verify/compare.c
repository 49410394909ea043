/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/crypt/digest.h"
#include "verify/verify.h"

#define PIECE_SIZE (1u << 20)
#define MANIFEST_MAX (INT64_C(4) << 30)

/* Reads the manifest line by line, and what is there beside it. */
typedef struct State {
	int dir_fd;
	Tree tree;
	size_t at; /* in the tree */
	char *line, *last;
	size_t room;
	uint8_t *piece;
	Comparison *result;
} State;

static void tell(Word word, const char *path)
{
	char shown[6 * SK_SLIP_PATH_MAX + 1];

	sk_utf8_escape(shown, sizeof(shown), path, strlen(path));
	words_say(stdout, word, shown);
}

static int hash(State *state, int fd, SkSlipPart *ret_part)
{
	SkSha256 digest;
	ssize_t n;

	sk_sha256_init(&digest);
	*ret_part = (SkSlipPart){.size = 0};
	while ((n = sk_io_read_up_to(fd, state->piece, PIECE_SIZE)) > 0) {
		sk_sha256_update(&digest, state->piece, (size_t)n);
		ret_part->size += (uint64_t)n;
	}
	sk_sha256_final(&digest, ret_part->sha256);
	return n < 0 ? (int)n : 0;
}

/* Of a regular file; what else there may be is no content. Return: 0, -EINVAL it is something else, others.
 */
static int hash_path(State *state, const char *path, SkSlipPart *ret_part)
{
	own_fd int fd = tree_open(state->dir_fd, path, O_RDONLY);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? hash(state, fd, ret_part) : -EINVAL;
}

static bool is_part(const SkSlipPart *found, const SkSlipPart *signed_part)
{
	return found->size == signed_part->size &&
	       memcmp(found->sha256, signed_part->sha256, sizeof(found->sha256)) == 0;
}

/* One that is there and was signed for. */
static void look_at(State *state, const SkSlipFile *file)
{
	const SkSlipPart expected = {.size = file->size};
	SkSlipPart found, wanted = expected;
	int r = hash_path(state, file->path, &found);

	memcpy(wanted.sha256, file->sha256, sizeof(wanted.sha256));
	if (file->verdict == SK_SLIP_INFECTED) {
		tell(WORD_INFECTED, file->path);
		state->result->infected++;
	} else if (file->verdict == SK_SLIP_UNCHECKED) {
		tell(WORD_UNCHECKED, file->path);
		state->result->unchecked++;
	}
	if (r < 0 && r != -EINVAL && r != -ELOOP && r != -ENOENT) {
		tell(WORD_UNREADABLE, file->path);
		state->result->unreadable++;
	} else if (r < 0 || !file->hashed || !is_part(&found, &wanted)) {
		tell(WORD_CHANGED, file->path);
		state->result->changed++;
	} else {
		state->result->same++;
	}
}

/* Of the three files, those of this slip are not new, and are compared by whoever needs them. */
static bool is_of_slip(const State *state, const char *path, const SkSlip *slip)
{
	char name[SK_SLIP_NAME_SIZE], manifest[SK_SLIP_NAME_SIZE];
	const char *rest = path + strlen(SK_SLIP_FOLDER "/");

	sk_slip_name(slip->serial, name);
	sk_slip_manifest_name(slip->serial, manifest);
	return sk_str_starts(path, SK_SLIP_FOLDER "/") &&
	       (sk_str_eq(rest, name) || sk_str_eq(rest, manifest) || sk_str_eq(rest, SK_SLIP_SUMS));
}

/* All that is there before this path (NULL: the end) was not signed for. */
static void tell_new(State *state, const SkSlip *slip, const char *path)
{
	for (; state->at < state->tree.n; state->at++) {
		const char *there = state->tree.paths[state->at];

		if (path && strcmp(there, path) >= 0)
			return;
		if (is_of_slip(state, there, slip))
			continue;
		tell(WORD_NEW, there);
		state->result->added++;
	}
}

static int take_line(State *state, const SkSlip *slip, size_t size)
{
	SkSlipFile file;
	int r = sk_slip_line_parse(state->line, size, &file);

	if (r < 0)
		return r;
	if (state->last && strcmp(state->last, file.path) >= 0) {
		sk_slip_file_deinit(&file);
		return -EBADMSG;
	}
	if (file.change != SK_SLIP_DELETED) {
		tell_new(state, slip, file.path);
		if (state->at < state->tree.n && sk_str_eq(state->tree.paths[state->at], file.path)) {
			state->at++;
			look_at(state, &file);
		} else {
			tell(WORD_MISSING, file.path);
			state->result->missing++;
		}
	}
	free(state->last);
	state->last = own_take(file.path);
	sk_slip_file_deinit(&file);
	return 0;
}

static int read_manifest(State *state, const SkSlip *slip, FILE *in)
{
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = getline(&state->line, &state->room, in)) > 0) {
		if (state->line[n - 1] != '\n')
			return -EBADMSG;
		r = take_line(state, slip, (size_t)n - 1);
	}
	if (r == 0)
		tell_new(state, slip, NULL);
	return r < 0 ? r : ferror(in) ? -EIO : 0;
}

/* Opens the manifest when it is the signed one. */
static int open_manifest(State *state, const SkSlip *slip, FILE **ret_file)
{
	char name[SK_SLIP_NAME_SIZE], path[2 * SK_SLIP_NAME_SIZE];
	SkSlipPart found;
	struct stat st;
	int r;

	sk_slip_manifest_name(slip->serial, name);
	sk_str_format(path, sizeof(path), SK_SLIP_FOLDER "/%s", name);
	own_fd int fd = tree_open(state->dir_fd, path, O_RDONLY);

	if (fd < 0)
		return -EBADMSG;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > MANIFEST_MAX)
		return -EBADMSG;
	r = hash(state, fd, &found);
	if (r < 0 || !is_part(&found, &slip->manifest))
		return r < 0 ? r : -EBADMSG;
	if (lseek(fd, 0, SEEK_SET) < 0 || !(*ret_file = fdopen(fd, "r")))
		return -errno;
	own_take_fd(&fd);
	return 0;
}

/* The plain list is for those who have nothing of ours; they must not be told something else. */
static void check_sums(State *state, const SkSlip *slip)
{
	SkSlipPart found;

	if (hash_path(state, SK_SLIP_FOLDER "/" SK_SLIP_SUMS, &found) == 0 && is_part(&found, &slip->sums))
		return;
	tell(WORD_CHANGED, SK_SLIP_FOLDER "/" SK_SLIP_SUMS);
	state->result->changed++;
}

int compare(int dir_fd, const SkSlip *slip, Comparison *ret_comparison)
{
	State state = {.dir_fd = dir_fd, .result = ret_comparison, .piece = malloc(PIECE_SIZE)};
	own_file FILE *manifest = NULL;
	int r = state.piece ? open_manifest(&state, slip, &manifest) : -ENOMEM;

	if (r == 0)
		r = tree_read(dir_fd, &state.tree);
	if (r == 0)
		r = read_manifest(&state, slip, manifest);
	if (r == 0)
		check_sums(&state, slip);
	ret_comparison->unreadable += state.tree.failed;
	tree_free(&state.tree);
	free(state.line);
	free(state.last);
	free(state.piece);
	return r;
}
