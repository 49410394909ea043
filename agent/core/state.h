/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Small files of core's own in [Agent] StateDirectory, each one JSON value that is replaced as a whole.
 */
#include <jansson.h>

typedef struct Core Core;

/* Return: a new reference, or NULL: it is not there, larger than max bytes, or not JSON. What is in it the
 * caller judges. */
json_t *state_read(const Core *core, const char *file, size_t max);

/* Return: 0 or negative errno. */
int state_write(const Core *core, const char *file, const json_t *content);
