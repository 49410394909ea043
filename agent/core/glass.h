/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The emergency function (EMG-1): with a code from a sealed envelope, and the password of whoever opens it
 * (polkit), this PC refuses nothing for some minutes, without the network; everything is recorded, and every
 * screen may show it (status). A code works once. It ends by itself, over a restart too, and by the stricter
 * of the clocks.
 */
#include <jansson.h>
#include <stdbool.h>

#include "lib/reason/reason.h"

typedef struct Core Core;
typedef struct Glass Glass;

/* After codes_open(). Return: 0 or negative errno. */
int glass_open(Core *core);
void glass_close(Core *core);
void glass_forget(Core *core);

typedef struct GlassEntry {
	const char *text, *reason, *user, *actor;
} GlassEntry;

/* Return: SK_GLASS_BROKEN; SK_CODE_SLIP, SK_CODE_WRONG, SK_CODE_OVER, SK_CODES_TOO_MANY,
 * SK_GLASS_REASON_NEEDED, SK_RECORDS_FAIL. Each is a record. */
SkReason glass_break(Core *core, const GlassEntry *entry);

/* The emergency is over. Return: SK_GLASS_ENDED, SK_CODE_OVER it does not run. */
SkReason glass_end(Core *core, const char *actor);

/* Is it running now? */
bool glass_is_broken(const Core *core);

/* For status: {running, until, user, reason}. */
json_t *glass_to_json(const Core *core);
