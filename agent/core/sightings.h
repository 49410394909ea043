/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the console hears of registered media that are plugged in, and what it says of them (agent.sighting):
 * it counts them for the stock-taking, and knows why one is not granted here. What it says comes over the
 * uplink unsigned, so it changes the words of a refusal, and never refuses less.
 */
#include "agent/core/volumes.h"
#include "lib/reason/reason.h"

/* It was plugged in. Told now, or when the console can be reached; once for each time that it is plugged in.
 */
void sighting_tell(Core *core, Volume *volume);

/* Called once, when the console has said how it stands, or does not answer; perhaps before sighting_ask()
 * returns. subject: the sysname of the volume, which may be gone. */
typedef void (*SightingDone)(Core *core, const char *subject, void *userdata);
void sighting_ask(Core *core, const Volume *volume, SightingDone done, void *userdata);

/* The reason why a medium is not opened, in the console's more exact words. */
SkReason sighting_reason(const Volume *volume, SkReason code);
