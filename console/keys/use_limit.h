/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Counting uses of a key in windows of time, for medium_key.c. */
#include "console/keys/medium_key.h"

/* Inside a transaction. Return: 0 counted; -EDQUOT and of what; those of the database. */
int sk_use_count(SkDb *db, const SkKeyLimits *limits, SkKeyUse *use);

/* A row of key_uses, inside a transaction; a medium that is not there has none. */
int sk_use_note(SkDb *db, const SkKeyUse *use, const char *outcome);
