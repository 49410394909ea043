/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Names of content types for records, from libmagic, for what filetype.c does not know. Never decides
 * anything.
 */
#include <stddef.h>
#include <stdint.h>

/* Before the jail: maps the compiled magic file. Return: 0 or -ENOENT (then every name is the general one).
 */
int mime_init(void);

/* Looks at the beginning only. Return: valid until the next call. */
const char *mime_guess(const uint8_t *data, size_t size);
