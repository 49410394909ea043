/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * rpm's database, rpmdb.sqlite: a table of headers, each an index of tags and a store (rpm's
 * docs/manual/format_header.md).
 */
#include "agent/posture/packages.h"

/* Fills packages. Return: 0; -ENOENT there is none; negative errno. */
int rpmdb_read(const Posture *posture, Packages *packages);

/*
 * Where a header has its tags: name, version, release, architecture (text, "" when missing) and epoch. They
 * point into the header. Return: false when it is none.
 */
typedef struct RpmHeader {
	const char *name, *version, *release, *architecture;
	uint32_t epoch;
} RpmHeader;
bool rpm_header_parse(const uint8_t *bytes, size_t size, RpmHeader *ret_header);
