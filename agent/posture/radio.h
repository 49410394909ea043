/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Radios of one kind, as rfkill and the classes of sysfs show them. */
#include "agent/posture/posture.h"

typedef struct RadioKind {
	const char *const *types;   /* of rfkill, ended by NULL */
	const char *const *classes; /* paths of sysfs whose entries are adapters, ended by NULL */
	SkReason code;		    /* when one is on that should not be */
} RadioKind;

void radio_judge(const Posture *posture, const RadioKind *kind, bool refused, PostureResult *result);
