/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Roll-outs of policies go on, or stop, by themselves (console/rules/policy_rollout.h). */
#include "console/server/duties.h"

int sk_duty_rollouts(SkDutyWork *work);
