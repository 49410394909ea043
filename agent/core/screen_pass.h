/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A presentation pass: for some minutes the limits of the screen lock do not apply at this PC, for a reason
 * that is on record. It is counted by a clock that nobody sets, ends with the boot, and sekisho-lock ends it
 * also without core.
 */
#include <jansson.h>
#include <stdint.h>

#include "lib/reason/reason.h"

typedef struct Core Core;

/* Goes on with the one of this boot that is on the disk. */
void screen_pass_open(Core *core);
void screen_pass_close(void);

/* Return: SK_SCREEN_PASS it holds; SK_SCREEN_PASS_REFUSED the policy allows none, or none so long. */
SkReason screen_pass_begin(Core *core, uint64_t minutes, const char *reason, const char *actor);

/* why: for the record. Return: SK_SCREEN_PASS_OVER; SK_SCREEN_PASS_NONE there is none. */
SkReason screen_pass_end(Core *core, const char *why, const char *actor);

/* Microseconds of CLOCK_BOOTTIME; 0: there is none. */
uint64_t screen_pass_until(void);

/* {seconds, reason, actor}; NULL: there is none. */
json_t *screen_pass_to_json(void);
