/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * From what is known of a volume to what becomes of it.
 */
#include "agent/core/volumes.h"

/* Takes the volume as far as what is known allows. */
void volume_advance(Core *core, Volume *volume);

/* Why no medium could be opened now, whatever is on it: records, definitions, room, nobody there; or
 * SK_REASON_NONE. */
SkReason volume_why_not(Core *core, const Volume *volume);

/* A partition came late, after its disk was said to have none. */
void volume_partition_appeared(Core *core, const Volume *volume);

/* What is open stays open only when it would be opened in the same way again. */
bool volume_is_decided_alike(Core *core, const Volume *volume);
