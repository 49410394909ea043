/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Who keeps a mount from being unmounted: for the message to the user. Looked for with the rights of that
 * user, in a child process.
 */
#include <stddef.h>
#include <sys/types.h>

/* How many programs are named. */
#define MEDIA_BUSY_NAMES_MAX 3

/* Writes "name (pid), ..." or nothing; takes a few seconds at most. */
void media_busy_format(const char *path, uid_t uid, char *text, size_t size);
