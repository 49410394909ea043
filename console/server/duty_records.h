/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Duties about records: heads are signed and stamped, records are sent on. */
#include "console/server/duties.h"

/* Signs the heads of the agents' chains. */
int sk_duty_heads(SkDutyWork *work);

/* Has them stamped by the time stamping authority, where one is set. */
int sk_duty_stamps(SkDutyWork *work);

/* Sends records to their receivers. */
int sk_duty_forward(SkDutyWork *work);
