/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Words for people in libraries that know no language: they mark their English with N_() (tools/check-strings
 * sees that each has a translation) and ask whoever calls them for another one.
 */
#include <stddef.h>

#define N_(text) text

/* English in, the user's language out. A format stays one with the same arguments. */
typedef const char *(*SkTranslate)(const char *english);

/* translate may be NULL: English. */
__attribute__((format_arg(2))) static inline const char *sk_translate(
	SkTranslate translate, const char *english)
{
	return translate ? translate(english) : english;
}
