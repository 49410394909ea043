/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Text as our console shows it: in lines behind a margin, broken between words and between Japanese letters.
 * These are told to the kernel by the numbers of their glyphs (letters.h). What the console does not have,
 * and what would control it, is "?".
 */
#include <stdbool.h>
#include <stddef.h>

typedef struct Page {
	unsigned columns;
	bool japanese; /* this console has our letters */
} Page;

/* Without a line break at its end. Return: false: dst is too small, and has what fits. */
bool page_lay(const Page *page, char *dst, size_t size, const char *text);
