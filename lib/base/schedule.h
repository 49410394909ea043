/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* When a process runs. */

/*
 * Before all that share the processor by nice values, and in turns with others of this kind (SCHED_RR, the
 * lowest priority). LimitRTPRIO= and LimitRTTIME= of the unit allow and bound it.
 * Return: 0, or negative errno: it runs on as before, only later. (A kernel with CONFIG_RT_GROUP_SCHED
 * refuses it outside the root group; so it is asked for here and not by the unit, which would not start.)
 */
int sk_schedule_first(void);
