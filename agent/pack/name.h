/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Names in a hand-over archive. It is unpacked on Windows, so a name that means something else there, is no
 * text, hides what it is, or is the same as another one but for its case, is refused: unpacked it would be
 * another name, and the slip would not fit.
 */
#include <stdbool.h>

/* Needs a locale of UTF-8 where letters have a case (LC_CTYPE). */
bool pack_name_check(const char *path);

typedef struct PackNames PackNames;

/* Return: 0; -EEXIST there is one like it, or one of the two would lie beneath the other; -ENOMEM. */
int pack_names_add(PackNames **names, const char *path);
PackNames *pack_names_free(PackNames *names);
