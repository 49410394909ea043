/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/schedule.h"

#include <errno.h>
#include <sched.h>

int sk_schedule_first(void)
{
	const struct sched_param lowest = {.sched_priority = 1};

	return sched_setscheduler(0, SCHED_RR, &lowest) < 0 ? -errno : 0;
}
