/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The Japanese letters of our console, in the order of their code points: kanji.c is made by
 * tools/make-kanji. */
#include <stddef.h>
#include <stdint.h>

#define KANJI_DOTS 16

typedef struct Kanji {
	uint16_t letter;	   /* Unicode */
	uint16_t rows[KANJI_DOTS]; /* the leftmost dot is the highest bit */
} Kanji;

extern const Kanji kanji[];
extern const size_t kanji_count;
