/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Hours of a week, as people write them: "Mon-Fri 07:00-20:00, Sat 08:00-13:00", "daily 22:00-06:00" over
 * midnight, or "any". They are those of the wall: where the clock is put forward or back, an hour that is
 * there twice is open twice, and one that is not there is not open.
 */
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/conf/value.h"

#define SK_HOURS_MINUTES (7 * 24 * 60)

typedef struct SkHours {
	bool any;
	uint8_t open[SK_HOURS_MINUTES / 8]; /* a bit for each minute, from Sunday 00:00 */
} SkHours;

/* text: as of sk_value_parse(). Return: 0 or -EINVAL; ret_error as there. */
int sk_hours_parse(const char *text, SkHours *ret_hours, SkValueError *ret_error);

/* In the time zone of this PC. */
bool sk_hours_are_open(const SkHours *hours, time_t at);

/* When it will be otherwise than at that time, within eight days; 0: never. */
time_t sk_hours_next_change(const SkHours *hours, time_t at);
