/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The time as somebody judges who does not believe the wall clock: it can be set, by hand or in the firmware.
 * What is known for sure is how long this boot lasts. So the time lies between the wall clock and what was
 * known before plus what has passed since; what begins is judged by the earlier of the two, what ends by the
 * later. A clock that was set back does not make a grant longer, one that was set forward does not begin it.
 *
 * Over a reboot nothing counts on but the wall clock, and the last time that was known is a floor. Within a
 * boot the known time only goes forward, whoever says that the clock is synchronised; at the next boot a
 * synchronised clock is believed again, so a wrong time in the future does not stay for ever.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/audit/audit.h"

/* What is kept, also on the disk; all zero: nothing is known. */
typedef struct SkStrictClock {
	int64_t wall; /* µs since 1970, when mono was read */
	uint64_t mono;
	char boot[33];
} SkStrictClock;

/* ms since 1970: it is neither before the one nor after the other. */
typedef struct SkStrictTime {
	int64_t earliest, latest;
} SkStrictTime;

/* Looks at the clocks, and keeps what is known now. */
SkStrictTime sk_strict_clock_look(SkStrictClock *clock, const SkAuditTime *now);

typedef enum SkStrictVerdict { SK_STRICT_WITHIN, SK_STRICT_NOT_YET, SK_STRICT_OVER } SkStrictVerdict;

/* from and until: ms since 1970; it is over at until. */
SkStrictVerdict sk_strict_time_judge(const SkStrictTime *time, int64_t from, int64_t until);

/*
 * The two times say different things of it, and are further apart than clocks that are right: somebody set
 * the clock. Of that he is told, because the other verdicts would have him wait, or ask for what he has.
 */
bool sk_strict_time_is_doubtful(const SkStrictTime *time, int64_t from, int64_t until);
