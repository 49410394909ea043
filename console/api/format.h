/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The formats of strings in the contract: does a text have it? Pure; the text is any valid UTF-8.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console/api/api.h"

bool sk_format_check(SkApiFormat format, const char *text, size_t size);

/* "a date and time like 2026-04-01T09:00:00Z": what the format wants, for messages to programmers. */
const char *sk_format_describe(SkApiFormat format);

/* Characters (code points) of valid UTF-8. */
size_t sk_format_length(const char *text, size_t size);
