/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * sekisho-verify: is what lies in a directory what the slip beside it says? For the receiver of a medium, who
 * has the console's public key and nothing else of ours: one static program, no settings, nothing written.
 *
 * The directory is hostile, the slip too until its signature is found right, and the manifest until its
 * digest is the one of the slip. Nothing outside of the directory is opened: no symbolic link is followed, on
 * no part of a path, and only regular files are opened.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/slip/slip.h"

/* The exit status. They stay as they are: scripts compare them. */
enum {
	VERIFY_SAME = 0,       /* all is as the slip says */
	VERIFY_DIFFERENT = 1,  /* something is changed, new or missing, or the slip is not complete */
	VERIFY_NO_SLIP = 2,    /* there is none, or it is not signed by whom the key says */
	VERIFY_UNREADABLE = 3, /* not all could be read: nobody knows */
	VERIFY_USAGE = 4,
};

/* words.c: Japanese or English, as LC_ALL, LC_MESSAGES or LANG want. There is no catalogue where this runs.
 */
typedef enum Word {
	WORD_USAGE,
	WORD_NO_KEY,
	WORD_NO_DIRECTORY,
	WORD_NO_SLIP,
	WORD_BAD_SLIP,
	WORD_WRONG_SIGNER,
	WORD_BAD_MANIFEST,
	WORD_SIGNED,
	WORD_OPENED,
	WORD_CHANGED,
	WORD_NEW,
	WORD_MISSING,
	WORD_UNREADABLE,
	WORD_INFECTED,
	WORD_UNCHECKED,
	WORD_INCOMPLETE,
	WORD_SUMMARY,
	WORD_SAME,
	WORD_DIFFERENT,
	WORD_UNKNOWN,
	WORD_MAX_,
} Word;

void words_init(void);
/* The arguments are those of the word, which is a format of printf(). */
void words_say(FILE *out, Word word, ...);

/* keys.c: a file with a line of base64 for each key ("KEY" or "ed25519:ID KEY"), or {"keys": [{"id",
 * "public"}]} as the console gives it. Return: 0, -EBADMSG, other negative errno. */
#define VERIFY_KEYS_MAX 16
int keys_read(const char *path, SkDsseKey keys[VERIFY_KEYS_MAX], size_t *ret_n);

/* tree.c: path beneath dir_fd, without any symbolic link. Return: descriptor or negative errno. */
int tree_open(int dir_fd, const char *path, int flags);

/* All that is in a directory but directories, sorted by path as bytes. */
typedef struct Tree {
	char **paths;
	size_t n, room;
	bool failed; /* not all could be read, and what was told on standard error */
} Tree;
int tree_read(int dir_fd, Tree *ret_tree);
void tree_free(Tree *tree);

/* compare.c: every line of the manifest with what is there. Return: 0 or negative errno. */
typedef struct Comparison {
	size_t same, changed, added, missing, unreadable, infected, unchecked;
} Comparison;
int compare(int dir_fd, const SkSlip *slip, Comparison *ret_comparison);
