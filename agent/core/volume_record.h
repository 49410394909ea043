/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What is said of a volume: in records, to people, over D-Bus.
 */
#include "agent/core/volumes.h"

void record_volume(Core *core, const Volume *volume, const char *kind, SkReason code, const char *actor);
json_t *volume_to_json(const Core *core, const Volume *volume);
json_t *volumes_to_json(const Core *core);

/* Ends the way of the volume with a code, and records it. detail may be NULL; it is escaped already. */
void volume_refuse(Core *core, Volume *volume, SkReason code, const char *detail);

/* It waits for what the code says, or for what is no news to anybody. */
void volume_wait(Core *core, Volume *volume, SkReason code);
