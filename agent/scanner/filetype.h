/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What kind of file is this, by its content and never by its name. Pure functions over hostile bytes in
 * memory: no input or output, no state; run inside the worker's jail.
 *
 * Deliberately not recognised, because nothing in the content says so: DOS .com programs, shell scripts
 * without a
 * #! line, and text of a single harmless-looking line. They are still scanned, and the medium is mounted
 * noexec.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/ipc/proto.h"
#include "lib/ipc/proto_scanner.h"

typedef struct FileType {
	uint32_t types;	  /* SK_TYPE_* bits */
	const char *mime; /* a literal, or NULL when the content is none of the known ones */
} FileType;

/* Looks at the whole of data where the format needs it (a ZIP's directory is at its end). */
FileType filetype_detect(const uint8_t *data, size_t size);

/* The parts, each for one family of formats; used by filetype_detect() and their tests. */
FileType filetype_of_zip(const uint8_t *data, size_t size);
FileType filetype_of_7z(const uint8_t *data, size_t size);
FileType filetype_of_rar(const uint8_t *data, size_t size);
FileType filetype_of_ole(const uint8_t *data, size_t size);
FileType filetype_of_text(const uint8_t *data, size_t size);
