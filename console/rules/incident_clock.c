/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/incident_clock.h"

#include "console/rules/calendar.h"

/* The last of n days, the first of which is `first`. */
static int64_t last_of(int64_t first, int n)
{
	return first + n - 1;
}

SkIncidentClock sk_incident_clock(int64_t learned, bool improper)
{
	int64_t first = sk_day_of(learned);
	int64_t final = last_of(first, improper ? SK_INCIDENT_FINAL_IMPROPER : SK_INCIDENT_FINAL);

	while (sk_day_is_closed(final))
		final++;
	return (SkIncidentClock){
		.preliminary_soon = sk_day_end(last_of(first, SK_INCIDENT_PRELIMINARY_SOON)),
		.preliminary_due = sk_day_end(last_of(first, SK_INCIDENT_PRELIMINARY)),
		.final_due = sk_day_end(final),
	};
}
