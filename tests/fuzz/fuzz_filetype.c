/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Content types of any bytes: no read outside of them, no bit outside of SK_TYPE_*, the same answer twice,
 * and a name whenever a type is given.
 */
#include <stdint.h>
#include <stdlib.h>

#include "agent/scanner/filetype.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ALL_TYPES (SK_TYPE_PROGRAM | SK_TYPE_SCRIPT | SK_TYPE_MACRO_DOCUMENT | SK_TYPE_ENCRYPTED_ARCHIVE)

static void require(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FileType type = filetype_detect(data, size), again = filetype_detect(data, size);

	require((type.types & ~(uint32_t)ALL_TYPES) == 0);
	require(type.types == again.types && type.mime == again.mime);
	require(type.types == 0 || type.mime);
	return 0;
}
