/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Is this the compact JSON that our writer makes? Millions of lines are verified, and building a tree of each
 * with jansson only to throw it away would be most of the work; so this only looks. What it accepts jansson
 * accepts too (fuzz_audit proves it); it refuses more: blanks between tokens, numbers beyond 18 digits or two
 * digits of exponent, \u0000, nesting beyond SK_JSON_DEPTH_MAX.
 */
#include <stdbool.h>
#include <stddef.h>

#define SK_JSON_DEPTH_MAX 32

/* Looks at one value at *text and moves *text behind it. Strings are valid UTF-8. */
bool sk_json_skip_value(const char **text, const char *end);
bool sk_json_skip_string(const char **text, const char *end);
