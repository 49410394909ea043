/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The duties of this console, and how often each is done. Whoever has one adds a row to duty_list.c. */
#include "console/server/duties.h"

extern const SkDuty sk_duty_list[];
