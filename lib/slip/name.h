/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Names on a medium: of the three files of a slip (lib/slip/slip.h), and those that a manifest may have. */
#include <stdbool.h>
#include <stdint.h>

#define SK_SLIP_FOLDER ".sekisho"
#define SK_SLIP_SUMS "SHA256SUMS"
#define SK_SLIP_NAME_SIZE 64
#define SK_SLIP_PATH_MAX 4095

/* May a path be in a manifest: relative, no empty component, no "." and no ".."? */
bool sk_slip_path_check(const char *path);

/* Is it one of the three files (of any serial)? */
bool sk_slip_is_own(const char *path);
/* The same of a name in the folder. */
bool sk_slip_is_own_name(const char *name);

void sk_slip_name(uint64_t serial, char ret_name[SK_SLIP_NAME_SIZE]);
void sk_slip_manifest_name(uint64_t serial, char ret_name[SK_SLIP_NAME_SIZE]);
/* Return: false: name is not that of a slip. */
bool sk_slip_serial_of(const char *name, uint64_t *ret_serial);
