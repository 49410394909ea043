/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Japanese letters on our console. The kernel's font has none, but room for 256 glyphs behind its own
 * (KDFONTOP, 512 in all), and each console of a framebuffer has a font for itself: those that our words need
 * are put there, two glyphs a letter.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LETTERS_GLYPHS 512
#define LETTERS_FIRST 256 /* of ours */
#define LETTERS_WIDTH_MAX 32
#define LETTERS_HEIGHT_MAX 32 /* the kernel keeps so many rows for each glyph, also of smaller fonts */

/* Of a font as KDFONTOP has it: its glyphs from LETTERS_FIRST on. width, height: of one. Return: false: they
 * are too small. */
bool letters_draw(uint8_t *font, unsigned width, unsigned height);

/* Return: false: this console has no font of its own, or takes none. */
bool letters_load(int console_fd);

/* The first of a letter's two glyphs, or 0: it is none of ours. */
unsigned letters_glyph(uint32_t letter);
