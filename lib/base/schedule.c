/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/schedule.h"

#include <errno.h>
#include <sched.h>

int sk_schedule_first(SkTurn turn)
{
	const struct sched_param parameters = {.sched_priority = (int)turn};

	return sched_setscheduler(0, SCHED_RR, &parameters) < 0 ? -errno : 0;
}
