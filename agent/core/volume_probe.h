/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * How core learns what is on a volume: the monitor has a probe look at it, which answers with SkBlockFacts.
 */
#include "agent/core/volumes.h"

/* What a probe may send. */
extern const SkMsgSpec volume_facts_specs[];

/* The volume goes on with volume_advance() when the facts are there, and is refused when they do not come. */
void volume_probe_start(Core *core, Volume *volume);

/* Also ends the wait for partitions (volume_decide.c). */
void volume_probe_stop(Volume *volume);
