/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The encodings that Japanese editors still save besides UTF-8: so that a message can name the one that it
 * was.
 */
#include <stdbool.h>
#include <stddef.h>

/*
 * Is all of the text well-formed? *ret_longest (may be NULL): the most characters of two bytes or more in a
 * row, written on success only. Well-formed is also text with none; three are a word, fewer can be chance.
 */
bool sk_shift_jis_check(const char *text, size_t size, unsigned *ret_longest);
bool sk_euc_jp_check(const char *text, size_t size, unsigned *ret_longest);
