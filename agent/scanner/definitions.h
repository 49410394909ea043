/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The folder of virus definitions (root's or freshclam's own, never a medium's): which version is there, how
 * old is it, and does it need pictures decoded.
 */
#include <stdbool.h>
#include <stdint.h>

typedef struct Definitions {
	uint64_t version; /* changes when a file is added, removed or replaced, and with this program's own
			     version */
	int64_t time; /* newest build time in a database's header, else newest change of a file; 0: none */
	unsigned files;
} Definitions;

/* Of some directories (ended by NULL) the one whose definitions are the newest; the first when none has any.
 */
const char *definitions_newest(const char *const *directories);

/* Return: 0 (files may be 0) or negative errno of reading the folder. */
int definitions_read(const char *directory, Definitions *ret_definitions);

/*
 * Does any signature compare pictures? libclamav decodes every picture whether or not there is such a
 * signature, a third of the time on a clinic's media. True when in doubt.
 */
bool definitions_compare_pictures(const char *directory);
