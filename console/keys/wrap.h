/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a wrap in the database is bound to: its kind, its row and its medium. A wrap that was moved to another
 * row does not open.
 */
#include "console/keys/vault.h"
#include "lib/base/str.h"

#define SK_WRAP_CONTEXT_SIZE 128

/* kind: "oprf", "escrow". */
static inline SkAeadContext sk_wrap_context(
	char text[SK_WRAP_CONTEXT_SIZE], const char *kind, const char *row_id, const char *medium_id)
{
	sk_str_format(text, SK_WRAP_CONTEXT_SIZE, "sekisho wrap 1 %s %s %s", kind, row_id, medium_id);
	return (SkAeadContext){text, strlen(text)};
}
