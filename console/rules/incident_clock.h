/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The terms of the report to the Personal Information Protection Commission after a leak or loss (LOSS-2; Act
 * on the Protection of Personal Information, article 26; its Enforcement Rules, article 8; the Commission's
 * guidelines 通則編 3-5-3). The day on which the institution learned of it is the first day.
 *
 *	preliminary report (速報)  promptly, in about 3 to 5 days
 *	final report (確報)        within 30 days; 60 where somebody may have acted with an improper purpose
 * (theft, attack)
 *
 * A final report whose last day falls on a day on which public offices are closed is due on the next open
 * day.
 */
#include <stdbool.h>
#include <stdint.h>

#define SK_INCIDENT_PRELIMINARY_SOON 3 /* days: from here on it presses */
#define SK_INCIDENT_PRELIMINARY 5
#define SK_INCIDENT_FINAL 30
#define SK_INCIDENT_FINAL_IMPROPER 60

typedef struct SkIncidentClock {
	int64_t preliminary_soon; /* ends of days in Japan, ms since 1970 */
	int64_t preliminary_due;
	int64_t final_due;
} SkIncidentClock;

/* learned: ms since 1970. improper: an improper purpose cannot be excluded. */
SkIncidentClock sk_incident_clock(int64_t learned, bool improper);
