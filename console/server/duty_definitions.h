/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What the mirror of virus definitions left in its folder is served from now on. */
#include "console/server/duties.h"

int sk_duty_definitions(SkDutyWork *work);
