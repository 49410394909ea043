/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* When a process runs. */

/*
 * Who goes first when a device waits for its decision: the one that decides, before those that read the
 * device and tidy up behind it. A priority of SCHED_RR; LimitRTPRIO= of the unit allows it.
 */
typedef enum SkTurn {
	SK_TURN_READ = 1,
	SK_TURN_DECIDE = 2,
} SkTurn;

/*
 * Before all that share the processor by nice values, and in turns with others of this kind (SCHED_RR).
 * LimitRTTIME= of the unit bounds it.
 * Return: 0, or negative errno: it runs on as before, only later. (A kernel with CONFIG_RT_GROUP_SCHED
 * refuses it outside the root group; so it is asked for here and not by the unit, which would not start.)
 */
int sk_schedule_first(SkTurn turn);
