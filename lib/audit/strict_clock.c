/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/audit/strict_clock.h"

#include "lib/base/str.h"

#define USEC_PER_MSEC 1000
#define APART_MSEC 60000

static bool is_synchronised(const SkAuditTime *now)
{
	return now->clock && sk_str_eq(now->clock, "synchronised");
}

/* What the time is at least, by all that is known. */
static int64_t known_time(const SkStrictClock *clock, const SkAuditTime *now)
{
	if (!clock->boot[0])
		return now->wall;
	if (sk_str_eq(clock->boot, now->boot))
		return clock->wall + (int64_t)(now->mono - clock->mono);
	return is_synchronised(now) || now->wall > clock->wall ? now->wall : clock->wall;
}

SkStrictTime sk_strict_clock_look(SkStrictClock *clock, const SkAuditTime *now)
{
	int64_t known = known_time(clock, now);

	/* Drift: a synchronised clock that is ahead is right. One that is behind was set back, or the known
	 * time was wrong; until the next boot nobody can tell. */
	if (is_synchronised(now) && now->wall > known)
		known = now->wall;
	clock->wall = known;
	clock->mono = now->mono;
	sk_str_copy(clock->boot, sizeof(clock->boot), now->boot);
	return (SkStrictTime){.earliest = (now->wall < known ? now->wall : known) / USEC_PER_MSEC,
		.latest = (now->wall > known ? now->wall : known) / USEC_PER_MSEC};
}

SkStrictVerdict sk_strict_time_judge(const SkStrictTime *time, int64_t from, int64_t until)
{
	if (time->latest >= until)
		return SK_STRICT_OVER;
	return time->earliest < from ? SK_STRICT_NOT_YET : SK_STRICT_WITHIN;
}

bool sk_strict_time_is_doubtful(const SkStrictTime *time, int64_t from, int64_t until)
{
	const SkStrictTime first = {time->earliest, time->earliest}, last = {time->latest, time->latest};

	return time->latest - time->earliest > APART_MSEC &&
	       sk_strict_time_judge(&first, from, until) != sk_strict_time_judge(&last, from, until);
}
