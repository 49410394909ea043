/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Lists of package managers, plain or packed (gz, xz, zst, lz4, bz2), as text. */
#include "agent/posture/posture.h"

/* As file_read(); -EBADMSG: it cannot be unpacked. */
int file_unpack(const Posture *posture, const char *path, size_t max, char **ret_text);
