/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a terminal is told of its authority, each whole: every grant that lives for it, and what is
 * revoked. What did not change since the revision that it is at, is not told again. The payloads are to be
 * signed for this terminal; their serial is its revision (tell.h). Both depend on nothing but rows whose
 * changes raise the revision, so that two consoles say the same under one serial.
 */
#include <jansson.h>
#include <stdint.h>

#include "console/db/db.h"

typedef struct SkAuthority {
	int64_t revision;
	json_t *grants, *revocations; /* owned; NULL: not changed */
} SkAuthority;

void sk_authority_deinit(SkAuthority *authority);

/*
 * Everything of one moment. known: the revision that the terminal is at; 0: all is told. A grant whose row
 * does not fit what was signed for it is left out, and the journal says so.
 * Return: 0, -ENOENT no such terminal, others.
 */
int sk_authority_read(SkDb *db, const char *terminal, int64_t known, SkAuthority *ret_authority);
