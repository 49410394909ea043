/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* May a registered medium be opened here, now? What its header says is compared with what the console signed.
 */
#include <jansson.h>

#include "agent/core/carry.h"
#include "lib/ipc/proto_carry.h"

/* The id in the ledger that its token claims. */
const char *carry_medium(const Volume *volume);

/* What the console signed of a medium. Return: false when it signed nothing that tells it from another one.
 */
bool carry_read_identity(const json_t *grant, SkLuksWanted *wanted);

/* Does the header say so, too? */
bool carry_is_the_one(const SkLuksFacts *facts, const SkLuksWanted *wanted);

/* Return: SK_REASON_NONE and what it must be, or why not. */
SkReason carry_judge(Core *core, const Volume *volume, bool writing, SkLuksWanted *ret_wanted);

/* Return: SK_MEDIUM_LOCKED it may be opened for writing or for reading, or why not for writing. */
SkReason carry_judge_any(Core *core, const Volume *volume);
